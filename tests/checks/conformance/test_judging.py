from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from pytest_qparity.checks.conformance import (
    Kernel,
    Known,
    judge_kernel,
    judge_record,
    kernels_by_id,
    shipped_known,
)
from pytest_qparity.checks.conformance.example import Example, Expected, Node
from pytest_qparity.checks.conformance.judging import minimal_of
from pytest_qparity.verdict import Code, Outcome
from tests.checks.conformance.conftest import MakeLaboratory

K_ZERO = "matmul_integer-s8s8-per_tensor-opset13"
RELU = "qdq_relu-s4-opset21"
SOUND = "quantize_linear-fp32_int8-per_axis-opset21"
REFUSED = "quantize_linear-bf16_int8-per_axis-opset25"


def deviation(kernel: str, **stated: Any) -> dict[str, Any]:
    return {"kernels": [kernel], "versions": ">=1", "observed": "seen", "expected": "wanted", **stated}


def unsupported(kernel: str) -> dict[str, Any]:
    return {"kernels": [kernel], "versions": ">=1", "observed": "not there"}


def test_a_kernel_that_conforms_passes_with_what_was_tried(laboratory: MakeLaboratory) -> None:
    verdict, shown = judge_kernel(kernels_by_id()[SOUND], laboratory("ort"))

    assert verdict.outcome is Outcome.PASS
    assert not shown
    assert verdict.evidence["examples"] == 20
    assert verdict.evidence["ran"] == 40  # two optimizer levels
    assert verdict.evidence["elements"] > 1_000
    assert verdict.evidence["worst_lsb"] == 0.0


def test_a_deviation_that_is_not_on_record_fails_with_an_example_and_a_script(laboratory: MakeLaboratory) -> None:
    verdict, _ = judge_kernel(kernels_by_id()[RELU], laboratory("ort"))

    assert verdict.outcome is Outcome.ACCURACY_FAIL
    (failure,) = verdict.failures
    assert failure.code is Code.CONFORMANCE_DEVIATES
    assert "optimizer extended, all" in failure.sentence
    assert "should be" in failure.sentence
    assert f"{RELU}.py" in failure.remedy


def test_a_deviation_that_is_on_record_is_waived_and_shown(laboratory: MakeLaboratory) -> None:
    known = Known.model_validate({"deviation": [deviation("qdq_relu-s4-*", optimizers=("extended", "all"))]})

    verdict, shown = judge_kernel(kernels_by_id()[RELU], laboratory("ort", known))

    assert verdict.outcome is Outcome.WAIVED
    assert verdict.failures[0].code is Code.CONFORMANCE_KNOWN
    assert shown == frozenset(known.deviation)


@pytest.mark.parametrize(
    "stated",
    [
        {"optimizers": ("basic", "all")},
        {"where": ("k_zero",)},
        {"at_most_lsb": 1.0},
        {"answers": ("refused",)},
        {"versions": ">=2"},
    ],
    ids=["another level", "another trait", "a shorter distance", "another answer", "another version"],
)
def test_a_record_of_something_else_does_not_account_for_a_deviation(
    laboratory: MakeLaboratory, stated: dict[str, Any]
) -> None:
    known = Known.model_validate({"deviation": [deviation("qdq_relu-s4-*", **stated)]})

    verdict, _ = judge_kernel(kernels_by_id()[RELU], laboratory("ort", known))

    assert verdict.outcome is Outcome.ACCURACY_FAIL


def test_a_kernel_that_is_refused_altogether_cannot_be_judged_unless_it_is_listed(laboratory: MakeLaboratory) -> None:
    kernel = kernels_by_id()[REFUSED]
    listed = Known.model_validate({"unsupported": [unsupported("quantize_linear-bf16_*")]})

    unlisted, _ = judge_kernel(kernel, laboratory("ort"))
    waived, _ = judge_kernel(kernel, laboratory("ort", listed))

    assert unlisted.outcome is Outcome.CANNOT_JUDGE
    assert unlisted.failures[0].code is Code.CONFORMANCE_UNSUPPORTED
    assert "NOT_IMPLEMENTED" in unlisted.failures[0].sentence
    assert waived.outcome is Outcome.WAIVED
    assert waived.evidence["answer"] == "unsupported"


def test_a_kernel_that_is_listed_as_unsupported_and_runs_fails(laboratory: MakeLaboratory) -> None:
    known = Known.model_validate({"unsupported": [unsupported("quantize_linear-*")]})

    verdict, _ = judge_kernel(kernels_by_id()[SOUND], laboratory("ort", known))

    assert verdict.failures[0].code is Code.CONFORMANCE_DEAD


def test_what_an_engine_refuses_of_a_few_is_no_end_of_the_others(laboratory: MakeLaboratory) -> None:
    blocked = "quantize_linear-fp32_int8-blocked-opset21"
    known = Known.model_validate({"deviation": [deviation(blocked, where=("one_scale",), answers=("refused",))]})

    verdict, _ = judge_kernel(kernels_by_id()[blocked], laboratory("ort", known))

    assert verdict.outcome is Outcome.WAIVED
    assert verdict.evidence["refused"] > 0
    assert verdict.evidence["ran"] > verdict.evidence["refused"]


