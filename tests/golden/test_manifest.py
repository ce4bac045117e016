from __future__ import annotations

import dataclasses
import difflib
import json

import pytest

from pytest_qparity.digest import bytes_digest, json_digest
from pytest_qparity.golden.manifest import (
    ELEMENT_TYPES,
    GoldenKey,
    Manifest,
    StoredOutput,
    file_name,
    is_array_file,
    parse,
    render,
)

SHA256 = bytes_digest(b"logits")
LOGITS = StoredOutput("logits", file_name(0, "logits", SHA256), "float32", (6, 4), SHA256, -1.5, 2.25, 0.125)
MANIFEST = Manifest(GoldenKey("m", "d", "r"), (LOGITS,), 6, {"engine": "ort", "version": "1.32.0"})


def edited(**changes: object) -> bytes:
    """The manifest with other fields, its digest made anew; `output` changes those of the first output."""
    value = json.loads(render(MANIFEST))
    value["outputs"][0].update(changes.pop("output", {}))
    value.update(changes)
    del value["digest"]
    return json.dumps({**value, "digest": json_digest(value)}).encode()


def test_a_manifest_is_read_as_it_was_written():
    assert parse(render(MANIFEST).encode()) == MANIFEST


def test_a_manifest_is_sorted_indented_by_one_and_ends_in_a_newline():
    text = render(MANIFEST)

    assert text == json.dumps(json.loads(text), indent=1, sort_keys=True) + "\n"
    assert '\n   "mean": 0.125,\n' in text


def test_another_value_of_one_output_changes_only_its_line_and_the_digest():
    other = dataclasses.replace(MANIFEST, outputs=(dataclasses.replace(LOGITS, mean=0.5),))

    changes = difflib.ndiff(render(MANIFEST).splitlines(), render(other).splitlines())

    assert [line.split(":")[0] for line in changes if line[0] in "+-"] == [
        '-  "digest"',
        '+  "digest"',
        '-    "mean"',
        '+    "mean"',
    ]


def test_the_order_of_the_provenance_does_not_matter():
    other = dataclasses.replace(MANIFEST, provenance=dict(reversed(MANIFEST.provenance.items())))

    assert render(other) == render(MANIFEST)


REFUSED = [
    pytest.param(b"", "not JSON", id="empty"),
    pytest.param(b"\xff\xfe", "not JSON", id="not UTF-8"),
    pytest.param(b"[" * 100_000, "should be a manifest", id="nested"),
    pytest.param(b" " * (4 * 2**20 + 1), "should be at most 4194304", id="huge"),
    pytest.param(b"[]", "got list in the manifest", id="a list"),
    pytest.param(b"{}", "got nothing in the manifest", id="no fields"),
    pytest.param(render(MANIFEST).replace('"samples"', '"sample"').encode(), "got digest, format, key", id="misspelt"),
    pytest.param(b'{"format": 1, "format": 1}', "got one key twice", id="a key twice"),
    pytest.param(edited(format=2), "got format 2, should be 1", id="format of the future"),
    pytest.param(edited(format=True), "got format True, should be 1", id="format of another type"),
    pytest.param(edited(format=None), "got format None, should be 1", id="no format"),
    pytest.param(edited(more=1), "more, outputs", id="unknown field"),
    pytest.param(edited(key={"model": "m", "data": "d"}), "in the key, should be data, model, recipe", id="short key"),
    pytest.param(edited(key={"model": "m", "data": "d", "recipe": ""}), "without its digests", id="empty digest"),
    pytest.param(edited(key={"model": "m", "data": "d", "recipe": 3}), "without its digests", id="digest a number"),
    pytest.param(edited(key="m"), "got str in the key", id="key a text"),
    pytest.param(edited(samples=0), "got samples 0", id="no samples"),
    pytest.param(edited(samples=6.0), "got samples 6.0", id="samples a float"),
    pytest.param(edited(samples=True), "got samples True", id="samples a bool"),
    pytest.param(edited(provenance={"engine": 1}), "should be texts by name", id="provenance a number"),
    pytest.param(edited(provenance=["ort"]), "should be texts by name", id="provenance a list"),
    pytest.param(edited(outputs=[]), "got no outputs", id="no outputs"),
    pytest.param(edited(outputs={}), "got no outputs", id="outputs by name"),
    pytest.param(edited(outputs=5), "got no outputs", id="outputs a number"),
    pytest.param(edited(outputs=["logits"]), "got str in output 0", id="output a text"),
    pytest.param(edited(output={"name": ""}), "got name '' for output 0", id="output without a name"),
    pytest.param(edited(output={"name": 1}), "got name 1 for output 0", id="name a number"),
    pytest.param(edited(output={"dtype": "object"}), "got type 'object'", id="type object"),
    pytest.param(edited(output={"dtype": ["float32"]}), "got type ['float32']", id="type a list"),
    pytest.param(edited(output={"shape": "6,4"}), "got shape 6,4", id="shape a text"),
    pytest.param(edited(output={"shape": 6}), "got shape 6", id="shape a number"),
    pytest.param(edited(output={"shape": [6, 0]}), "got shape [6, 0]", id="no elements"),
    pytest.param(edited(output={"shape": [6, -4]}), "got shape [6, -4]", id="negative size"),
    pytest.param(edited(output={"shape": [6.0, 4]}), "got shape [6.0, 4]", id="size a float"),
    pytest.param(edited(output={"shape": [True, 4]}), "got shape [True, 4]", id="size a bool"),
    pytest.param(edited(output={"shape": [1] * 33}), "got shape [1, 1", id="33 dimensions"),
    pytest.param(edited(output={"sha256": SHA256[:40]}), "should be 64 hex digits", id="short sha256"),
    pytest.param(edited(output={"sha256": SHA256.upper()}), "should be 64 hex digits", id="upper case sha256"),
    pytest.param(edited(output={"sha256": None}), "should be 64 hex digits", id="no sha256"),
    pytest.param(edited(output={"file": "../x.npy"}), "got file '../x.npy'", id="file above"),
    pytest.param(edited(output={"file": "/tmp/x.npy"}), "got file '/tmp/x.npy'", id="absolute file"),
    pytest.param(edited(output={"file": f"a/{LOGITS.file}"}), "got file 'a/000_", id="file below"),
    pytest.param(edited(output={"file": LOGITS.file.upper()}), "got file '000_LOGITS", id="file by another name"),
    pytest.param(edited(output={"min": None}), "got min None", id="no min"),
    pytest.param(edited(output={"max": "2.25"}), "got max '2.25'", id="max a text"),
    pytest.param(edited(output={"mean": True}), "got mean True", id="mean a bool"),
    pytest.param(edited().replace(b"0.125", b"NaN"), "got NaN", id="mean NaN"),
    pytest.param(edited().replace(b"0.125", b"1e999"), "got mean inf", id="mean beyond float64"),
    pytest.param(edited().replace(b"0.125", b"9" * 400), "got a number of 400 digits", id="mean of 400 digits"),
    pytest.param(edited().replace(b"0.125", b"9" * 5000), "got a number of 5000 digits", id="mean of 5000 digits"),
    pytest.param(render(MANIFEST).replace("ort", "\\ud800").encode(), "got half of a surrogate pair", id="surrogate"),
    pytest.param(render(MANIFEST).replace("0.125", "0.126").encode(), "beside content of", id="a figure edited"),
    pytest.param(render(MANIFEST).replace('"m"', '"M"').encode(), "beside content of", id="the key edited"),
]


