from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from pytest_qparity.precision.calibration.method import Method
from pytest_qparity.precision.calibration.ranges import (
    Ranges,
    TensorRange,
    histogram_digest,
    largest_magnitude,
    stale,
    symmetric,
    unstated,
)
from pytest_qparity.quantmath import Range
from pytest_qparity.verdict import CannotJudge, Code
from tests.precision.calibration.samples import DATA, MODEL, of_channels, of_tensors

FOUND = Ranges(
    {"/conv/out": TensorRange.of_tensor(Range(-1.0, 2.0)), "y": TensorRange.of_tensor(Range(0.0, 1.0))},
    Method("minmax"),
    "pytest-qparity 0.1.0",
    samples=8,
    model=MODEL,
    data=DATA,
)


def test_ranges_of_their_model_and_data_are_not_stale():
    assert stale(FOUND, MODEL, DATA) == ()
    assert stale(FOUND, MODEL, None) == ()
    assert unstated(FOUND) == ()


def test_each_change_is_a_reason():
    assert stale(FOUND, DATA, MODEL) == (
        f"they are of model {MODEL[:12]}, the float model is {DATA[:12]}",
        f"they are of calibration data {DATA[:12]}, those here are {MODEL[:12]}",
    )


def test_what_nobody_said_is_unstated_and_no_reason():
    imported = of_tensors({"x": (-1.0, 1.0)})

    assert stale(imported, MODEL, DATA) == ()
    assert unstated(imported) == ("model", "data", "samples")


def test_ranges_cannot_be_changed():
    with pytest.raises(TypeError):
        FOUND.tensors["y"] = TensorRange.of_tensor(Range(0.0, 9.0))
    with pytest.raises(dataclasses.FrozenInstanceError):
        FOUND.samples = 9


def test_a_missing_range_names_the_nearest():
    assert FOUND.of(["y"]) == {"y": Range(0.0, 1.0)}

    with pytest.raises(CannotJudge) as stopped:
        FOUND.of(["y", "/Conv/out"])

    assert stopped.value.failure.code is Code.CALIBRATION_TENSOR
    assert stopped.value.failure.sentence.startswith('"/Conv/out": got no range in 2 of pytest-qparity 0.1.0')
    assert 'rename "/conv/out"' in stopped.value.failure.remedy


def test_ranges_that_no_tensor_takes_are_listed():
    assert FOUND.unused(["y"]) == ("/conv/out",)


def test_channels_have_ends_of_their_own_and_one_range_around():
    channels = of_channels().tensors["x"]

    assert (channels.low, channels.high) == ((-1.0, -0.5), (1.0, 0.5))
    assert channels.whole == Range(-1.0, 1.0)
    with pytest.raises(ValueError, match="axis"):
        TensorRange(channels.channels)
    with pytest.raises(ValueError, match="axis"):
        TensorRange((), 1)


def test_a_symmetric_range_has_no_negative_zero():
    assert symmetric(2.0) == Range(-2.0, 2.0)
    assert repr(symmetric(0.0)) == "Range(low=0.0, high=0.0)"
    assert repr(largest_magnitude(Range(0.0, 0.0))) == "0.0"
    with pytest.raises(ValueError, match="finite"):
        symmetric(-1.0)


@pytest.mark.parametrize("name", ["percentile", "entropy", "mse"])
def test_a_histogram_digest_tells_distributions_apart_that_have_one_range(name):
    def digest(values):
        estimator = Method(name).estimator()
        estimator.add(np.array(values, np.float32))
        return histogram_digest(estimator)

    assert digest([-1.0, 0.5, 1.0]) == digest([1.0, -1.0, 0.5])
    assert digest([-1.0, 0.5, 1.0]) != digest([-1.0, 0.25, 1.0])
    assert len(digest([1.0])) == 16


def test_a_method_without_a_histogram_has_no_digest():
    assert histogram_digest(Method("minmax").estimator()) is None


def test_settings_of_a_method_have_one_order():
    assert Method("percentile", (("percentile", 99.0), ("bins", 64))) == Method(
        "percentile", (("bins", 64), ("percentile", 99.0))
    )
    with pytest.raises(ValueError, match="given"):
        Method("given").estimator()
