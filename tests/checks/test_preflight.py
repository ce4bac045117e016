"""Preflight: what a file holds and a session proved in, verdicts out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_qparity.checks.preflight import PreflightMeasurement, judge_preflight
from pytest_qparity.verdict import Code, Outcome

SOUND = PreflightMeasurement(
    base="int8",
    holds_precision=True,
    quantized_nodes=24,
    nodes=60,
    opset=17,
    own_operators=False,
    bad_scales=(),
    expected_placement="CPU",
    placement={"CPU": 60},
    equal_to_float=False,
)


def only_failure(measured):
    (failure,) = judge_preflight(measured).failures
    return failure


def test_a_run_that_is_what_it_says_passes_with_all_that_was_found():
    verdict = judge_preflight(SOUND)

    assert verdict.outcome is Outcome.PASS
    assert verdict.evidence == {
        "precision": "int8",
        "nodes": 60,
        "quantized_nodes": 24,
        "opset": 17,
        "bad_scales": [],
        "expected_placement": "CPU",
        "placement": {"CPU": 60},
        "equal_to_float": False,
    }


@pytest.mark.parametrize(
    ("base", "deciding"),
    [("int8", "24 Q/DQ"), ("int4", "24 Q/DQ"), ("fp16", "24 nodes"), ("bf16", "24 nodes"), ("fp32", "60 nodes")],
)
def test_the_deciding_figure_counts_what_makes_the_precision(base, deciding):
    assert judge_preflight(replace(SOUND, base=base, opset=23)).deciding == deciding


def test_a_file_without_its_precision_is_not_quantized():
    failure = only_failure(replace(SOUND, holds_precision=False, quantized_nodes=0))

    assert failure.code is Code.PREFLIGHT_NOT_QUANTIZED
    assert failure.sentence == (
        "The variant holds 0 quantized or typed nodes for int8, should be at least 1 (of 60 nodes)."
    )


@pytest.mark.parametrize(
    ("base", "first"),
    [
        ("int8", 10),
        ("uint8", 10),
        ("fp8", 19),
        ("int4", 21),
        ("uint4", 21),
        ("int16", 21),
        ("nvfp4", 23),
        ("mxfp4", 23),
    ],
)
def test_the_opset_must_know_the_types_of_the_precision(base, first):
    assert judge_preflight(replace(SOUND, base=base, opset=first)).outcome is Outcome.PASS

    failure = only_failure(replace(SOUND, base=base, opset=first - 1))
    assert failure.code is Code.PREFLIGHT_OPSET
    assert failure.sentence == f"The variant has opset {first - 1}, should be at least {first} for {base}."


def test_an_engine_s_own_quantized_operators_need_no_opset():
    assert judge_preflight(replace(SOUND, opset=9, own_operators=True)).outcome is Outcome.PASS


def test_float_files_may_have_any_opset():
    assert judge_preflight(replace(SOUND, base="fp32", opset=7)).outcome is Outcome.PASS


def test_bad_scales_are_counted_and_the_first_three_named():
    failure = only_failure(replace(SOUND, bad_scales=("conv1", "conv2", "conv3", "conv4")))

    assert failure.code is Code.PREFLIGHT_SCALE
    assert failure.sentence == (
        "4 quantization scales are zero, negative, NaN or infinite (at conv1, conv2, conv3), "
        "should be finite and above zero."
    )


@pytest.mark.parametrize(
    ("placement", "where"),
    [
        pytest.param({"CUDA": 50, "CPU": 10}, "10 on CPU", id="some nodes"),
        pytest.param({"CPU": 60}, "60 on CPU", id="all nodes"),
        pytest.param({"CUDA": 50, "CPU": 9, "XNNPACK": 1}, "9 on CPU, 1 on XNNPACK", id="several places"),
        pytest.param({"CUDA": 0, "CPU": 60}, "60 on CPU", id="the place asked for, without a node"),
        pytest.param({}, "no node anywhere", id="the engine did not tell"),
        pytest.param({"CUDA": 0}, "no node anywhere", id="nothing ran"),
    ],
)
def test_nodes_that_ran_elsewhere_than_asked_are_told(placement, where):
    failure = only_failure(replace(SOUND, expected_placement="CUDA", placement=placement))

    assert failure.code is Code.PREFLIGHT_FALLBACK
    assert failure.sentence == f"Nodes ran elsewhere: {where}; all should run on CUDA."


def test_another_place_without_a_node_is_no_fallback():
    assert judge_preflight(replace(SOUND, placement={"CPU": 60, "CUDA": 0})).outcome is Outcome.PASS


def test_outputs_that_are_bit_for_bit_those_of_fp32_were_not_quantized():
    failure = only_failure(replace(SOUND, equal_to_float=True))

    assert failure.code is Code.PREFLIGHT_SAME_AS_FLOAT
    assert failure.sentence == "Every output is bit for bit that of FP32, should differ by its quantization."


def test_a_comparison_with_fp32_that_says_nothing_is_no_failure():
    verdict = judge_preflight(replace(SOUND, base="fp32", equal_to_float=None))

    assert verdict.outcome is Outcome.PASS
    assert verdict.evidence["equal_to_float"] is None


def test_everything_that_is_wrong_is_told_at_once_and_none_of_it_is_a_pass():
    verdict = judge_preflight(
        replace(
            SOUND,
            holds_precision=False,
            opset=9,
            bad_scales=("conv1",),
            placement={"CUDA": 1},
            equal_to_float=True,
        )
    )

    assert [failure.code for failure in verdict.failures] == [
        Code.PREFLIGHT_NOT_QUANTIZED,
        Code.PREFLIGHT_OPSET,
        Code.PREFLIGHT_SCALE,
        Code.PREFLIGHT_FALLBACK,
        Code.PREFLIGHT_SAME_AS_FLOAT,
    ]
    assert verdict.outcome is Outcome.CANNOT_JUDGE
