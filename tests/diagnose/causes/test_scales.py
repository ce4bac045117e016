"""Pairs of one scale are one suspect: what a MaxPool or a Flatten reads and makes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from onnxruntime.quantization import QuantType, quantize_static

from pytest_qparity.diagnose.causes.cause import Cause
from pytest_qparity.diagnose.causes.scales import range_suspects, sharing
from pytest_qparity.diagnose.measures import Measured
from tests.diagnose.sides import Reader, comparison, quantize_node, save, set_constant
from tests.diagnose.zoo import branches, samples

Sides = tuple[Path, Path]
ARRAYS = {"input": samples("branches", 1, 32)}


@pytest.fixture
def sides(tmp_path: Path) -> Sides:
    """A CNN with a Concat, a Relu and a MaxPool, which ONNX Runtime's quantizer gives one scale."""
    reference, variant = save(branches(1), tmp_path / "float.onnx"), tmp_path / "stock.onnx"
    quantize_static(
        reference,
        variant,
        Reader(ARRAYS),
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    return reference, variant


def with_scale(variant: Path, tensor: str, factor: float) -> None:
    model = onnx.load(variant)
    name = quantize_node(model, tensor).input[1]
    held = next(each for each in model.graph.initializer if each.name == name)
    set_constant(model, name, (numpy_helper.to_array(held) * np.float32(factor)).astype(np.float32))
    onnx.save(model, variant)


def measured_of(sides: Sides) -> Measured:
    with comparison(*sides, ARRAYS) as both:
        return both.measure()


def test_what_a_node_hands_on_with_its_scale_is_one_group(sides: Sides) -> None:
    measured = measured_of(sides)

    groups = [[each.tensor for each in group] for group in sharing(measured.activations, measured.layers)]

    assert ["joined_relu_out", "pool_out"] in groups  # the Relu is in the range of the Concat's output
    assert ["average_out", "flatten_out"] in groups
    assert sorted(name for group in groups for name in group) == sorted(each.tensor for each in measured.activations)


def test_equal_scales_without_a_node_between_them_are_two(sides: Sides) -> None:
    measured = measured_of(sides)

    groups = sharing(measured.activations, ())

    assert all(len({each.tensor for each in group}) == 1 for group in groups)


def test_a_shared_scale_that_clips_is_one_suspect_at_the_first_that_is_clipped(sides: Sides) -> None:
    with_scale(sides[1], "joined_relu_out", 1 / 6)

    with comparison(*sides, ARRAYS) as both:
        measured = both.measure()
        (suspect,) = [s for s in range_suspects(measured, {}, "int8") if s.cause is Cause.RANGE_SATURATED]
        together = both.floated(suspect.change).relative
        alone = [
            both.floated(type(suspect.change)(activations=(name,))).relative for name in suspect.change.activations
        ]

    assert suspect.tensor == "joined_relu_out"
    assert suspect.numbers["one_scale"] == ["joined_relu_out", "pool_out"]
    assert '"pool_out" has the same scale' in suspect.sentence
    assert together < 0.1 * measured.relative
    assert min(alone) > 0.5 * measured.relative  # what is left rounds as before
