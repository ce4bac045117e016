from __future__ import annotations

import numpy as np
import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from pytest_qparity.quantmath import affine, strategies
from pytest_qparity.quantmath.floats import E8M0
from pytest_qparity.quantmath.integers import INT8


@settings(max_examples=50, deadline=None, derandomize=True, database=None)
@given(strategies.exponent_scales((5,)))
def test_exponent_scales_are_scales(powers: np.ndarray) -> None:
    assert powers.dtype == E8M0.dtype
    assert (affine.quantize(np.zeros(5, np.float32), powers[0], 0, INT8) == 0).all()
    assert np.isfinite(powers.astype(np.float32)).all()


@pytest.mark.parametrize("power", [2.0**-127, 2.0**127, 2.0**-10, 1.0])
def test_exponent_scales_have_both_ends(power: float) -> None:
    drawn = find(
        strategies.exponent_scales(),
        lambda scale: float(scale.astype(np.float32)) == power,
        settings=settings(max_examples=5_000, database=None),
    )

    assert float(drawn.astype(np.float32)) == power


@settings(max_examples=50, deadline=None, derandomize=True, database=None)
@given(
    strategies.quantizations(
        INT8,
        np.float16,
        shape=(4,),
        scales_of=strategies.exponent_scales,
        zero_points_of=lambda shape: st.just(np.full(shape, 7, np.int8)),
    )
)
def test_quantizations_take_scales_and_zero_points_of_another_kind(drawn: strategies.Quantization) -> None:
    assert drawn.scale.dtype == E8M0.dtype
    assert (drawn.zero_point == 7).all()
    assert drawn.values.dtype == np.float16
