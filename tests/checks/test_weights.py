"""Weights beside the float model's: what was found in, failures, notes and evidence out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_qparity.checks.weights import weight_evidence, weight_failures, weight_notes
from pytest_qparity.precision.weights.found import FewLevels, OtherWeight, WeightsFound
from pytest_qparity.verdict import Code

SOUND = WeightsFound(11, 11, 11, 0, 0, (), (), (), 0.25, 0.5)
OTHER = OtherWeight("conv.w_quantized", 0.48, 10.02, 0.0, 0.9996, None)
OFF = replace(SOUND, rounded=10, others=(OTHER,), largest_steps=10.02)


def test_weights_that_are_rounded_are_counted_and_nothing_is_said():
    assert list(weight_failures(SOUND, False)) == list(weight_notes(SOUND, False)) == []
    assert weight_evidence(SOUND) == {
        "weights": {
            "quantized": 11,
            "compared": 11,
            "rounded": 11,
            "near": 0,
            "scaled": 0,
            "other": 0,
            "median_steps": 0.25,
            "largest_steps": 0.5,
        }
    }


def test_nothing_is_said_of_what_nobody_compared():
    assert weight_evidence(None) == weight_evidence(WeightsFound(0, 0, 0, 0, 0, (), (), (), None, None)) == {}
    assert list(weight_failures(None, False)) == list(weight_notes(None, False)) == []


def test_a_weight_that_is_not_the_float_models_fails():
    (failure,) = weight_failures(OFF, False)

    assert failure.code is Code.PREFLIGHT_WEIGHTS
    assert failure.sentence == (
        '1 of 11 quantized weights are not the float model\'s, rounded: of "conv.w_quantized" 48.0% of the elements '
        "are more than a step off, up to 10 steps, should be within half a step of it."
    )


@pytest.mark.parametrize(
    ("found", "likely"),
    [
        (replace(OFF, others=(replace(OTHER, channel=3),)), "the scale of output channel 3"),
        (replace(OFF, others=(replace(OTHER, cosine=-1.0),)), "a weight of another model"),
        (replace(OFF, compared=1), "another checkpoint"),
        (replace(OFF, others=(replace(OTHER, is_scaled=True, factor=1.03),)), "1.03 times the float model's"),
        (replace(OFF, others=(replace(OTHER, is_scaled=True),)), "no other weight, norm or Mul takes back"),
        (replace(OFF, others=(replace(OTHER, off_share=0.0, clipped_share=0.3),)), "scale is too small"),
        (replace(OFF, few_levels=(FewLevels(OTHER.name, 16, 9216, 8),)), "rounded to 4 bits"),
    ],
)
def test_what_it_looks_like_is_told(found, likely):
    assert likely in next(weight_failures(found, False)).likely


def test_elements_that_are_clipped_are_told_where_they_are_most():
    clipped = replace(OFF, others=(replace(OTHER, off_share=0.0, clipped_share=0.3),))

    assert "30.0% of the elements are clipped" in next(weight_failures(clipped, False)).sentence


@pytest.mark.parametrize(
    ("lost", "told"),
    [
        ({"zeroed": 1, "zeroed_outputs": (5,)}, "output channel 5 are zero"),
        ({"zeroed": 1, "zeroed_inputs": (3,)}, "input channel 3 are zero"),
        ({"zeroed": 24, "zeroed_outputs": (0, 1, 2)}, "24 channels (output 0, 1, 2, …) are zero"),
    ],
)
def test_channels_that_were_set_to_zero_are_named(lost, told):
    (failure,) = weight_failures(replace(OFF, others=(replace(OTHER, **lost),)), False)

    assert f'of "conv.w_quantized" all codes of {told}' in failure.sentence
    assert "pruned" in failure.likely


def test_a_comparison_with_a_defect_is_no_pass_and_names_the_way_out():
    broken = WeightsFound(0, 0, 0, 0, 0, (), (), (), None, None, 'Comparing weights of a.onnx got KeyError: "m".')

    (failure,) = weight_failures(broken, False)

    assert (failure.code, "gdb" in failure.remedy) == (Code.PREFLIGHT_WEIGHTS, False)
    assert 'weights = "changed"' in failure.remedy
    assert list(weight_failures(broken, True)) == []
    assert len(list(weight_notes(broken, True))) == 1
    assert weight_evidence(broken) == {"weights": {"broken": broken.broken}}


def test_a_maker_that_changes_weights_is_a_note():
    assert list(weight_failures(OFF, True)) == []
    assert list(weight_notes(OFF, True)) == [
        '1 of 11 weights are not the float model\'s, rounded (weights = "changed")'
    ]


def test_weights_of_4_bits_in_a_wider_type_fail_whoever_changed_them():
    few = replace(SOUND, few_levels=(FewLevels("conv.w_quantized", 16, 9216, 8),))

    (failure,) = weight_failures(few, True)

    assert failure.code is Code.PREFLIGHT_FEW_LEVELS
    assert failure.sentence == (
        '1 of 11 quantized weights hold what fits into 4 bits: the 9,216 elements of "conv.w_quantized" take 16 '
        "levels, evenly apart, should take more of the 256 of their type."
    )


def test_what_was_not_compared_and_what_was_scaled_is_told():
    found = replace(SOUND, compared=9, rounded=8, scaled=1, not_compared=("a", "b"))

    notes = list(weight_notes(found, False))

    assert notes[0].startswith("2 of 11 quantized weights were not compared")
    assert notes[1].startswith("1 of 9 weights are the float model's after factors of their channels")
    assert weight_evidence(found)["weights"]["not_compared"] == ["a", "b"]
