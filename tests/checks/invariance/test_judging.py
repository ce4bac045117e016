"""The verdict on what moved: tables of numbers, without an engine."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pytest_qparity.checks.invariance.calls import Trial
from pytest_qparity.checks.invariance.judging import InvarianceLimit, InvarianceMeasurement, judge_invariance
from pytest_qparity.checks.invariance.movement import Movement
from pytest_qparity.checks.invariance.relation import Relation
from pytest_qparity.verdict import Code, Outcome, Verdict
from tests.checks.verdicts import codes

LIMIT = InvarianceLimit(fp32_sqnr_db=80.0, error_share=0.25)
STILL = Movement(True, 100, power=100.0)


def moved(error: float, *, elements: int = 100, power: float = 100.0, **more: object) -> Movement:
    """A float output whose squared movement sums up to `error`."""
    return Movement(True, elements, power, error, max_abs=math.sqrt(error), differing=elements, worst_unit=3, **more)


def trial(*relations: Relation, demanded: frozenset[Relation] = frozenset()) -> Trial:
    left_out = {relation: "not here" for relation in Relation if relation not in relations}
    return Trial((), tuple(range(0, 160, 10)), 1, 8, 8, left_out, demanded)


def judged(
    relation: Relation,
    variant: Movement,
    fp32: Movement = STILL,
    own: Movement = STILL,
    *,
    is_fp32: bool = False,
    limit: InvarianceLimit = LIMIT,
) -> Verdict:
    return judge_invariance(
        InvarianceMeasurement(
            trial(relation), {relation: {"y": variant}}, {relation: {"y": fp32}}, {"y": own}, is_fp32
        ),
        limit,
    )


@pytest.mark.parametrize("relation", list(Relation))
def test_nothing_that_moves_passes_as_bit_equal(relation: Relation) -> None:
    verdict = judged(relation, STILL, own=moved(1.0))

    assert verdict.outcome is Outcome.PASS
    assert verdict.deciding == "bit-equal"


@pytest.mark.parametrize(("relation", "code"), [(each, getattr(Code, f"INVARIANCE_{each.name}")) for each in Relation])
def test_more_than_the_share_of_the_own_error_fails_by_the_code_of_the_relation(relation: Relation, code: Code) -> None:
    within, beyond = (judged(relation, moved(error), own=moved(1.0)) for error in (0.0624, 0.0626))  # 0.25² = 0.0625

    assert within.outcome is Outcome.PASS
    assert codes(beyond) == [code]
    assert beyond.deciding == f"{relation} 32.0 dB"
    assert "16 samples, 100 values; the worst is that of sample 30" in beyond.failures[0].sentence
    assert beyond.evidence["relations"][relation]["y"]["least_sqnr_db"] == pytest.approx(32.04, abs=0.01)


def test_sums_over_other_numbers_of_elements_are_compared_as_means() -> None:
    twice = {"elements": 200, "power": 200.0}

    assert judged(Relation.BATCH, moved(0.124, **twice), own=moved(1.0)).outcome is Outcome.PASS
    assert codes(judged(Relation.BATCH, moved(0.126, **twice), own=moved(1.0))) == [Code.INVARIANCE_BATCH]


def test_what_fp32_moves_comes_on_top() -> None:
    own, fp32 = moved(1e-6), moved(9e-7)  # 80.5 dB; √9e-7 + 0.25·√1e-6 = 1.2e-3

    assert judged(Relation.BATCH, moved(1.4e-6), fp32, own).outcome is Outcome.PASS
    assert codes(judged(Relation.BATCH, moved(1.5e-6), fp32, own)) == [Code.INVARIANCE_BATCH]
    assert codes(judged(Relation.BATCH, moved(1.4e-6), STILL, own)) == [Code.INVARIANCE_BATCH]


def test_rounding_passes_also_where_there_is_no_own_error() -> None:
    assert judged(Relation.BATCH, moved(0.9e-6)).outcome is Outcome.PASS
    assert codes(judged(Relation.BATCH, moved(1.1e-6))) == [Code.INVARIANCE_BATCH]


@pytest.mark.parametrize("relation", [Relation.BATCH, Relation.PADDING])
def test_fp32_that_moves_says_nothing_of_a_variant(relation: Relation) -> None:
    verdict = judged(relation, moved(10.0), moved(10.0), moved(1.0))

    assert codes(verdict) == [Code.INVARIANCE_FLOAT]


@pytest.mark.parametrize("relation", [Relation.REPEAT, Relation.ORDER, Relation.SHAPE])
def test_fp32_that_moves_where_no_model_may_excuses_nothing(relation: Relation) -> None:
    assert judged(relation, moved(10.0), moved(10.0), moved(1.0)).outcome is Outcome.ACCURACY_FAIL
    assert codes(judged(relation, STILL, moved(10.0), moved(1.0))) == [Code.INVARIANCE_FLOAT]


def test_fp32_itself_is_judged_by_what_it_keeps() -> None:
    assert judged(Relation.BATCH, moved(0.9e-6), moved(0.9e-6), is_fp32=True).outcome is Outcome.PASS
    assert codes(judged(Relation.BATCH, moved(1.1e-6), moved(1.1e-6), is_fp32=True)) == [Code.INVARIANCE_BATCH]


def test_fp32_without_a_value_is_no_pass() -> None:
    assert codes(judged(Relation.BATCH, Movement(True), Movement(True), is_fp32=True)) == [Code.INVARIANCE_BATCH]


def test_fp32_that_may_move_further_does_not_let_a_variant_move_alone() -> None:
    """Of FP32's 40 dB the variant may use what FP32 uses."""
    patient = InvarianceLimit(fp32_sqnr_db=30.0)

    assert judged(Relation.BATCH, moved(0.01), moved(0.01), STILL, limit=patient).outcome is Outcome.PASS
    assert codes(judged(Relation.BATCH, moved(0.01), STILL, STILL, limit=patient)) == [Code.INVARIANCE_BATCH]


