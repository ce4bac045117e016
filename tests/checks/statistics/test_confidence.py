"""Calibration error of class probabilities."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_qparity.checks.statistics.confidence import calibration_error, confidences


def test_the_confidence_of_logits_is_that_of_their_softmax():
    logits = np.random.default_rng(0).normal(0, 3, (5000, 10)).astype(np.float32)
    exponentials = np.exp(logits.astype(np.float64))

    found = confidences(logits)

    assert found == pytest.approx((exponentials / exponentials.sum(axis=1, keepdims=True)).max(axis=1), rel=1e-5)
    assert found.dtype == np.float64


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_probabilities_are_taken_as_they_are(dtype):
    given = np.array([[0.75, 0.25], [0.125, 0.875]], dtype)

    assert list(confidences(given)) == [0.75, 0.875]


def test_the_error_is_the_gap_of_each_bin_weighted_by_its_samples():
    confidence = np.array([0.95, 0.95, 0.95, 0.95, 0.55])
    correct = np.array([1.0, 1.0, 0.0, 0.0, 1.0])

    assert calibration_error(confidence, correct) == pytest.approx(4 / 5 * 0.45 + 1 / 5 * 0.45)


def test_the_ends_of_the_range_have_bins():
    assert calibration_error(np.array([0.0, 1.0]), np.array([0.0, 1.0])) == 0.0
