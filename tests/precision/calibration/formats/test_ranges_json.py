from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_qparity.precision.calibration.formats import ranges_json
from pytest_qparity.precision.calibration.formats.reading import read_ranges
from pytest_qparity.precision.calibration.method import Method
from pytest_qparity.precision.calibration.ranges import Ranges, TensorRange
from pytest_qparity.quantmath import Range
from pytest_qparity.verdict import CannotJudge, Code
from tests.precision.calibration.samples import DATA, MODEL

METHODS = (Method("minmax"), Method("percentile", (("percentile", 99.9), ("bins", 64))), Method("given"))
ENDS = st.tuples(st.floats(max_value=0.0, allow_infinity=False), st.floats(min_value=0.0, allow_infinity=False))


def plain() -> Ranges:
    return Ranges(
        tensors={
            "x": TensorRange.of_tensor(Range(-1.0, 2.5), "0123456789abcdef"),
            "/conv/out": TensorRange((Range(0.0, 1.0), Range(-0.1, 0.0)), 1),
        },
        method=METHODS[1],
        made_by="pytest-qparity 0.1.0",
        samples=64,
        model=MODEL,
        data=f"{DATA}-8-stacked",
        notes=("one note",),
    )


TEXT = f"""\
{{
  "format": "pytest-qparity ranges",
  "version": 1,
  "made_by": "pytest-qparity 0.1.0",
  "method": {{"name": "percentile", "bins": 64, "percentile": 99.9}},
  "samples": 64,
  "model": "{MODEL}",
  "data": "{DATA}-8-stacked",
  "notes": ["one note"],
  "tensors": {{
    "x": {{"low": -1.0, "high": 2.5, "histogram": "0123456789abcdef"}},
    "/conv/out": {{"axis": 1, "low": [0.0, -0.1], "high": [1.0, 0.0]}}
  }}
}}
"""


def test_the_file_has_one_line_a_tensor():
    assert ranges_json.render(plain()) == TEXT


def test_what_was_written_is_read(tmp_path):
    path = tmp_path / "made" / "ranges.json"

    ranges_json.write(path, plain())

    assert read_ranges(path) == plain()
    assert [file.name for file in path.parent.iterdir()] == ["ranges.json"]


@given(st.dictionaries(st.text(min_size=1), ENDS, min_size=1, max_size=4), st.sampled_from(METHODS))
def test_every_range_comes_back_bit_for_bit(ends, method):
    tensors = {name: TensorRange.of_tensor(Range(*each)) for name, each in ends.items()}
    ranges = Ranges(tensors, method, "a test", samples=3)

    assert ranges_json.read(json.loads(ranges_json.render(ranges)), "ranges.json") == ranges


def edited(tmp_path, *changes):
    text = TEXT
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "ranges.json"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_range_may_be_edited_by_hand(tmp_path):
    path = edited(tmp_path, ('"high": 2.5, "histogram": "0123456789abcdef"', '"high": 6'))

    assert read_ranges(path).tensors["x"] == TensorRange.of_tensor(Range(-1.0, 6.0))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"high": 2.5', '"high": NaN', "tensors.x.high: got nan, should be"),
        ('"high": 2.5', '"high": 1e999', "tensors.x.high: got inf, should be"),
        ('"high": 2.5', '"high": "2.5"', "tensors.x.high: got '2.5', should be"),
        ('"high": 2.5', '"height": 2.5', "tensors.x.high: got it missing, should be"),
        ('"low": -1.0', '"low": 3.0', "tensors.x: got low 3 above high 2.5, should be low ≤ 0 ≤ high"),
        ('"low": -1.0', '"low": 0.5', "tensors.x: got [0.5, 2.5], should be low ≤ 0 ≤ high"),
        ('"low": -1.0', '"low": -1.0, "lower": 1', "tensors.x.lower: got 1, should be none of this name"),
        ('"low": -1.0', '"low": -1.0, "low": -2.0', '"low": got it twice, should be once'),
        ('"axis": 1, ', "", "tensors./conv/out: got low [0.0, -0.1]"),
        ("[1.0, 0.0]", "[1.0]", "tensors./conv/out: got 2 low and 1 high, should be as many"),
        ('"version": 1', '"version": 2', "version: got 2, should be at most 1"),
        ('"version": 1', '"version": 0', "format and version: got pytest-qparity ranges 0"),
        ("pytest-qparity ranges", "other", "format and version: got other 1"),
        ('"bins": 64', '"bits": 64', "method: got method percentile with bits"),
        ('"bins": 64', '"bins": 63', "method: got 63 bins"),
        ('"name": "percentile"', '"name": "median"', "method.name: got 'median'"),
        ('"samples": 64', '"samples": 0', "samples: got 0"),
        (MODEL, "latest", "model: got 'latest'"),
        ('"notes"', '"remarks"', "remarks: got ['one note'], should be none of this name"),
        ('"tensors": {', '"tensors": [', "line 11: got JSONDecodeError"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_entry(tmp_path, old, new, said):
    with pytest.raises(CannotJudge) as stopped:
        read_ranges(edited(tmp_path, (old, new)))

    assert stopped.value.failure.code is Code.CALIBRATION_RANGES
    assert stopped.value.failure.sentence.startswith(f"ranges.json: {said}")


def test_what_nobody_said_is_not_written():
    ranges = Ranges({"x": TensorRange.of_tensor(Range(-1.0, 1.0))}, Method("given"), "ranges.txt")

    text = ranges_json.render(ranges)

    assert "null" not in text
    assert ranges_json.read(json.loads(text), "ranges.json") == ranges
