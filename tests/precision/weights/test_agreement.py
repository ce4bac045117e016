"""What codes and a float weight are to one another: every kind by a maker of that kind, every fault by planting it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pytest_qparity.precision.weights.agreement import Kind, Rounded, agreement
from pytest_qparity.precision.weights.levels import levels_of

SHAPE = (32, 16, 3, 3)
BY_CHANNEL = (-1, 1, 1, 1)


def weight(seed: int = 0, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def rounded(w: np.ndarray, bits: int = 8, steps: np.ndarray | None = None, by=np.rint) -> Rounded:
    """Symmetric, a scale for each output channel, or the steps that are given."""
    highest = 2 ** (bits - 1) - 1
    if steps is None:
        largest = np.abs(w).reshape(len(w), -1).max(axis=1) / highest
        steps = np.broadcast_to(largest.reshape(-1, *[1] * (w.ndim - 1)).astype(np.float64), w.shape)
    codes = np.clip(by(w / steps), -highest - 1, highest).astype(np.int32)
    return Rounded(codes, np.zeros(w.shape), steps, bits)


def kind(w: np.ndarray, of: Rounded) -> Kind:
    return agreement(w, of, 0, 1).kind


@pytest.mark.parametrize("bits", [4, 8, 16])
def test_rounding_to_the_nearest_is_within_half_a_step_and_a_quarter_in_the_median(bits):
    found = agreement(weight(), rounded(weight(), bits), 0, 1)

    assert found.kind is Kind.ROUNDED
    assert found.largest_steps <= 0.51
    assert found.median_steps == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize(("smaller", "expected"), [(1.2, Kind.ROUNDED), (2, Kind.OTHER), (20, Kind.OTHER)])
def test_a_few_clipped_elements_are_no_deviation_and_many_are(smaller, expected):
    w = weight()
    steps = np.full(w.shape, 3.0 / 127 / smaller)

    found = agreement(w, rounded(w, steps=steps), 0, 1)

    assert found.kind is expected, found
    assert found.clipped_share == pytest.approx((np.abs(w / steps) > 127.5).mean(), abs=0.01)


def test_a_channel_that_is_clipped_alone_is_seen_among_many():
    w = weight(shape=(256, 4, 3, 3))
    steps = rounded(w).steps / np.where(np.arange(256).reshape(BY_CHANNEL) == 7, 10, 1)

    assert kind(w, rounded(w, steps=steps)) is Kind.OTHER


def test_a_few_elements_far_off_are_another_weight():
    w, sound = weight(), rounded(weight())
    flipped = sound.codes.copy()
    flipped.flat[np.random.default_rng(4).choice(w.size, w.size // 200, replace=False)] *= -1

    found = agreement(w, Rounded(flipped, sound.zeros, sound.steps, 8), 0, 1)

    assert (found.kind, found.off_share < 0.01, found.largest_steps > 8) == (Kind.OTHER, True, True)


def test_up_or_down_is_within_a_step():
    w, random = weight(), np.random.default_rng(1)

    assert kind(w, rounded(w, by=lambda x: np.floor(x + random.integers(0, 2, x.shape)))) is Kind.NEAR


def test_a_scale_that_was_cast_to_float16_later_is_still_rounding():
    w = weight()
    sound = rounded(w)

    cast = Rounded(sound.codes, sound.zeros, sound.steps.astype(np.float16).astype(np.float64), 8)

    assert kind(w, cast) is Kind.ROUNDED


@pytest.mark.parametrize("axis", [0, 1])
def test_factors_of_channels_are_told_from_another_weight(axis):
    w = weight()
    shape = [1, 1, 1, 1]
    shape[axis] = SHAPE[axis]
    factors = np.exp(np.random.default_rng(2).uniform(-2, 2, SHAPE[axis])).reshape(shape)

    assert kind(w, rounded(w * factors)) is Kind.SCALED
    assert kind(w, rounded(weight(7) * factors)) is Kind.OTHER


@pytest.mark.parametrize("seed", range(3))
def test_factors_of_channels_that_few_elements_couple_are_found(seed):
    """A layer of blocks, nearly: a fit in turns comes nearer by little with each."""
    random = np.random.default_rng(seed)
    is_block = np.arange(12) // 2 % 4 == np.arange(8)[:, None] // 2
    w, other = (random.standard_normal((8, 12)) * np.where(is_block, 1, 0.1) for _ in range(2))
    factors = np.exp(random.uniform(-1, 1, 12))

    assert kind(w, rounded(w * factors)) is Kind.SCALED
    assert kind(w, rounded(other * factors)) is Kind.OTHER


def test_three_percent_off_are_another_checkpoint_in_8_bits_and_cannot_be_told_in_4():
    w = weight()
    other = w * (1 + 0.03 * np.random.default_rng(3).standard_normal(w.shape))

    assert kind(w, rounded(other)) is Kind.OTHER
    assert kind(w, rounded(other, 4)) is not Kind.OTHER
    assert kind(w, rounded(weight(5), 4)) is Kind.OTHER


ZEROED = {
    "one output": (np.s_[5], 32, [5], []),
    "half of the outputs": (np.s_[:16], 32, [*range(16)], []),
    "all outputs but one": (np.s_[1:], 32, [*range(1, 32)], []),
    "all": (np.s_[:], 32, [*range(32)], []),
    "an input": (np.s_[:, 3], 32, [], [3]),
    "an input of the second group": (np.s_[16:, 3], 2, [], [19]),
}


@pytest.mark.parametrize("what", ZEROED)
@pytest.mark.parametrize("bits", [4, 8])
def test_channels_that_were_set_to_zero_are_another_weight(what, bits):
    which, groups, outputs, inputs = ZEROED[what]
    sound = rounded(weight(), bits)
    codes = sound.codes.copy()
    codes[which] = 0

    found = agreement(weight(), replace(sound, codes=codes), 0, 1, groups if groups == 2 else 1)

    assert found.kind is Kind.OTHER
    assert (list(found.zeroed_outputs), list(found.zeroed_inputs)) == (outputs, inputs)


def test_a_convolution_by_depth_loses_outputs_also_with_one_scale():
    w = weight(shape=(32, 1, 3, 3))
    sound = rounded(w, steps=np.full(w.shape, np.abs(w).max() / 127))
    codes = sound.codes.copy()
    codes[[2, 7]] = 0

    found = agreement(w, replace(sound, codes=codes), 0, 1, 32)

    assert (found.kind, found.zeroed_outputs, found.zeroed_inputs) == (Kind.OTHER, (2, 7), ())


def test_a_scale_of_its_own_that_rounds_a_channel_to_zero_is_wrong():
    steps = rounded(weight()).steps * np.where(np.arange(32).reshape(BY_CHANNEL) == 5, 1000, 1)

    found = agreement(weight(), rounded(weight(), steps=steps), 0, 1)

    assert (found.kind, found.zeroed_outputs) == (Kind.OTHER, (5,))


def test_what_rounds_to_zero_was_not_set_to_zero():
    channels = np.arange(32).reshape(BY_CHANNEL)
    w = weight() * np.where(channels < 12, 1e-4, 1)
    pruned = weight() * (channels >= 12)
    dead = weight() * np.where(channels < 12, 1e-12, 1)
    least = np.maximum(rounded(dead).steps, 1e-7)

    for each, steps in (
        (w, np.full(SHAPE, np.abs(w).max() / 127)),
        (pruned, rounded(weight()).steps),
        (dead, least),
    ):
        found = agreement(each, rounded(each, steps=steps), 0, 1)
        assert (found.kind, found.zeroed_outputs) == (Kind.ROUNDED, ())


def test_smoothing_may_move_an_input_channel_to_zero():
    smoothing = np.random.default_rng(2).uniform(0.3, 3, 16) * np.where(np.arange(16) == 4, 1e-5, 1)

    found = agreement(weight(), rounded(weight() * smoothing.reshape(1, -1, 1, 1)), 0, 1)

    assert (found.kind, found.zeroed_inputs) == (Kind.SCALED, ())


def test_the_scale_of_one_channel_is_named():
    w = weight()
    sound = rounded(w)

    wrong = Rounded(sound.codes, sound.zeros, np.where(np.arange(32).reshape(BY_CHANNEL) == 3, 10, 1) * sound.steps, 8)

    found = agreement(w, wrong, 0, 1)
    assert (found.kind, found.channel) == (Kind.SCALED, 3)


def test_one_channel_of_many_with_its_signs_turned_is_seen():
    w = weight(shape=(512, 4, 3, 3))
    sound = rounded(w)

    turned = Rounded(
        np.where(np.arange(512).reshape(BY_CHANNEL) == 7, -1, 1) * sound.codes, sound.zeros, sound.steps, 8
    )

    found = agreement(w, turned, 0, 1)
    assert (found.kind, found.channel) == (Kind.SCALED, 7)


def test_two_channels_of_many_that_changed_places_are_seen():
    w = weight(shape=(512, 4, 3, 3))
    order = np.arange(512)
    order[[3, 5]] = 5, 3

    found = agreement(w, rounded(w[order]), 0, 1)

    assert (found.kind, found.channel) == (Kind.OTHER, None)


def test_products_have_their_output_channels_last():
    w = weight(shape=(64, 48))
    sound = rounded(w.T)
    codes = sound.codes.T.copy()
    codes[:, 9] *= -1

    found = agreement(w, Rounded(codes, sound.zeros.T, sound.steps.T, 8), 1, 0)

    assert (found.kind, found.channel) == (Kind.SCALED, 9)


def test_a_weight_of_zeros_agrees_with_codes_of_zeros():
    w = np.zeros(SHAPE, np.float32)

    found = agreement(w, Rounded(np.zeros(SHAPE, np.int32), np.zeros(SHAPE), np.ones(SHAPE), 8), 0, 1)

    assert (found.kind, found.largest_steps, found.cosine) == (Kind.ROUNDED, 0.0, 1.0)


def test_shapes_that_differ_are_nothing_to_compare():
    with pytest.raises(ValueError, match="of one shape"):
        agreement(weight(), rounded(weight()[:8]), 0, 1)


def to_16_levels(codes: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(codes / 16) * 16, -128, 127).astype(np.int8)


@pytest.mark.parametrize(
    "codes",
    [to_16_levels(rounded(weight()).codes), rounded(weight(), 4).codes],
    ids=["16 steps of 8 bits", "4 bits as they are"],
)
def test_what_4_bits_could_hold_is_said_of_a_wider_type(codes):
    found = levels_of(codes, weight())

    assert found is not None
    assert found.levels in (15, 16, 17)


def test_what_has_few_levels_for_a_reason_is_not_4_bits():
    outlier = weight() * np.where(np.arange(weight().size).reshape(SHAPE) == 5, 500, 1)
    ternary = np.sign(weight()) * (np.abs(weight()) > 0.5)
    by_tensor = np.full(SHAPE, np.abs(outlier).max() / 127)

    assert levels_of(rounded(outlier, steps=by_tensor).codes, outlier) is None
    assert levels_of(rounded(ternary).codes, ternary) is None
    assert levels_of(rounded(ternary).codes, None) is not None
    assert levels_of(to_16_levels(rounded(weight()).codes)[:1, :1], weight()[:1, :1]) is None
    assert levels_of(rounded(weight()).codes, weight()) is None
    assert levels_of(np.zeros(SHAPE, np.int8), weight()) is None