def test_a_record_whose_entries_all_show_passes(laboratory: MakeLaboratory) -> None:
    known = Known.model_validate({"deviation": [deviation("qdq_relu-s4-*")]})

    verdict = judge_record([kernels_by_id()[RELU]], laboratory("ort", known), frozenset())

    assert verdict.outcome is Outcome.PASS
    assert verdict.evidence == {"entries": 1, "dead": 0}


def test_an_entry_that_does_not_show_is_dead(laboratory: MakeLaboratory) -> None:
    known = Known.model_validate({"deviation": [deviation(SOUND)]})

    verdict = judge_record([kernels_by_id()[SOUND]], laboratory("ort", known), frozenset())

    assert verdict.outcome is Outcome.CANNOT_JUDGE
    assert verdict.failures[0].code is Code.CONFORMANCE_DEAD
    assert "does not show" in verdict.failures[0].sentence


def test_an_entry_that_is_rare_is_looked_for_in_more_examples_than_were_asked_for(laboratory: MakeLaboratory) -> None:
    known = Known.model_validate({"deviation": [deviation("neg-*", answers=("misshapen",))]})
    asked: list[int] = []

    def negated(number: int) -> Example:
        """One in 64 wants a shape that Neg does not give."""
        asked.append(number)
        values = np.full(1, number, np.float32)
        wanted = np.full(2 if number == 63 else 1, -number, np.float64)
        expected = Expected(wanted, wanted, np.ones(wanted.shape), np.dtype(np.float32))
        return Example((Node("Neg", ("x",), ("y",)),), {"x": values}, {}, {"y": expected})

    kernel = Kernel("neg-fp32-opset13", "Neg", "fp32", 13, lambda: st.integers(0, 63).map(negated))
    verdict = judge_record([kernel], laboratory("reference", known, examples=1), frozenset())

    assert verdict.evidence == {"entries": 1, "dead": 0}
    assert len(asked) > 8


def test_one_example_of_each_kernel_calls_no_live_entry_dead(laboratory: MakeLaboratory) -> None:
    (pairs,) = (entry for entry in shipped_known("openvino").deviation if entry.observed.startswith("pairs of 8"))
    bench = laboratory("openvino", Known(deviation=(pairs,)), examples=1, version="2026.4.1")
    kernels = [kernel for kernel in kernels_by_id().values() if pairs.is_of_kernel(kernel.id)]

    verdict = judge_record(kernels, bench, frozenset())

    assert verdict.outcome is Outcome.PASS


def test_an_entry_that_has_shown_is_not_looked_for_again(laboratory: MakeLaboratory) -> None:
    known = Known.model_validate({"deviation": [deviation(SOUND)]})

    verdict = judge_record([kernels_by_id()[SOUND]], laboratory("ort", known), frozenset(known.deviation))

    assert verdict.outcome is Outcome.PASS


def test_a_glob_that_matches_no_kernel_is_dead(laboratory: MakeLaboratory) -> None:
    known = Known.model_validate({"deviation": [deviation("quantise_linear-*", versions=">=9")]})

    verdict = judge_record([kernels_by_id()[SOUND]], laboratory("ort", known), frozenset())

    assert "quantise_linear-*" in verdict.failures[0].sentence


def test_a_kernel_of_which_the_specification_says_nothing_is_no_pass(laboratory: MakeLaboratory) -> None:
    zeros = np.zeros(2)
    anything = Expected(zeros, zeros, np.ones(2), np.dtype(np.float32), free=np.ones(2, bool))
    example = Example((Node("Neg", ("x",), ("y",)),), {"x": zeros.astype(np.float32)}, {}, {"y": anything})
    kernel = Kernel("neg-fp32-opset13", "Neg", "fp32", 13, lambda: st.just(example))

    verdict, _ = judge_kernel(kernel, laboratory("ort"))

    assert verdict.outcome is Outcome.CANNOT_JUDGE
    assert verdict.failures[0].code is Code.CONFORMANCE_NOTHING
    assert verdict.evidence["elements"] == 0


def test_the_same_seed_gives_the_same_answer(laboratory: MakeLaboratory) -> None:
    kernel = kernels_by_id()["qdq_softmax-u8-opset21"]

    first, second = (judge_kernel(kernel, laboratory("ort"))[0] for _ in range(2))

    assert first.evidence == second.evidence
    assert first.failures[0].sentence == second.failures[0].sentence


def test_patterns_are_tried_at_every_level_and_one_node_at_the_first_and_last(laboratory: MakeLaboratory) -> None:
    ort = laboratory("ort")

    assert [level.value for level in ort.levels_for(kernels_by_id()[RELU])] == ["off", "basic", "extended", "all"]
    assert [level.value for level in ort.levels_for(kernels_by_id()[SOUND])] == ["off", "all"]
    assert len(laboratory("openvino").levels_for(kernels_by_id()[SOUND])) == 1


def test_every_kernel_of_several_nodes_around_q_dq_is_a_pattern() -> None:
    assert all(kernel.is_pattern == kernel.id.startswith("qdq_") for kernel in kernels_by_id().values())


def test_the_simplest_example_is_a_small_one(laboratory: MakeLaboratory) -> None:
    """Though one that deviates may be among the largest that are drawn."""
    kernel = kernels_by_id()["quantize_linear-fp32_float8e4m3fn-saturate0-per_tensor-opset19"]

    minimal = minimal_of(kernel, laboratory("ort"))

    assert minimal is not None
    assert minimal.example.elements <= 2
