from __future__ import annotations

import pytest

from pytest_qparity.precision.calibration.formats import dynamic_range
from pytest_qparity.precision.calibration.ranges import TensorRange, symmetric
from pytest_qparity.quantmath import Range
from pytest_qparity.verdict import CannotJudge, Code
from tests.precision.calibration.samples import mirrored, of_channels, of_tensors, one_sided


def test_a_line_is_a_largest_magnitude():
    found = dynamic_range.read("gpu_0/data_0: 1.00024\n\ngpu_0/conv1_1:5.43116\n", "ranges.txt")

    assert dict(found.tensors) == {
        "gpu_0/data_0": TensorRange.of_tensor(Range(-1.00024, 1.00024)),
        "gpu_0/conv1_1": TensorRange.of_tensor(Range(-5.43116, 5.43116)),
    }
    assert found.made_by == "ranges.txt"


def test_several_values_are_those_of_channels():
    found = dynamic_range.read("conv1: 1.5 0.25 3e-2\n", "ranges.txt")

    assert found.tensors["conv1"] == TensorRange(tuple(map(symmetric, (1.5, 0.25, 0.03))), axis=1)


@pytest.mark.parametrize("ranges", [mirrored(), of_channels()], ids=["tensors", "channels"])
def test_symmetric_ranges_come_back(ranges):
    assert dynamic_range.read(dynamic_range.render(ranges), "ranges.txt").tensors == ranges.tensors


def test_the_larger_side_is_written():
    assert dynamic_range.render(one_sided()) == "x: 5.0\n/relu: 6.25\nzeros: 0.0\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1.0\nb 2.0\n", "ranges.txt: line 2: got 'b 2.0', should be `tensor: value`"),
        ("a: nan\n", "ranges.txt: line 1: got 'nan', should be a finite number"),
        ("a: 1.0\nb: 1..0\n", "ranges.txt: line 2: got '1..0', should be a finite number"),
        ("a: -1.0\n", "ranges.txt: line 1: got -1, should be 0 or more"),
        ("a: 1.0\n\na: 2.0\n", 'ranges.txt: line 3: got "a" again, should be each tensor once'),
    ],
)
def test_a_wrong_line_is_named(text, said):
    with pytest.raises(CannotJudge) as stopped:
        dynamic_range.read(text, "ranges.txt")

    assert stopped.value.failure.code is Code.CALIBRATION_RANGES
    assert stopped.value.failure.sentence.startswith(said)


@pytest.mark.parametrize("name", ["two\nlines", " blank", ""])
def test_a_name_that_is_no_part_of_a_line_is_not_written(name):
    with pytest.raises(CannotJudge, match="should be within a line"):
        dynamic_range.render(of_tensors({name: (-1.0, 1.0)}))
