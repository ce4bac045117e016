from __future__ import annotations

import numpy as np
import pytest

from pytest_qparity.checks.conformance.example import Array, Expected

INT8 = np.dtype(np.int8)
FLOAT = np.dtype(np.float32)


def exactly(*values: float, dtype: np.dtype = FLOAT, unit: float = 1.0, **stated: object) -> Expected:
    array = np.array(values, np.float64)
    return Expected(array, array, np.full(array.shape, unit), dtype, **stated)  # type: ignore[arg-type]


def of(*values: float, dtype: np.dtype = FLOAT) -> Array:
    return np.array(values, dtype)


def test_the_distance_is_counted_in_units_beyond_the_nearer_end() -> None:
    expected = Expected(np.array([1.0, 1.0, 1.0]), np.array([2.0, 2.0, 2.0]), np.full(3, 0.5), FLOAT)

    assert expected.beyond(of(0.0, 1.5, 3.0)).tolist() == [2.0, 0.0, 2.0]


def test_nan_is_nan_alone() -> None:
    assert exactly(np.nan, np.nan, 1.0).beyond(of(np.nan, 1.0, np.nan)).tolist() == [0.0, np.inf, np.inf]


def test_infinity_is_equal_to_itself_and_infinitely_far_from_all_else() -> None:
    expected = exactly(np.inf, np.inf, -np.inf)

    assert expected.beyond(of(np.inf, 3e38, np.inf)).tolist() == [0.0, np.inf, np.inf]


@pytest.mark.parametrize(("signed", "beyond"), [(True, [np.inf, 0.0]), (False, [0.0, 0.0])])
def test_the_sign_of_zero_counts_where_it_is_said_to(signed: bool, beyond: list[float]) -> None:
    assert exactly(-0.0, 0.0, signed=signed).beyond(of(0.0, 0.0)).tolist() == beyond


def test_what_the_specification_leaves_open_may_be_anything() -> None:
    expected = exactly(1.0, 1.0, free=np.array([True, False]))

    assert expected.beyond(of(np.nan, 2.0)).tolist() == [0.0, 1.0]
    assert expected.elements == 1


@pytest.mark.parametrize("got", [of(1.0, 2.0, 3.0), of(1.0, 2.0, dtype=INT8)], ids=["shape", "type"])
def test_another_shape_or_type_is_no_answer(got: Array) -> None:
    with pytest.raises(ValueError, match="should be float32 of shape"):
        exactly(1.0, 2.0).beyond(got)


def test_bounds_and_traits_have_the_outputs_shape() -> None:
    with pytest.raises(ValueError, match="got tie of shape"):
        exactly(1.0, 2.0, traits={"tie": np.zeros(3, bool)})


def test_what_an_element_is_instead_is_a_trait_of_what_was_given() -> None:
    """Where a known deviation names the trait, it accounts for those other values and for no third one."""
    others = exactly(2.0, 2.0, 2.0, 2.0), exactly(4.0, 4.0, 4.0, 4.0)
    expected = exactly(1.0, 1.0, 1.0, 1.0, traits={"tie": np.ones(4, bool)}, instead={"int8_activations": others})

    traits = expected.traits_of(of(1.0, 2.0, 3.0, 4.0))

    assert traits["int8_activations"].tolist() == [False, True, False, True]
    assert sorted(traits) == ["int8_activations", "tie"]
    assert "int8_activations" in traits
    assert "saturated" not in traits
    assert len(traits) == 2
