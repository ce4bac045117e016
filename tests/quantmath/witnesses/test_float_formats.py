"""ml_dtypes' casts as witnesses of the float formats: all codes, and many bit patterns of float32."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_qparity.quantmath import e8m0, floats

FORMATS = list(floats.FLOAT_FORMATS.values())
IDS = [f.name for f in FORMATS]


def float32_patterns(form):
    """Every 2,053rd bit pattern, and those around all values of the format and the middles between them."""
    spread = np.arange(0, 2**32, 2_053, dtype=np.uint32).view(np.float32)
    values = form.decode(np.arange(2**form.bits, dtype=form.code_dtype))
    values = np.sort(values[np.isfinite(values)])
    points = np.concatenate([values, (values[1:] + values[:-1]) / 2.0]).astype(np.float32)
    beside = [np.nextafter(points, np.float32(end)) for end in (-np.inf, np.inf)]
    return np.concatenate([spread, points, *beside])


@pytest.mark.parametrize("form", FORMATS, ids=IDS)
def test_ml_dtypes_decodes_every_code_to_the_same_value(form):
    codes = np.arange(2**form.bits, dtype=form.code_dtype)

    with np.errstate(invalid="ignore"):  # signaling NaNs
        expected = codes.view(form.dtype).astype(np.float64)

    values = form.decode(codes)
    np.testing.assert_array_equal(values, expected)
    np.testing.assert_array_equal(np.signbit(values), np.signbit(expected))


@pytest.mark.parametrize("form", [f for f in FORMATS if f.signed], ids=[f.name for f in FORMATS if f.signed])
def test_ml_dtypes_casts_float32_to_the_same_codes(form):
    x = float32_patterns(form)
    x = x[~np.isnan(x)]  # NumPy keeps the payload of a float16 NaN; ml_dtypes casts NaN to −0 where there is none
    # ml_dtypes saturates where there is neither infinity nor NaN, and nowhere else.
    saturation = floats.Saturation.ON if form.nan == "none" else floats.Saturation.OFF

    with np.errstate(over="ignore"):
        expected = x.astype(form.dtype).view(form.code_dtype)

    np.testing.assert_array_equal(form.encode(x, saturation), expected)


@pytest.mark.parametrize(
    "form", [f for f in FORMATS if f.nan != "none"], ids=[f.name for f in FORMATS if f.nan != "none"]
)
def test_ml_dtypes_casts_nan_to_the_same_code(form):
    nan = np.copysign(np.full(2, np.nan, np.float32), [1.0, -1.0]).astype(np.float32)

    expected = nan.astype(form.dtype).view(form.code_dtype)

    np.testing.assert_array_equal(form.encode(nan, floats.Saturation.ON), expected)


def test_ml_dtypes_casts_float32_to_the_same_powers_of_two():
    x = float32_patterns(floats.E8M0)
    x = x[(x >= 2.0**-126) & ~np.isnan(x)]

    expected = x.astype(floats.E8M0.dtype).view(np.uint8)

    np.testing.assert_array_equal(floats.E8M0.encode(x, floats.Saturation.OFF), expected)
    inside = x <= 2.0**127
    nearest = e8m0.cast(x[inside], e8m0.Rounding.NEAREST).view(np.uint8)
    np.testing.assert_array_equal(nearest, expected[inside])


def test_ml_dtypes_rounds_up_below_the_second_power_of_two():
    # Of all values between 2⁻¹²⁷ and 2⁻¹²⁶, those nearer to 2⁻¹²⁷ among them, ml_dtypes 0.6.0 makes 2⁻¹²⁶.
    x = np.array([1.0, 1.1, 1.25, 1.75]) * 2.0**-127

    assert floats.E8M0.encode(x, floats.Saturation.ON).tolist() == [0, 0, 0, 1]
    assert x.astype(floats.E8M0.dtype).view(np.uint8).tolist() == [0, 1, 1, 1]