@pytest.mark.parametrize(
    "broken",
    [moved(0.0, nonfinite=1), moved(math.inf), moved(math.nan), Movement(True, misfit="is float32 [2], should be …")],
)
def test_what_is_no_number_or_of_another_layout_never_passes(broken: Movement) -> None:
    assert codes(judged(Relation.ORDER, broken, own=moved(1e9))) == [Code.INVARIANCE_ORDER]


@pytest.mark.parametrize("nothing", [Movement(True), Movement(False), Movement(False, misfit="is int64 [2], should …")])
def test_nothing_and_integers_of_another_layout_never_pass(nothing: Movement) -> None:
    still = Movement(nothing.is_float, 100, power=100.0)

    assert codes(judged(Relation.ORDER, nothing, still, still)) == [Code.INVARIANCE_ORDER]


def test_an_own_error_that_is_no_number_allows_nothing_more() -> None:
    assert codes(judged(Relation.ORDER, moved(1.0), own=moved(math.inf))) == [Code.INVARIANCE_ORDER]


def test_integers_may_differ_in_a_share_of_what_the_variant_differs_from_fp32() -> None:
    def of_integers(differing: int) -> Movement:
        return Movement(False, 100, 100.0, float(differing), 1.0, 0, differing, 0 if differing else None)

    own = of_integers(8)

    assert judged(Relation.BATCH, of_integers(2), of_integers(0), own).outcome is Outcome.PASS
    assert codes(judged(Relation.BATCH, of_integers(3), of_integers(0), own)) == [Code.INVARIANCE_BATCH]
    assert codes(judged(Relation.BATCH, of_integers(1), of_integers(0), of_integers(0))) == [Code.INVARIANCE_BATCH]


def test_a_relation_of_which_nothing_was_compared_is_no_pass_where_it_is_demanded() -> None:
    two = (Relation.REPEAT, Relation.BATCH)
    found = {Relation.REPEAT: {"y": STILL}}

    left_out = judge_invariance(InvarianceMeasurement(trial(*two), found, found, {}, False), LIMIT)
    demanded = judge_invariance(
        InvarianceMeasurement(trial(*two, demanded=frozenset({Relation.BATCH})), found, found, {}, False), LIMIT
    )

    assert left_out.outcome is Outcome.PASS
    assert "batch" in left_out.evidence["left_out"]
    assert "batch (no output" in left_out.notes[0]
    assert codes(demanded) == [Code.INVARIANCE_IMPOSSIBLE]


def test_nothing_compared_at_all_is_no_pass() -> None:
    verdict = judge_invariance(InvarianceMeasurement(trial(Relation.BATCH), {}, {}, {}, False), LIMIT)

    assert codes(verdict) == [Code.INVARIANCE_IMPOSSIBLE]


@pytest.mark.parametrize("limit", [{"fp32_sqnr_db": math.nan}, {"fp32_sqnr_db": 80.0, "error_share": math.inf}])
def test_limits_that_limit_nothing_are_refused(limit: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="should be finite"):
        InvarianceLimit(**limit)


def test_movement_sums_up_what_differs_and_where_it_is_worst() -> None:
    still, first, second = (np.array(each, np.float32) for each in ([1, 2], [1.5, 2], [1, 4]))

    found = Movement(True).and_also(first, still, 0).and_also(second, still, 1)

    assert (found.elements, found.power, found.error, found.max_abs) == (4, 10.0, 4.25, 2.0)
    assert (found.differing, found.worst_unit) == (2, 1)


@pytest.mark.parametrize(("bad", "same"), [(np.nan, np.nan), (np.inf, np.inf), (np.nan, 1.0), (1.0, np.nan)])
def test_a_value_that_is_not_finite_in_either_way_is_no_movement_that_passes(bad: float, same: float) -> None:
    found = Movement(True).and_also(np.array([bad, 1.0]), np.array([same, 1.0]), 2)

    assert (found.nonfinite, found.worst_unit, found.sqnr_db) == (1, 2, -math.inf)


def test_another_layout_stays_a_misfit_whatever_comes_after() -> None:
    found = Movement(True).and_also(np.ones(2), np.ones(3), 0).and_also(np.ones(3), np.ones(3), 1)

    assert found.misfit == "is float64 [2], should be float64 [3]"
