"""Peaks that a percentile cuts off: which tensors, how many values, and when it is worth a sentence."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pytest_qparity.precision.calibration.cutting import cut_peaks, cuts_peaks, peaks_note
from pytest_qparity.precision.calibration.halves import Halves
from pytest_qparity.precision.calibration.method import Method
from pytest_qparity.quantmath import Range


def halves_of(values: np.ndarray, method: str = "percentile") -> Halves:
    halves = Halves(Method(method, (("percentile", 99.0),) if method == "percentile" else ()))
    for part in np.array_split(values.astype(np.float32), 2):
        halves.add(part)
    return halves


def found(method="percentile", **tensors):
    halves = {name: halves_of(values, method) for name, values in tensors.items()}
    return cut_peaks(halves, {name: each.whole().range() for name, each in halves.items()})


def with_peak(peak: float, count: int = 3) -> np.ndarray:
    values = np.random.default_rng(0).uniform(0, 1, 10_000)
    values[:count] = peak
    return values


def test_values_beyond_the_range_are_counted_and_the_farthest_is_told():
    many, few = found(few=with_peak(9.0), many=with_peak(-30.0, 7))

    assert (many.tensor, many.beyond, many.peak) == ("many", 7, -30.0)
    assert (few.tensor, few.beyond, few.values, few.peak) == ("few", 3, 10_000, 9.0)
    assert few.ratio == pytest.approx(9.0, rel=0.02)


@pytest.mark.parametrize("peak", [1.0, 1.9])
def test_values_that_are_less_than_twice_as_far_are_not_told(peak):
    assert found(x=with_peak(peak)) == ()


def test_a_method_that_cuts_nothing_has_no_peaks():
    assert found("minmax", x=with_peak(100.0)) == ()


def test_a_range_of_zero_is_cut_infinitely():
    (cut,) = cut_peaks({"x": halves_of(np.ones(10))}, {"x": Range(0.0, 0.0)})

    assert (cut.beyond, cut.ratio) == (10, math.inf)


def test_the_note_names_worst_tensor_count_and_cure():
    cuts = found(few=with_peak(9.0), many=with_peak(-30.0, 7))

    (note,) = peaks_note(cuts, "percentile")

    assert note.startswith('The ranges cut peaks off (percentile): 7 of 10,000 values of "many" (and of 1 more) lie')
    assert "the farthest at -30, 30 times as far" in note
    assert 'calibration = "minmax"' in note
    assert cuts_peaks(["other", note])
    assert not cuts_peaks(["other"])
    assert peaks_note((), "percentile") == ()
