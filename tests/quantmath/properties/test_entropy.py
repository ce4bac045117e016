"""The entropy range: where it cuts, and what the cut costs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_qparity.quantmath.ranges import entropy, estimator
from tests.quantmath.properties.profile import PROFILE
from tests.quantmath.properties.taking import taken


@PROFILE
@given(st.lists(st.integers(0, 40), min_size=2, max_size=20).filter(any), st.integers(2, 8))
def test_divergences_are_those_of_the_distributions_written_out(counts, levels):
    """KL(P, Q) by running sums is that of P and Q bin by bin for every cut, not negative, infinite where Q misses P."""
    cuts = np.arange(levels, max(len(counts), levels) + 1)
    padded = counts + [0] * (levels - len(counts))
    found = entropy.divergences(np.array(padded), cuts, levels)
    expected = [_divergence(padded, cut, levels) for cut in cuts.tolist()]
    assert found.tolist() == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert (found >= 0.0).all()


@PROFILE
@given(st.lists(st.integers(0, 20), min_size=8, max_size=24), st.sampled_from([2, 3, 4]))
def test_the_entropy_cut_has_the_least_divergence(counts, levels):
    """No cut from `levels` bins that loses one count of a hundred or fewer has a smaller divergence than the chosen."""
    array = np.array(counts)
    if not array.any():
        return
    occupied = max(int(np.flatnonzero(array)[-1]) + 1, levels)
    few = [cut for cut in range(levels, occupied + 1) if 100 * sum(counts[cut:]) <= sum(counts)]
    divergences = {cut: _divergence(counts, cut, levels) for cut in few}
    chosen = entropy.best_cut(array, levels)
    assert levels <= chosen <= occupied
    assert divergences[chosen] <= min(divergences.values()) + 1e-12


def _divergence(counts, cut, levels) -> float:
    inside = counts[:cut]
    if not any(inside):
        return math.inf
    groups = [[i for i in range(cut) if i * levels // cut == level] for level in range(levels)]
    spread = [0.0] * cut
    for group in groups:
        occupied = [i for i in group if inside[i]]
        for i in occupied:
            spread[i] = sum(inside[j] for j in group) / len(occupied)
    reference = [*inside[:-1], inside[-1] + sum(counts[cut:])]
    if any(r and not s for r, s in zip(reference, spread, strict=True)):
        return math.inf
    return math.fsum(r / sum(reference) * math.log(r / s) for r, s in zip(reference, spread, strict=True) if r)


def test_entropy_is_the_same_however_many_zeros_there_are():
    """Zeros, as a Relu makes them of half its values, do not move the range that entropy finds for the others."""
    normal = np.abs(np.random.default_rng(0).normal(size=20_000))
    expected = taken(entropy.Entropy, [normal]).range()
    for zeros in (20_000, 200_000):
        result = taken(entropy.Entropy, [normal, np.zeros(zeros)]).range()
        assert result == expected
        assert result.high > 2.5
    assert taken(entropy.Entropy, [np.zeros(5)]).range() == estimator.Range(0.0, 0.0)


@PROFILE
@given(
    st.sampled_from(["uniform", "normal", "integers"]),
    st.floats(0.0, 20.0),
    st.floats(0.0, 0.95),
    st.integers(0, 2**32 - 1),
)
def test_entropy_cuts_one_value_of_a_hundred_at_most(kind, offset, repeated, seed):
    """Entropy cuts at most one value of a hundred, wherever they lie and however often one of them is there."""
    generator = np.random.default_rng(seed)
    drawn = {
        "uniform": generator.uniform(-1.0, 1.0, 1_000),
        "normal": generator.normal(size=1_000),
        "integers": generator.integers(-100, 100, 1_000).astype(np.float64),
    }[kind]
    x = drawn + offset * drawn.std()
    x[: int(repeated * x.size)] = x[0]
    found = taken(lambda: entropy.Entropy(16, 256), [x[x != 0.0]]).range()
    assert np.count_nonzero((x < found.low) | (x > found.high)) <= x.size // 100


@PROFILE
@given(st.floats(1.0, 6.0), st.integers(2, 32), st.integers(0, 2**32 - 1))
def test_an_entropy_cut_costs_little_of_the_energy(sharpness, classes, seed):
    """What entropy cuts of a Softmax costs at most 1/200 of its energy, or what rounding over the whole range does."""
    logits = np.random.default_rng(seed).normal(size=(500, classes)) * sharpness
    x = np.exp(logits - logits.max(axis=1, keepdims=True))
    x = (x / x.sum(axis=1, keepdims=True)).reshape(-1)
    found = taken(lambda: entropy.Entropy(64, 1024), [x]).range()
    bin_width = 2.0 / 1024  # at most: all values are below 1, and a histogram is at most twice as wide
    cost = np.sum((np.maximum(x - found.high - bin_width, 0.0)) ** 2)
    assert cost <= max(np.sum((x + bin_width) ** 2) / 200, x.size * ((x.max() + bin_width) / 64) ** 2 / 12)


def test_a_cut_costs_at_least_the_share_that_it_loses():
    """KL(P, Q) of a cut is at least −ln of the share below it, also where its last bin alone is filled."""
    counts = np.array([0] * 15 + [10] * 49)
    cuts = np.arange(16, 65)
    kept = np.cumsum(counts)[cuts - 1] / counts.sum()
    found = entropy.divergences(counts, cuts, 8)
    assert (found >= -np.log(kept) - 1e-12).all()
    assert found[0] == pytest.approx(math.log(49))
    assert found[-1] == pytest.approx(0.0, abs=1e-12)
    assert entropy.best_cut(counts, 8) == 64


def test_entropy_keeps_nearly_all_of_values_away_from_zero():
    """Values in [0.2, 1], pixels of 64 to 255, two hills at ±4: entropy's range is theirs to within 3 %."""
    normal = np.random.default_rng(0).normal(0.0, 0.3, 20_000)
    for x in (np.linspace(0.2, 1.0, 20_000), np.arange(20_000) % 192 + 64.0, np.append(normal + 4.0, normal - 4.0)):
        found = taken(entropy.Entropy, [x]).range()
        assert 0.97 * x.max() <= found.high <= x.max()
        assert 0.97 * min(x.min(), 0.0) >= found.low >= min(x.min(), 0.0)


def test_entropy_cuts_a_long_tail_and_keeps_a_uniform_range():
    """Entropy keeps all of uniform values and cuts the far tail of Laplace-distributed ones."""
    uniform = np.linspace(-1.0, 1.0, 20_001)
    whole = taken(lambda: entropy.Entropy(16, 256), [uniform]).range()
    assert (whole.low, whole.high) == (-1.0, 1.0)
    quantiles = (np.arange(20_000) + 0.5) / 20_000
    laplace = np.where(quantiles < 0.5, np.log(2 * quantiles), -np.log(2 - 2 * quantiles))
    cut = taken(lambda: entropy.Entropy(16, 256), [np.append(laplace, 60.0)]).range()
    assert cut.high < 20.0
