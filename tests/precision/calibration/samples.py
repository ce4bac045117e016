"""Ranges that formats have to carry, and some that they cannot."""

from __future__ import annotations

import numpy as np

from pytest_qparity.precision.calibration.method import GIVEN, Method
from pytest_qparity.precision.calibration.ranges import Ranges, TensorRange, symmetric
from pytest_qparity.quantmath import Range

MODEL, DATA = "0123456789abcdef" * 4, "fedcba9876543210" * 4
NAMES = ("x", "/layer 1/Conv_output_0", "(Unnamed Layer* 4) [Fully Connected]_output", "conv2d/Relu:0", "激活/β")


def of_tensors(ends: dict[str, tuple[float, float]], method: Method | None = None) -> Ranges:
    tensors = {name: TensorRange.of_tensor(Range(*each)) for name, each in ends.items()}
    return Ranges(tensors, method or Method(GIVEN), "a test")


def mirrored() -> Ranges:
    """Symmetric ranges whose largest magnitudes are 127 times a float32 scale, as a cache holds them."""
    scales = np.array([2.5e-3, 1.0 / 3.0, 7.8e-7, 1e3, 0.0], np.float32)
    tensors = {
        name: TensorRange.of_tensor(symmetric(float(scale) * 127.0)) for name, scale in zip(NAMES, scales, strict=True)
    }
    return Ranges(tensors, Method(GIVEN), "a test")


def one_sided() -> Ranges:
    return of_tensors({"x": (-5.0, 1.0), "/relu": (0.0, 6.25), "zeros": (0.0, 0.0)})


def of_channels() -> Ranges:
    channels = (Range(-1.0, 1.0), Range(-0.5, 0.5))
    return Ranges({"x": TensorRange(channels, 1)}, Method(GIVEN), "a test")
