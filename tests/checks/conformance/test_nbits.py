"""What a wrong weight does at each accuracy level: also where activations may be rounded to int8, it is seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pytest_qparity.checks.conformance import Answer, kernels_by_id
from pytest_qparity.checks.conformance.example import Array, Example
from pytest_qparity.checks.conformance.operators.int8_activations import away_from_ties
from pytest_qparity.checks.conformance.sampling import draw_examples
from tests.checks.conformance.conftest import MakeLaboratory

EXAMPLES = 60
CAUGHT = 54  # some have weights or activations of zeros alone
KERNELS = [f"matmul_nbits-uint4-block{block}-level{level}-symmetric-opset21" for block in (16, 128) for level in (1, 4)]


def with_scales(example: Example, factor: Array) -> Example:
    scales = example.constants["scales"]
    scaled = (scales * np.resize(factor, scales.shape)).astype(np.float32)
    return replace(example, constants={**example.constants, "scales": scaled})


@pytest.mark.parametrize("kernel_id", KERNELS)
@pytest.mark.parametrize(
    ("factor", "caught"),
    [(np.array([1.0]), 0), (np.array([1.01]), CAUGHT), (np.array([0.99]), CAUGHT)],
    ids=["the true scales", "1 % more", "1 % less"],
)
def test_weight_scales_that_are_off_by_a_percent_are_seen(
    laboratory: MakeLaboratory, kernel_id: str, factor: Array, caught: int
) -> None:
    kernel = kernels_by_id()[kernel_id]
    examples = [with_scales(example, factor) for example in draw_examples(kernel, EXAMPLES, 0)]
    bench = laboratory("ort")

    trials = list(bench.bench.try_all(examples, kernel.opset, bench.optimizers[-1]))

    assert all(trial.answer is Answer.RAN for trial in trials)
    deviating = sum(any(difference.beyond.any() for difference in trial.differences()) for trial in trials)
    print(f"{kernel_id}: {deviating} of {len(trials)} examples deviate")
    assert deviating >= caught if caught else deviating == 0


def test_float32_activations_conform_at_level_4_as_well() -> None:
    """The level says what an engine may do, and not what it must."""
    kernel = kernels_by_id()["matmul_nbits-uint4-block32-level4-symmetric-opset21"]
    for example in draw_examples(kernel, 20, 0):
        product = float_product(example)

        assert not example.expected["y"].beyond(product.astype(np.float32)).any()


def float_product(example: Example) -> Array:
    """In float64 from the nodes' own constants; the zero point is 8 where there is none."""
    attributes = example.nodes[-1].attributes
    depth, columns, block = attributes["K"], attributes["N"], attributes["block_size"]
    packed = example.constants["b"].reshape(columns, -1)
    codes = np.stack([packed & 15, packed >> 4], axis=-1).reshape(columns, -1).astype(np.float64)
    scales = np.repeat(example.constants["scales"].reshape(columns, -1).astype(np.float64), block, axis=1)
    weights = ((codes - 8.0) * scales)[:, :depth]
    return np.asarray(example.inputs["a"].astype(np.float64) @ weights.T)


def test_no_activation_is_left_where_a_rounding_decides_its_code() -> None:
    a = np.array([[1.0, 0.5, 63.5 / 127.0, -1.5 / 127.0, 0.3]], np.float32)  # halves of a step of 1 / 127

    steps = away_from_ties(a, 16) * 127.0

    assert np.abs(steps - np.floor(steps) - 0.5).min() > 2.0**-14
    assert steps[0, 4] == pytest.approx(0.3 * 127.0)
