"""Ranges from files beside the model and the data that take them."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_qparity.case.data import Samples
from pytest_qparity.precision.calibration.given import changed_in_use, doubts_about_ranges
from pytest_qparity.quantmath import Range
from tests.precision.calibration.samples import DATA, MODEL, of_channels, of_tensors

TEST = Samples({"x": np.array([[-1.0, 2.0]], np.float32)}, None, "0" * 64, "a test")


def test_ranges_of_channels_that_become_one_are_told():
    (note,) = changed_in_use(of_channels(), ["x"])

    assert note == (
        'the ranges: "x" has 2 of channels, an activation one scale: it is that of [-1, 1], which holds them all'
    )


def test_a_range_of_zeros_is_told():
    (note,) = changed_in_use(of_tensors({"x": (0.0, 0.0), "y": (0.0, 1.0), "z": (0.0, 0.0)}), ["x", "y"])

    assert note == 'the ranges: "x" is [0, 0], so that its scale is 1: whoever calibrated it saw zeros alone'


@pytest.mark.parametrize(("data", "case_data"), [(None, DATA), (DATA, None), (DATA, DATA)])
def test_ranges_of_the_cases_own_data_or_of_unknown_ones_are_not_doubted(data, case_data):
    assert doubts_about_ranges({"x": Range(-1.0, 2.0)}, data, case_data, TEST) == ()


def test_ranges_of_other_data_are_doubted():
    (doubt,) = doubts_about_ranges({}, MODEL, DATA, TEST)

    assert doubt.name == "ranges-of-other-data"
    assert doubt.numbers == {"ranges": MODEL, "case": DATA}
    assert doubt.sentence == f"The ranges are of calibration data {MODEL[:12]}, the case's are {DATA[:12]}."


@pytest.mark.parametrize(("factor", "doubted"), [(100.0, True), (4.0, False), (0.25, False), (0.01, True)])
def test_the_range_of_an_input_that_is_far_from_its_test_data_is_doubted(factor, doubted):
    found = doubts_about_ranges({"x": Range(-factor, 2.0 * factor)}, None, None, TEST)

    assert [doubt.name for doubt in found] == ["calibration-unscaled"] * doubted
    if doubted:
        assert found[0].numbers["ratio"] == pytest.approx(factor)
        assert found[0].sentence.startswith('The range of input "x", [')


def test_an_input_without_test_data_or_of_integers_is_not_compared():
    test = Samples({"ids": np.array([[1, 2]])}, None, "0" * 64, "a test")

    assert doubts_about_ranges({"x": Range(-1.0, 1.0), "ids": Range(0.0, 1.0)}, None, None, test) == ()
