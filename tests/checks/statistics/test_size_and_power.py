"""The accuracy test keeps its promises: errors of 5 % at most, and the power that its sample sizes say. By simulation,
20,000 gates a setting, whose Monte Carlo error is 0.15 points at 5 % and 0.28 at 80 %; of flips exactly, too."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, norm

from pytest_qparity.checks.statistics.flips import is_below
from pytest_qparity.checks.statistics.sample_size import decides_flips, power_of_flips
from tests.checks.statistics.simulation import (
    LEVEL,
    RATE,
    Flipping,
    OwnUnit,
    Ruining,
    Scoring,
    WholeScoring,
    monte_carlo_error,
    normal_losses,
    rare_losses,
    skewed_losses,
)

MOST = LEVEL + 3 * monte_carlo_error(LEVEL)

SETTINGS = [
    pytest.param(Flipping(598, 0.005), id="598 samples, all flips harmful, exact"),
    pytest.param(Flipping(598, 0.01), id="598 samples, 1 %, exact"),
    pytest.param(Flipping(598, 0.05), id="598 samples, 5 %"),
    pytest.param(Flipping(1000, 0.03, margin=0.01), id="1000 samples, 3 %, margin 1 point"),
    pytest.param(Flipping(2474, 0.005), id="2474 samples, all flips harmful"),
    pytest.param(Flipping(2474, 0.01), id="2474 samples, 1 %"),
    pytest.param(Flipping(7420, 0.03), id="7420 samples, 3 %"),
    pytest.param(Flipping(7420, 0.05), id="7420 samples, 5 %"),
    pytest.param(Flipping(7420, 0.03, share=0.01), id="7420 samples, 3 %, relative margin"),
    pytest.param(Flipping(598, 0.01, share=0.01), id="598 samples, 1 %, relative margin, exact"),
    pytest.param(Flipping(7420, 0.03, looks=(0.2, 0.5, 1.0)), id="7420 samples, 3 %, three looks"),
    pytest.param(Flipping(7420, 0.01, looks=(0.1, 0.2, 0.4, 0.7, 1.0)), id="7420 samples, 1 %, five looks"),
]


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_drop_of_the_margin_passes_in_5_percent_of_gates_at_most(setting):
    passes, _ = setting.passes(drop=setting.margin_at_rate)

    assert passes.mean() <= MOST


@pytest.mark.parametrize("setting", [each for each in SETTINGS if each.values[0].share is None])
def test_a_drop_of_the_margin_fails_in_5_percent_of_gates_at_most(setting):
    fails, _ = setting.fails(drop=setting.margin_at_rate)

    assert fails.mean() <= MOST


@pytest.mark.parametrize("samples", [150, 411, 598, 2474])
@pytest.mark.parametrize("margin", [0.005, 0.02, -0.005, -0.02])
def test_the_size_of_the_test_of_flips_is_5_percent_at_most_whatever_the_discordance(samples, margin):
    """Exact: over all pairs of counts, not drawn."""
    for discordance in (abs(margin), 1.2 * abs(margin), 2 * abs(margin), 0.03, 0.05):
        if discordance < abs(margin):
            continue
        p10, p01 = (discordance + margin) / 2, (discordance - margin) / 2
        most = int(min(samples, samples * max(p10, p01) + 8 * (samples * discordance) ** 0.5 + 10))
        b, c = np.arange(most + 1)[:, None], np.arange(most + 1)[None, :]
        chance = binom.pmf(b, samples, p10) * binom.pmf(c, np.maximum(samples - b, 0), p01 / (1 - p10))

        assert chance[is_below(b, c, samples, margin, LEVEL)].sum() <= 0.051


def test_the_t_test_of_flips_would_pass_too_many():
    """Why flips have a test of their own: the reason goes when this fails."""
    p = 0.005
    b = np.arange(80)
    passes = b / 2474 + norm.isf(LEVEL) * np.sqrt(b / 2474 * (1 - b / 2474) / 2474) < p

    assert binom.pmf(b, 2474, p)[passes].sum() > 0.07


@pytest.mark.parametrize("discordance", [0.01, 0.03, 0.05])
def test_the_sample_size_gives_the_power_that_it_promises(discordance):
    samples = decides_flips(discordance / 2, discordance / 2, 0.005, LEVEL)

    passes, _ = Flipping(samples, discordance).passes(drop=0.0)

    assert passes.mean() == pytest.approx(0.80, abs=0.015)


def test_the_sample_size_to_show_that_too_much_is_lost_gives_its_power_too():
    samples = decides_flips(0.02, 0.01, 0.005, LEVEL)

    fails, _ = Flipping(samples, 0.03).fails(drop=0.01)

    assert fails.mean() == pytest.approx(0.80, abs=0.015)


@pytest.mark.parametrize(
    ("samples", "discordance", "drop"), [(2474, 0.03, 0.0), (7420, 0.05, 0.0), (7420, 0.03, 0.002)]
)
def test_the_power_is_as_predicted(samples, discordance, drop):
    setting = Flipping(samples, discordance)

    passes, _ = setting.passes(drop=drop)

    assert passes.mean() == pytest.approx(power_of_flips(*setting.rates(drop), 0.005, LEVEL, samples), abs=0.02)


def test_looks_save_samples_and_cost_little_power():
    once = Flipping(12_438, 0.03)
    thrice = Flipping(12_438, 0.03, looks=(0.2, 0.5, 1.0))

    at_once, _ = once.passes(drop=0.0)
    early, taken = thrice.passes(drop=0.0)

    assert early.mean() > at_once.mean() - 0.02
    assert taken.mean() < 0.8


@pytest.mark.parametrize(
    "setting",
    [
        pytest.param(Scoring(598, normal_losses, 0.0), id="normal"),
        pytest.param(Scoring(598, skewed_losses, 1.0), id="skewed"),
        pytest.param(Scoring(598, rare_losses, 0.05), id="rare"),
    ],
)
def test_a_mean_loss_of_the_margin_passes_in_about_5_percent_of_gates(setting):
    """No test of means keeps 5 % for every distribution; a t test lets 6 to 7 % of the latter two through."""
    assert setting.passes(setting.mean).mean() <= MOST + 0.005


@pytest.mark.parametrize(
    "setting",
    [
        pytest.param(WholeScoring(598, 0.1, 1.0), id="598 samples, 10 %, all harmful"),
        pytest.param(WholeScoring(2474, 0.01, 0.7), id="2474 samples, 1 %"),
        pytest.param(WholeScoring(2474, 0.03, 1.0), id="2474 samples, 3 %, all harmful"),
        pytest.param(WholeScoring(2474, 0.05, 0.7), id="2474 samples, 5 %"),
    ],
)
def test_a_loss_of_f1_of_the_margin_passes_in_about_5_percent_of_gates(setting):
    assert setting.passes(setting.drop).mean() <= MOST + 0.005


@pytest.mark.parametrize(
    "setting",
    [
        pytest.param(Ruining(100, 0.005, 0.02), id="100 samples, 0.5 % ruined"),
        pytest.param(Ruining(200, 0.005, 0.001), id="200 samples, 0.5 % ruined, little rounding"),
        pytest.param(Ruining(200, 0.02, 0.1), id="200 samples, 2 % ruined, much rounding"),
        pytest.param(Ruining(500, 0.005, 0.02), id="500 samples, 0.5 % ruined"),
        pytest.param(Ruining(500, 0.002, 0.001, marred=0.03, mark=0.2), id="500 samples, 0.2 % ruined, 3 % marred"),
        pytest.param(Ruining(1000, 0.002, 0.02), id="1000 samples, 0.2 % ruined"),
    ],
)
def test_a_few_ruined_samples_among_rounding_pass_in_5_percent_of_gates_at_most(setting):
    assert setting.passes(setting.mean) <= MOST


def test_an_interval_that_knows_nothing_of_what_was_not_seen_would_pass_too_many():
    """Why means reach further: the reason goes when this fails."""
    setting = Ruining(200, 0.005, 0.001)

    assert setting.passes(setting.mean, plainly=True) > 0.3


@pytest.mark.parametrize(("samples", "rounding", "least"), [(650, 0.001, 0.99), (1000, 0.02, 0.99), (1000, 0.05, 0.75)])
def test_rounding_alone_passes_from_as_many_samples_on_as_flips_take(samples, rounding, least):
    """0.5 points of no flip take 598 samples; 5 % of rounding on each of 1,000 would decide in 93 % without a bound."""
    assert Ruining(samples, 0.0, rounding).passes(0.005) >= least


def test_the_rate_of_the_float_model_is_above_what_flips():
    assert RATE > 0.5


def test_a_metric_of_its_own_unit_errs_neither_way_in_more_than_its_level():
    setting = OwnUnit(200, 0.02, 0.1, 3.0)

    passed, failed = setting.answers(setting.mean)

    assert max(passed, failed) <= LEVEL + 3 * monte_carlo_error(LEVEL)
