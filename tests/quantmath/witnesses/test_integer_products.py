"""Integer convolution against SciPy's correlation, rounding against ml_dtypes' and NumPy's casts."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from scipy import signal

from pytest_qparity.quantmath import affine, compute, integers, rounding


def test_scipy_correlates_to_the_same_sums():
    random = np.random.default_rng(1)
    x = random.integers(0, 256, (1, 1, 17, 23)).astype(np.uint8)
    w = random.integers(-128, 128, (1, 1, 3, 5)).astype(np.int8)

    y = compute.conv_integer(x, w, 131, -7)

    expected = signal.correlate(x[0, 0].astype(np.int64) - 131, w[0, 0].astype(np.int64) + 7, "valid", "direct")
    assert np.array_equal(y[0, 0], expected)


def test_float64_products_of_blas_are_the_same_sums():
    random = np.random.default_rng(2)
    a = random.integers(0, 256, (64, 300)).astype(np.uint8)
    b = random.integers(-128, 128, (300, 48)).astype(np.int8)

    assert np.array_equal(compute.matmul_integer(a, b, 200, 5), (a - 200.0) @ (b - 5.0))


@pytest.mark.parametrize("dtype", [ml_dtypes.bfloat16, np.float16], ids=["bfloat16", "float16"])
def test_casts_of_float32_are_rounded_as_ml_dtypes_and_numpy_do(dtype):
    random = np.random.default_rng(3)
    patterns = random.integers(0, 2**32, 100_000, dtype=np.uint32)
    ties = np.arange(0, 2**32, 2**15, dtype=np.uint64).astype(np.uint32)  # all halves of bfloat16
    values = np.concatenate([patterns, ties, ties + np.uint32(1), ties - np.uint32(1)]).view(np.float32)
    values = values[~np.isnan(values)]

    with np.errstate(over="ignore"):
        expected = values.astype(dtype)
    assert rounding.round_once(values.astype(np.float64), np.dtype(dtype)).tobytes() == expected.tobytes()


@pytest.mark.parametrize("name", ["int2", "uint2", "int4", "uint4"])
def test_ml_dtypes_casts_whole_numbers_in_range_to_the_same_codes(name):
    type_ = integers.INTEGER_TYPES[name]
    whole = np.arange(type_.lowest, type_.highest + 1)

    codes = affine.quantize(whole.astype(np.float32), 1.0, 0, type_)

    assert codes.tobytes() == whole.astype(type_.dtype).tobytes()
