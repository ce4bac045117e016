"""GPTQ: weights of less error on the data than rounding to nearest has, packed as ONNX Runtime reads them."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

from pytest_qparity import quantmath
from pytest_qparity.precision.gptq import RoundedWeight, gptq, packed
from pytest_qparity.precision.placement.elements import ELEMENTS
from pytest_qparity.quantmath import Blocked
from tests.precision.graphs import FLOAT, model_of, weights
from tests.precision.making import outputs_of

ROWS, COLUMNS = 48, 12


def correlated(count: int = 256, rows: int = ROWS) -> np.ndarray:
    random = np.random.default_rng(4)
    return random.standard_normal((count, 6)) @ random.standard_normal((6, rows)) + 0.1 * random.standard_normal(
        (count, rows)
    )


def real(rounded: RoundedWeight) -> np.ndarray:
    index = np.arange(len(rounded.codes)) // rounded.block
    return (rounded.codes.astype(np.float64) - rounded.zero_point[index]) * rounded.scale[index].astype(np.float64)


def error_on(data: np.ndarray, weight: np.ndarray, rounded: RoundedWeight) -> float:
    return float(((data @ (weight - real(rounded))) ** 2).sum())


@pytest.mark.parametrize("block", [16, 32])
def test_products_with_data_like_those_of_calibration_have_less_error_than_by_rounding_to_nearest(block):
    data, weight = correlated(), weights(ROWS, COLUMNS)

    found = gptq(weight, data.T @ data / len(data), block)

    assert error_on(data, weight, found) < 0.3 * error_on(data, weight, gptq(weight, None, block))


@pytest.mark.parametrize("moment", [None, np.eye(ROWS)], ids=["unknown", "features apart"])
@pytest.mark.parametrize("block", [16, 32])
def test_without_features_that_go_together_each_weight_is_rounded_to_nearest(block, moment):
    weight = weights(ROWS, COLUMNS)
    starts = np.arange(0, ROWS, block)
    ends = (np.minimum.reduceat(weight, starts), np.maximum.reduceat(weight, starts))
    parameters = ELEMENTS["uint4"].parameters(*ends, symmetric=False)

    found = gptq(weight, moment, block)

    nearest = ELEMENTS["uint4"].codes(weight, parameters, Blocked(0, block))
    back = quantmath.dequantize(nearest, parameters.scale, parameters.zero_point, Blocked(0, block))
    # Float64 here and float32 there round a quotient next to a tie apart.
    assert np.mean(found.codes != nearest.astype(np.uint8)) < 0.01
    assert np.abs(real(found) - back).max() <= parameters.scale.max() * 1.001


def test_a_feature_that_is_always_zero_keeps_its_weights():
    data, weight = correlated(), weights(ROWS, COLUMNS)
    data[:, 5] = 0.0

    found = gptq(weight, data.T @ data / len(data), 16)

    assert np.abs(real(found)[5] - weight[5]).max() <= found.scale.max()
    assert np.isfinite(real(found)).all()


def test_data_that_are_zero_round_to_nearest():
    weight = weights(ROWS, COLUMNS)

    assert (gptq(weight, np.zeros((ROWS, ROWS)), 16).codes == gptq(weight, None, 16).codes).all()


@pytest.mark.parametrize("rows", [32, 48, 40], ids=["even", "an odd number of blocks", "a shorter last block"])
def test_onnx_runtime_reads_the_weights_that_were_packed(rows):
    rounded = gptq(weights(rows, COLUMNS), None, 16)
    codes, scales, zero_points = packed(rounded)
    product = helper.make_node(
        "MatMulNBits",
        ["x", "w", "scales", "zeros"],
        ["y"],
        domain="com.microsoft",
        K=rows,
        N=COLUMNS,
        bits=4,
        block_size=16,
    )
    constants = {"w": codes, "scales": scales, "zeros": zero_points}
    model = model_of([product], [("x", FLOAT, ["N", rows])], [("y", FLOAT, ["N", COLUMNS])], constants)
    model.opset_import.add(domain="com.microsoft", version=1)

    (given,) = outputs_of(model, {"x": np.eye(rows, dtype=np.float32)})

    assert np.allclose(given, real(rounded), rtol=0, atol=1e-6)
