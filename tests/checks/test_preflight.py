"""Preflight: what a file holds and a session proved in, verdicts out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_qparity.backends.kernels import KernelCount, Kernels, NotTold
from pytest_qparity.checks.linting.rules.importer import BIAS, SCALE, UINT8_READ_AS_INT8
from pytest_qparity.checks.preflight import PreflightMeasurement, judge_preflight
from pytest_qparity.checks.preflight_file import judge_absent, judge_refused
from pytest_qparity.precision.examination import Examined, Saturation
from pytest_qparity.verdict import Code, Failure, Outcome

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


def test_a_file_that_is_float_throughout_lacks_no_opset():
    verdict = judge_preflight(replace(SOUND, holds_precision=False, quantized_nodes=0, opset=9))

    assert [failure.code for failure in verdict.failures] == [Code.PREFLIGHT_NOT_QUANTIZED]


ALL_OF_53 = Kernels({"Conv": KernelCount(quantized=53)})
MOST = Kernels(
    {"Conv": KernelCount(quantized=8, fell_back=1), "Gemm": KernelCount(left_float=1)}, ("conv9", "classify")
)
NONE = Kernels({"Conv": KernelCount(fell_back=53)}, tuple(f"conv{index}" for index in range(20)))


def test_what_ran_quantized_is_evidence_and_decides_what_is_shown():
    verdict = judge_preflight(replace(SOUND, kernels=ALL_OF_53))

    assert verdict.outcome is Outcome.PASS
    assert verdict.deciding == "53/53 Conv int8"
    assert verdict.evidence["kernels"] == "53/53 Conv int8"
    assert verdict.evidence["kernel_counts"] == {
        "Conv": {"quantized": 53, "weights_only": 0, "fell_back": 0, "left_float": 0, "otherwise": 0}
    }
    assert verdict.notes == ()


def test_several_kinds_are_shown_as_one_figure():
    verdict = judge_preflight(replace(SOUND, kernels=MOST))

    assert verdict.deciding == "8/10 int8"
    assert verdict.evidence["kernels"] == "8/9 Conv, 0/1 Gemm int8"
    assert verdict.evidence["float_kernels"] == ["conv9", "classify"]
    assert verdict.notes == (
        "1 quantized nodes run as float: conv9",
        "1 of 10 compute nodes are float in the file: classify",
    )


def test_a_file_of_which_nothing_runs_quantized_passes_with_a_note_where_the_case_asks_for_no_share():
    verdict = judge_preflight(replace(SOUND, kernels=NONE))

    assert verdict.outcome is Outcome.PASS
    assert verdict.deciding == "0/53 Conv int8"
    assert verdict.notes == ("0/53 Conv int8: runs as float",)


def test_what_an_engine_does_not_tell_is_said_and_the_file_s_nodes_are_shown():
    verdict = judge_preflight(replace(SOUND, kernels=NotTold("the backend's sessions have no kernels()")))

    assert verdict.outcome is Outcome.PASS
    assert verdict.deciding == "24 Q/DQ"
    assert verdict.evidence["kernels"] == "not told: the backend's sessions have no kernels()"
    assert verdict.notes == (
        "not told which kernels run, whether quantized or float: the backend's sessions have no kernels()",
    )


def test_remarks_of_the_engine_and_hidden_parts_are_notes():
    verdict = judge_preflight(replace(SOUND, kernels=replace(ALL_OF_53, hidden=2, remarks=("rounded to int8",))))

    assert verdict.notes == (
        (
            "the engine does not tell of 2 parts of the graph: bodies of loops and branches, nodes in no layer that it "
            "names"
        ),
        "rounded to int8",
    )


def test_a_share_that_is_reached_exactly_passes():
    verdict = judge_preflight(replace(SOUND, kernels=MOST, min_quantized=0.8))

    assert verdict.outcome is Outcome.PASS
    assert verdict.evidence["min_quantized"] == 0.8


def test_fewer_quantized_nodes_than_asked_fail_with_the_others_named():
    failure = only_failure(replace(SOUND, kernels=MOST, min_quantized=0.81))

    assert failure.code is Code.PREFLIGHT_FEW_QUANTIZED
    assert failure.sentence == (
        "8 of 10 compute nodes run quantized (80.0%: 8/9 Conv, 0/1 Gemm int8), should be at least 81.0%. "
        "As float: conv9, classify."
    )
    assert failure.likely == "the engine does not fuse the Q/DQ nodes of 1; the file leaves the others float"


@pytest.mark.parametrize(
    ("count", "likely"),
    [
        (KernelCount(fell_back=1), "the engine does not fuse the Q/DQ nodes around them"),
        (KernelCount(left_float=1), "the file leaves them float"),
    ],
)
def test_the_likely_cause_tells_the_engine_s_doing_from_the_file_s(count, likely):
    failure = only_failure(replace(SOUND, kernels=Kernels({"Conv": count}, ("conv",)), min_quantized=1.0))

    assert failure.likely is not None
    assert failure.likely.startswith(likely)


OTHERS = Kernels({"Gemm": KernelCount(quantized=1, left_float=1, otherwise=3)}, ("first",))


def test_what_is_quantized_in_another_precision_counts_for_none_of_this_one():
    measured = replace(SOUND, kernels=OTHERS, min_quantized=0.8, other_products=("a", "b", "c"))

    failure = only_failure(measured)

    assert failure.sentence == (
        "1 of 5 compute nodes run quantized (20.0%: 1/5 Gemm int8), should be at least 80.0%. As float: first. "
        "In another precision: a, b, c."
    )
    assert failure.likely == "the file quantizes some of its nodes in another precision"
    assert judge_preflight(replace(measured, min_quantized=None)).notes == (
        "1 of 5 compute nodes are float in the file: first",
        "3 of 5 compute nodes are quantized in another precision: a, b, c",
    )


def test_a_file_of_another_precision_says_so():
    failure = only_failure(replace(SOUND, holds_precision=False, quantized_nodes=0, other_products=("logits",)))

    assert failure.likely == "products are quantized in another precision, or other blocks and scales: logits"


def test_of_many_nodes_that_run_as_float_a_few_are_named():
    failure = only_failure(replace(SOUND, kernels=NONE, min_quantized=0.5))

    assert failure.sentence.endswith("As float: conv0, conv1, conv2, conv3, conv4, ….")


@pytest.mark.parametrize(
    ("kernels", "got"),
    [
        (NotTold("no kernels()"), "not told how many nodes run quantized (no kernels())"),
        (None, "not told how many nodes run quantized (nothing runs quantized in int8)"),
        (replace(ALL_OF_53, hidden=1), "nothing told of 1 parts of the graph"),
        (Kernels({}), "no compute node (Conv, MatMul, Gemm, …)"),
    ],
)
def test_a_share_of_what_nobody_tells_cannot_be_judged(kernels, got):
    failure = only_failure(replace(SOUND, kernels=kernels, min_quantized=0.01))

    assert failure.code is Code.PREFLIGHT_KERNELS_UNTOLD
    assert failure.sentence == f"Got {got}, should be at least 1.0% of the compute nodes (min_quantized)."


def test_a_file_whose_sums_stay_in_int16_passes_for_any_cpu():
    verdict = judge_preflight(replace(SOUND, saturation=Saturation(3, 0, 0, 32_640, "conv", 1, "")))

    assert verdict.outcome is Outcome.PASS
    assert verdict.evidence["saturation"]["worst_sum"] == 32_640
    assert verdict.evidence["saturation"]["largest_sum"] == 32_767


def test_a_file_whose_sums_saturate_is_refused_for_any_cpu():
    failure = only_failure(replace(SOUND, saturation=Saturation(3, 2, 0, 64_770, "conv", 7, "")))

    assert failure.code is Code.PREFLIGHT_SATURATION
    assert failure.sentence == (
        '2 of 3 integer products can saturate in int16, at most "conv": output channel 7 can sum up two products to '
        "64,770; should stay within −32,768 and 32,767 for any CPU."
    )
    assert "reduce_range" in failure.remedy


def test_weights_that_are_not_known_are_refused_for_any_cpu():
    failure = only_failure(replace(SOUND, saturation=Saturation(3, 0, 1, 100, "conv", 7, "attention")))

    assert failure.code is Code.PREFLIGHT_SATURATION
    assert '1 of 3 integer products have weights that are no constants ("attention")' in failure.sentence


HELD = Examined(True, quantized_nodes=24, nodes=60, opset=17, own_operators=False, bad_scales=())


def test_a_file_that_is_refused_has_a_failure_for_each_rule_and_none_for_a_session():
    findings = (
        UINT8_READ_AS_INT8.at("c", "got a uint8 zero point, should be int8"),
        BIAS.at("a", "got an int32 DequantizeLinear, should be a float initializer"),
        BIAS.at("b", "got an int32 DequantizeLinear, should be a float initializer"),
        SCALE.at("d", "got a scale of 0, should be above 0"),
    )

    verdict = judge_refused("int8", HELD, findings)

    assert verdict.outcome is Outcome.CANNOT_JUDGE
    assert verdict.deciding == "3 refused"
    assert [(failure.code, failure.sentence) for failure in verdict.failures] == [
        (Code.PREFLIGHT_REFUSED, 'TRT-Q-003 at "d": got a scale of 0, should be above 0.'),
        (
            Code.PREFLIGHT_REFUSED,
            'TRT-Q-013 at "a" (and 1 more): got an int32 DequantizeLinear, should be a float initializer.',
        ),
    ]
    assert verdict.failures[1].remedy == BIAS.remedy
    assert verdict.notes == ("TRT-Q-012: uint8 that is read as int8: c",)
    assert {rule: each["count"] for rule, each in verdict.evidence["lint"].items()} == {
        "TRT-Q-003": 1,
        "TRT-Q-013": 2,
        "TRT-Q-012": 1,
    }
    assert "placement" not in verdict.evidence


def test_what_a_refused_file_does_not_hold_is_said_as_well():
    content = replace(HELD, holds_precision=False, quantized_nodes=0, bad_scales=("d",), opset=9)

    verdict = judge_refused("int8", content, (SCALE.at("d", "got a scale of 0, should be above 0"),))

    assert [failure.code for failure in verdict.failures] == [
        Code.PREFLIGHT_NOT_QUANTIZED,
        Code.PREFLIGHT_SCALE,
        Code.PREFLIGHT_REFUSED,
    ]


def test_many_nodes_of_a_rule_that_warns_are_counted_and_the_first_named():
    warned = tuple(UINT8_READ_AS_INT8.at(f"n{index}", "got a uint8 zero point, should be int8") for index in range(7))

    verdict = judge_preflight(replace(SOUND, warned=warned))

    assert verdict.outcome is Outcome.PASS
    assert verdict.notes == ("TRT-Q-012: uint8 that is read as int8: n0, n1, n2, n3, n4, …",)
    assert verdict.evidence["lint"]["TRT-Q-012"]["count"] == 7
    assert verdict.evidence["lint"]["TRT-Q-012"]["nodes"] == ["n0", "n1", "n2", "n3", "n4"]


HALF = replace(SOUND, base="fp16", other_products=("a", "b"))


def test_the_products_of_an_fp16_file_that_stay_float32_are_named():
    verdict = judge_preflight(HALF)

    assert verdict.outcome is Outcome.PASS
    assert "2 products of the file do not compute in fp16: a, b" in verdict.notes


def test_a_file_none_of_whose_products_computes_in_16_bits_is_refused():
    failure = only_failure(replace(HALF, holds_precision=False, quantized_nodes=0))

    assert failure.code is Code.PREFLIGHT_NOT_QUANTIZED
    assert failure.likely == "no product of the file computes in fp16, whatever its other nodes do: a, b"


ABSENT = Failure(Code.BACKEND_UNAVAILABLE, 'Backend "trt" does not work here: no libnvinfer.', "install it")


def test_what_is_wrong_with_a_file_stands_beside_its_absent_backend():
    findings = (BIAS.at("a", "got an int32 DequantizeLinear, should be a float initializer"),)

    verdict = judge_absent(ABSENT, "int8", replace(HELD, bad_scales=("d",)), findings)

    assert verdict.outcome is Outcome.CANNOT_JUDGE
    assert verdict.deciding == "1 refused"
    assert [failure.code for failure in verdict.failures] == [
        Code.BACKEND_UNAVAILABLE,
        Code.PREFLIGHT_SCALE,
        Code.PREFLIGHT_REFUSED,
    ]
    assert verdict.evidence["lint"]["TRT-Q-013"]["nodes"] == ["a"]


def test_a_sound_file_of_an_absent_backend_has_nothing_but_its_evidence():
    warned = (UINT8_READ_AS_INT8.at("c", "got a uint8 zero point, should be int8"),)

    verdict = judge_absent(ABSENT, "int8", HELD, warned)

    assert (verdict.outcome, verdict.deciding, verdict.failures) == (Outcome.CANNOT_JUDGE, "backend", (ABSENT,))
    assert verdict.notes == ("TRT-Q-012: uint8 that is read as int8: c",)
    assert verdict.evidence["quantized_nodes"] == 24
