"""NumPy and SciPy as witnesses of percentiles, divergence and cosine."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial import distance
from scipy.special import rel_entr

from pytest_qparity.quantmath import measures
from pytest_qparity.quantmath.ranges import entropy, percentile


@pytest.mark.parametrize("percent", [50.0, 90.0, 99.0, 99.99, 100.0])
@pytest.mark.parametrize("size", [1, 7, 1_000, 10_001])
def test_numpy_has_the_same_percentile_within_a_bin(percent, size):
    x = np.random.default_rng(size).laplace(size=size)
    estimator = percentile.Percentile(percent)
    estimator.add(x)

    expected = np.percentile(x, 100.0 - (100.0 - percent) / 2.0, method="inverted_cdf")

    assert 0.0 <= estimator.range().high - max(expected, 0.0) <= 2.0 * np.abs(x).max() / 2_048


def test_scipy_has_the_same_divergence():
    generator = np.random.default_rng(0)
    for _ in range(50):
        counts = generator.integers(1, 9, 24)
        below = counts[:16].reshape(8, 2)  # a cut at 16 bins with 8 levels: two bins a group
        reference = np.append(counts[:15], counts[15:].sum())

        shares = reference / counts.sum(), below.mean(axis=1).repeat(2) / counts.sum()
        expected = rel_entr(*shares).sum()  # scipy.stats.entropy would scale the second up to 1

        assert entropy.divergences(counts, np.array([16]), 8)[0] == pytest.approx(expected, rel=1e-12, abs=1e-14)


def test_scipy_has_the_same_cosine():
    generator = np.random.default_rng(0)
    for size in (1, 10, 1_000):
        output, golden = generator.normal(size=(2, size))
        sums = measures.PowerSums()
        sums.add(output, golden)

        assert sums.cosine() == pytest.approx(1.0 - distance.cosine(output, golden), abs=1e-12)


def test_a_full_scale_sine_of_eight_bits_has_the_sqnr_of_the_textbook():
    # Oppenheim and Schafer, quantization errors: 6.02·B + 10.8 − 20·log10(full scale / σ) dB with B + 1 bits.
    golden = np.sin(np.arange(100_000) * (math.sqrt(5.0) - 1.0))
    step = 2.0 / 2**8
    sums = measures.PowerSums()
    sums.add(np.rint(golden / step) * step, golden)

    assert sums.sqnr_db() == pytest.approx(6.02 * 8 + 1.76, abs=0.2)