@pytest.mark.parametrize(
    ("content", "sentence"),
    REFUSED,
)
def test_any_other_content_is_refused_in_a_sentence(content, sentence):
    with pytest.raises(ValueError, match=r"^got ") as refusal:
        parse(content)

    assert sentence in str(refusal.value)


def test_two_outputs_of_one_name_are_refused():
    second = dataclasses.replace(LOGITS, file=file_name(1, "logits", SHA256))

    with pytest.raises(ValueError, match="got two outputs of one name"):
        parse(render(dataclasses.replace(MANIFEST, outputs=(LOGITS, second))).encode())


def manifest_or_sentence(content):
    try:
        return parse(content)
    except ValueError as refusal:
        return str(refusal)


def test_every_single_byte_of_a_manifest_counts():
    content = render(MANIFEST).encode()

    for position in range(len(content)):
        for value in {content[position] ^ 1, content[position] ^ 0x20, content[position] ^ 0x80, 0, ord(" ")}:
            changed = content[:position] + bytes([value]) + content[position + 1 :]
            read = manifest_or_sentence(changed)
            # Equal where the byte is white space between two values.
            assert read == MANIFEST or str(read).startswith("got "), changed


@pytest.mark.parametrize("name", ["logits", "a/b:0", "../../etc/passwd", "é" * 300, ".", "x" * 300, "C:\\x", "con\n"])
def test_every_output_name_gives_a_safe_file_name(name):
    file = file_name(3, name, SHA256)

    assert is_array_file(file)
    assert len(file) < 80
    assert file.isascii()


@pytest.mark.parametrize("name", ["manifest.json", "logits.npy", "README.md", f"../{LOGITS.file}", f"{LOGITS.file}\n"])
def test_files_of_others_are_not_taken_for_arrays(name):
    assert not is_array_file(name)


@pytest.mark.parametrize("missing", ["model", "data", "recipe"])
def test_a_key_without_a_digest_is_refused(missing):
    with pytest.raises(ValueError, match="all three digests"):
        GoldenKey(**{"model": "m", "data": "d", "recipe": "r", missing: ""})


def test_element_types_are_little_endian_or_of_one_byte():
    assert {stored[0] for stored in ELEMENT_TYPES.values()} == {"<", "|"}
