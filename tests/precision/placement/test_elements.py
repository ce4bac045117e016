"""Scales of element types."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from pytest_qparity.precision.calibration.formats import tensorrt_cache
from pytest_qparity.precision.placement.elements import ELEMENTS

EVERY_127TH = np.arange(0, 1 << 23, 127, dtype=np.uint32)  # mantissa


@pytest.mark.parametrize("element", ["int8", "uint8"])
@pytest.mark.parametrize("exponent", [-126, -60, -7, 0, 100])
def test_127_times_a_scale_gives_that_scale_bit_for_bit(element, exponent):
    scales = (EVERY_127TH | np.uint32((127 + exponent) << 23)).view(np.float32)
    largest = scales.astype(np.float64) * 127.0

    found = ELEMENTS[element].parameters(-largest, largest, symmetric=True).scale

    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, scales)


def test_the_scale_of_a_cache_is_that_of_the_element():
    """One of those that a range rounded to float32 gives 1 ulp away."""
    bits = next(bits for bits in range(0x3D000000, 0x3D800000) if _through_float32(bits) != bits)
    line = f"TRT-8601-EntropyCalibration2\nx: {bits:08x}\n"

    whole = tensorrt_cache.read(line, "calib.cache").tensors["x"].whole

    scale = ELEMENTS["int8"].parameters(np.asarray(whole.low), np.asarray(whole.high), symmetric=True).scale
    assert struct.pack(">f", scale).hex() == f"{bits:08x}"


def _through_float32(bits: int) -> int:
    (scale,) = struct.unpack(">f", bits.to_bytes(4))
    return int(np.float32(np.float64(np.float32(scale * 127.0)) / 127.0).view(np.uint32))


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
def test_a_range_beyond_float32_is_refused(symmetric):
    with pytest.raises(ValueError, match="got a range"):
        ELEMENTS["int8"].parameters(np.asarray(-1e42), np.asarray(1e42), symmetric=symmetric)
