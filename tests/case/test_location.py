from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_qparity.case.location import Location, line_of, lines_of

TEXT = '''\
# a comment = [
model = "a # b"

[data]
test = """
[not.a.header]
key = 1
"""
batch = 8
[precisions."int8 x"]   # header
keep_float = [
    "a",   # first ]
    "b]",

    'c',
]
[budgets.ort]
int8 = {speedup_over = {fp32 = 2.0, "bf\\u00316" = 1.5}, memory_mb = 64}
fp16.memory_mb = 3
[[waivers]]
run = "a"
[[waivers]]
run = "b"
[waivers.more]
x = 1
'''


@pytest.mark.parametrize(
    ("location", "line"),
    [
        (("model",), 2),
        (("data",), 4),
        (("data", "test"), 5),
        (("data", "batch"), 9),
        (("precisions",), 10),
        (("precisions", "int8 x"), 10),
        (("precisions", "int8 x", "keep_float", 0), 12),
        (("precisions", "int8 x", "keep_float", 1), 13),
        (("precisions", "int8 x", "keep_float", 2), 15),
        (("budgets", "ort", "int8", "speedup_over", "fp32"), 18),
        (("budgets", "ort", "int8", "speedup_over", "bf16"), 18),
        (("budgets", "ort", "fp16", "memory_mb"), 19),
        (("waivers", 0, "run"), 21),
        (("waivers", 1), 22),
        (("waivers", 1, "run"), 23),
        (("waivers", 1, "more", "x"), 25),
    ],
)
def test_a_key_is_found_at_its_line(location: Location, line: int) -> None:
    assert line_of(TEXT, location) == line


def test_a_key_that_is_not_there_has_the_line_of_its_table() -> None:
    assert line_of(TEXT, ("data", "calibration")) == 4
    assert line_of(TEXT, ("waivers", 1, "expires")) == 22
    assert line_of(TEXT, ("precisions", "int8 x", "keep_float", 7)) == 11


def test_what_the_text_holds_nothing_of_has_no_line() -> None:
    assert line_of(TEXT, ("accuracy", "metric")) is None
    assert line_of(TEXT, ()) is None
    assert line_of("", ("model",)) is None


def test_windows_line_ends_count_once() -> None:
    assert line_of("a = 1\r\n\r\nb = 2\r\n", ("b",)) == 3


def test_brackets_nested_deeper_than_python_recurses_end_the_scan() -> None:
    assert lines_of("a = 1\nb = " + "[" * 100_000)[("a",)] == 1


@given(st.text(alphabet="[]{}\"'=.,#\n\\ ab1", max_size=60))
def test_any_text_is_scanned_to_an_end_and_all_that_tomllib_reads_is_found(text: str) -> None:
    lines = lines_of(text)

    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    for location in _locations(document, ()):
        assert location in lines


def _locations(value: Any, location: Location) -> list[Location]:
    parts: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, part in parts for found in ((*location, key), *_locations(part, (*location, key)))]


@dataclass
class Written:
    """A TOML text, and the line at which it was told to put each key."""

    lines: list[str] = field(default_factory=lambda: [""])
    expected: dict[Location, int] = field(default_factory=dict)

    def put(self, text: str) -> None:
        first, *rest = text.split("\n")
        self.lines[-1] += first
        self.lines += rest

    def mark(self, location: Location) -> None:
        for length in range(1, len(location) + 1):
            self.expected.setdefault(location[:length], len(self.lines))


KEYS = st.sampled_from(["a", "b-1", "c d", "e.f", '"', "#", "[x]", "é", "\t"])
SCALARS = st.sampled_from(
    [
        "1",
        "-2.5e3",
        "true",
        "2027-03-01",
        '"x"',
        '"# ] } \\" ="',
        "'[y]\\'",
        '"""\n[z]\n"x" = 1 \\"""""',
        "'''\n#'''",
        '""',
    ]
)
BREAKS = st.sampled_from(["", " ", "\n", " # [ ] = { }\n", "\n\n\t"])
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=6
)


def quoted(key: str) -> str:
    if key.replace("-", "").isalnum() and key.isascii():
        return key
    return '"' + key.replace('"', '\\"').replace("\t", "\\t").replace("é", "\\u00e9") + '"'


def put_value(written: Written, value: Any, location: Location, draw: st.DrawFn) -> None:
    if isinstance(value, str):
        written.put(value)
    elif isinstance(value, list):
        written.put("[" + draw(BREAKS))
        for index, each in enumerate(value):
            written.mark((*location, index))
            put_value(written, each, (*location, index), draw)
            written.put(draw(BREAKS) + "," + draw(BREAKS))
        written.put("]")
    else:
        written.put("{ ")
        for number, (key, each) in enumerate(value.items()):
            written.put(", " if number else "")
            written.mark((*location, key))
            written.put(f"{quoted(key)} = ")
            put_value(written, each, (*location, key), draw)
        written.put(" }")


@st.composite
def written_texts(draw: st.DrawFn) -> Written:
    written = Written()
    sections = draw(st.lists(st.tuples(KEYS, KEYS, st.booleans()), max_size=4, unique_by=lambda section: section[:2]))
    for number, (outer, inner, repeated) in enumerate([("", "", False), *sections]):
        header = (f"{number}{outer}", inner)
        for index in range(2 if repeated else 1):
            table: Location = (*header, index) if repeated else header if number else ()
            if number:
                written.mark(table)
                dotted = ".".join(quoted(key) for key in header)
                written.put(f"[[{dotted}]]\n" if repeated else f"[ {dotted} ] # ]\n")
            for key, value in draw(st.dictionaries(KEYS, VALUES, max_size=3)).items():
                written.mark((*table, key))
                written.put(f"{quoted(key)} = ")
                put_value(written, value, (*table, key), draw)
                written.put(draw(st.sampled_from(["\n", " # = [\n", "\n\n"])))
    return written


@given(written_texts())
def test_every_key_table_and_item_of_a_text_is_found_where_it_was_written(written: Written) -> None:
    text = "\n".join(written.lines)
    document = tomllib.loads(text)

    assert set(_locations(document, ())) == set(written.expected)
    assert {location: line_of(text, location) for location in written.expected} == written.expected
