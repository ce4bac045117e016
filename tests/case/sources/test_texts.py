"""Texts: JSON Lines and a tokenizer."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pytest_qparity.case.model import TensorInfo
from pytest_qparity.verdict import Code
from tests.case.sources.opening import all_of, fed, opened, said

tokenizers = pytest.importorskip("tokenizers")

NAMES = ("input_ids", "attention_mask", "token_type_ids")
INPUTS = tuple(TensorInfo(name, "int64", ("N", "T")) for name in NAMES)
TABLE = '[text]\ntokenizer = "tokenizer.json"\nmax_length = 4\n'
TOML = 'test = "lines.jsonl"\nbatch = 2\n' + TABLE


@pytest.fixture
def folder(tmp_path):
    vocabulary = {word: index for index, word in enumerate(["[PAD]", "[UNK]", "a", "b", "c", "[SEP]"])}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single="$A [SEP]", pair="$A [SEP] $B:1 [SEP]:1", special_tokens=[("[SEP]", 5)]
    )
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    lines(tmp_path, {"text": "a b", "label": 1}, {"text": "c a b c a", "label": 0}, {"text": "zz", "label": 1})
    return tmp_path


def lines(folder, *rows):
    (folder / "lines.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_texts_become_ids_filled_up_and_cut_to_a_length(folder):
    found = all_of(fed(folder, TOML, INPUTS))

    assert found["input_ids"].tolist() == [[2, 3, 5, 0], [4, 2, 3, 5], [1, 5, 0, 0]]
    assert found["attention_mask"].tolist() == [[1, 1, 1, 0], [1, 1, 1, 1], [1, 1, 0, 0]]
    assert found["token_type_ids"].tolist() == [[0, 0, 0, 0]] * 3
    assert {array.dtype for array in found.values()} == {np.dtype("int64")}


def test_labels_and_ids_come_from_the_lines(folder):
    samples = opened(folder, TOML, INPUTS)

    assert samples.labels.tolist() == [1, 0, 1]
    assert list(samples.ids) == ["lines.jsonl:1", "lines.jsonl:2", "lines.jsonl:3"]


def test_the_model_gets_the_inputs_that_it_has_in_its_type(folder):
    inputs = (TensorInfo("input_ids", "int32", ("N", 4)),)

    found = all_of(fed(folder, TOML + 'dtype = "int32"\n', inputs))

    assert list(found) == ["input_ids"]
    assert found["input_ids"].dtype == np.int32


def test_batches_are_filled_up_to_their_longest(folder):
    feeds = list(fed(folder, TOML + 'pad = "longest"\n', INPUTS))

    assert [feed.arrays["input_ids"].tolist() for feed in feeds] == [[[2, 3, 5, 0], [4, 2, 3, 5]], [[1, 5]]]
    assert [feed.arrays["attention_mask"].tolist() for feed in feeds] == [[[1, 1, 1, 0], [1, 1, 1, 1]], [[1, 1]]]


def test_two_columns_are_a_pair(folder):
    lines(folder, {"first": "a", "second": "b"})
    toml = TOML.replace("max_length = 4", 'max_length = 5\ncolumn = ["first", "second"]')

    found = all_of(fed(folder, toml, INPUTS))

    assert found["input_ids"].tolist() == [[2, 5, 3, 5, 0]]
    assert found["token_type_ids"].tolist() == [[0, 0, 1, 1, 0]]


def test_labels_may_be_names_of_classes(folder):
    lines(folder, {"text": "a", "label": "good"}, {"text": "b", "label": "bad"})
    (folder / "classes.txt").write_text("bad\ngood\n")
    toml = 'classes = "classes.txt"\n' + TOML
    assert opened(folder, toml, INPUTS).labels.tolist() == [1, 0]

    lines(folder, {"text": "a", "label": "good"}, {"text": "b", "label": "goood"})
    assert said(opened, folder, toml, INPUTS, code=Code.DATA_LABELS) == (
        'lines.jsonl:2: got label "goood", should be one of the 2 classes of classes.txt.'
    )

    lines(folder, {"text": "a", "label": 2})
    assert said(opened, folder, toml, INPUTS, code=Code.DATA_LABELS).startswith("lines.jsonl:1: got label 2")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ('{"text": "a"}\n{"text": \n', "lines.jsonl:2: got JSONDecodeError"),
        ('{"text": "a"}\n["a"]\n', "lines.jsonl:2: got a JSON list, should be an object in curly brackets."),
        ('{"txt": "a"}\n', 'lines.jsonl:1: got no column "text", should be one of: txt.'),
        ('{"text": 3}\n', 'lines.jsonl:1: got int in column "text", should be text.'),
        ('{"text": "a", "x": NaN}\n', "lines.jsonl:1: got ValueError: NaN is no JSON number"),
    ],
    ids=["cut", "a list", "another column", "a number", "NaN"],
)
def test_a_line_that_is_no_sample_is_named(folder, content, sentence):
    (folder / "lines.jsonl").write_text(content)

    assert said(opened, folder, TOML, INPUTS).startswith(sentence)


def test_no_lines_are_no_samples(folder):
    (folder / "lines.jsonl").write_text("\n")

    assert said(opened, folder, TOML, INPUTS, code=Code.DATA_EMPTY) == (
        "lines.jsonl: got 0 samples, should be 1 or more."
    )


def test_some_labels_are_an_error_and_none_are_none(folder):
    lines(folder, {"text": "a", "label": 1}, {"text": "b"})
    assert said(opened, folder, TOML, INPUTS, code=Code.DATA_LABELS) == (
        "lines.jsonl:2: got no label, should be one as the other samples have."
    )

    lines(folder, {"text": "a"}, {"text": "b"})
    assert opened(folder, TOML, INPUTS).labels is None


def test_another_tokenizer_is_another_digest(folder):
    before = opened(folder, TOML, INPUTS).digest
    content = json.loads((folder / "tokenizer.json").read_text())
    content["model"]["vocab"] |= {"b": 4, "c": 3}  # of the first text it changes what comes out
    (folder / "other.json").write_text((folder / "tokenizer.json").read_text())

    assert opened(folder, TOML.replace("tokenizer.json", "other.json"), INPUTS).digest == before
    (folder / "tokenizer.json").write_text(json.dumps(content))
    assert opened(folder, TOML, INPUTS).digest != before


def test_a_tokenizer_that_cannot_be_read_or_has_no_padding_is_named(folder):
    content = (folder / "tokenizer.json").read_text()
    (folder / "tokenizer.json").write_text(content.replace("[PAD]", "[NIL]"))
    assert said(opened, folder, TOML, INPUTS).startswith("tokenizer.json: got no padding token, should be one of:")
    assert opened(folder, TOML + "pad_id = 0\n", INPUTS).labels is not None

    (folder / "tokenizer.json").write_text("{}")
    assert said(opened, folder, TOML, INPUTS).startswith("tokenizer.json: got ")


def test_a_model_without_input_ids_takes_no_texts(folder):
    inputs = (TensorInfo("ids", "int64", ("N", 4)),)

    assert said(opened, folder, TOML, inputs, code=Code.DATA_ARRAYS).startswith(
        "[data.text]: got a model with inputs ids, should take input_ids"
    )


def test_a_setting_that_the_first_text_does_not_show_is_in_the_digest(folder):
    toml = TOML + 'pad = "longest"\n'

    longer = opened(folder, toml.replace("max_length = 4", "max_length = 5"), INPUTS)

    assert longer.digest != opened(folder, toml, INPUTS).digest


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        ((1, "b"), "lines.jsonl:2: got a label of <U1 and rank 0, should be as of lines.jsonl:1: int64 and rank 0."),
        (
            ([1, 2], 3),
            "lines.jsonl:2: got a label of int64 and rank 0, should be as of lines.jsonl:1: int64 and rank 1.",
        ),
        (({"a": 1}, 3), "lines.jsonl:1: got label {'a': 1}, should be numbers, texts or lists of them."),
    ],
    ids=["a text", "a number", "a table"],
)
def test_labels_are_of_one_kind(folder, labels, sentence):
    lines(folder, *({"text": "a", "label": label} for label in labels))

    assert said(opened, folder, TOML, INPUTS, code=Code.DATA_LABELS) == sentence


def test_lists_of_labels_are_filled_up(folder):
    boxes = [[[0, 1, 2, 3, 4]], [], [[1, 0, 0, 1, 1], [0, 2, 2, 3, 3]]]
    lines(folder, *({"text": "a", "label": label} for label in boxes))

    labels = opened(folder, TOML, INPUTS).labels

    assert labels.shape == (3, 2, 5)
    assert labels[:, :, 0].tolist() == [[0, -1], [-1, -1], [1, 0]]

    lines(folder, *({"text": "a", "label": answers} for answers in (["x", "y"], ["z"])))
    assert opened(folder, TOML, INPUTS).labels.tolist() == [["x", "y"], ["z", ""]]
