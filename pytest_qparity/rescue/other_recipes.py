"""Other recipes of a run, tried before a node is given up, and what each gave."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from pytest_qparity.rescue.candidate import Candidate
from pytest_qparity.rescue.recipe_changes import balancing_changes, dynamic_changes, recipe_changes

if TYPE_CHECKING:
    from pytest_qparity.rescue.evaluation import Evaluation, Judged
    from pytest_qparity.rescue.judging import GateJudge

__all__ = ["best_recipe", "dynamic_recipe", "said"]


def best_recipe(
    judge: GateJudge,
    base: str,
    asis: Evaluation,
    notes: Sequence[str],
    found: Callable[[str], None],
    expect: Callable[[int], None],
) -> Evaluation:
    """The first other recipe that passes or lacks nothing but samples, or the nearest of all: methods first, then what
    balances the float model and its biases, each on top of the nearest so far.

    base: the precision of the table; notes: of the variant as it is. found: called with a sentence for each finding;
    expect: with how many recipes are still to be tried, before each of them. Raises Spent where the budget is used up.
    """
    best, tried = asis, 0
    methods = list(recipe_changes(base, judge.stated, notes))
    balancing = list(balancing_changes(base, judge.stated))
    for index, changes in enumerate(methods):
        expect(len(methods) - index + len(balancing))
        tried += 1
        evaluation = judge.evaluate(Candidate(changes))
        if evaluation.suffices:
            return _enough(evaluation, found)
        best = max(best, evaluation, key=lambda each: each.nearness)
    for index, more in enumerate(balancing):
        expect(len(balancing) - index)
        evaluation = judge.evaluate(Candidate((*best.candidate.changes, *more)))
        if evaluation.changed_nothing:
            continue
        tried += 1
        found(f"{said(more)}: {_gained(best, evaluation)}.")
        if evaluation.suffices:
            return _enough(evaluation, found)
        if evaluation.is_clearly_nearer_than(best):  # the table is no place for keys that hardly do anything
            best = evaluation
    if tried:
        nearest = said(best.candidate.changes) if best.candidate.changes else "the one stated"
        found(f"None of {tried} other recipes passes; the nearest of all is {nearest}.")
    return best


def dynamic_recipe(judge: GateJudge, base: str, found: Callable[[str], None]) -> Evaluation | None:
    """The first with ranges of each call that suffices, where no set of nodes does. Raises Spent as `best_recipe`."""
    for changes in dynamic_changes(base, judge.stated, judge.run.backend):
        evaluation = judge.evaluate(Candidate(changes))
        if evaluation.suffices:
            found(
                f"{said(changes)} mends its outputs with every product quantized: ranges are then those of each call, "
                "which takes longer, and a sample's outputs depend on its batch."
            )
            return evaluation
        if evaluation.sqnr_db is not None:
            found(f"{said(changes)}: {_gained(judge.evaluate(Candidate()), evaluation)}.")
    return None


def said(changes: Sequence[tuple[str, Any]]) -> str:
    return ", ".join(f"{key} = {_value(value)}" for key, value in changes if value is not None)


def _enough(evaluation: Evaluation, found: Callable[[str], None]) -> Evaluation:
    found(f"{said(evaluation.candidate.changes)} alone mends its outputs: no node has to be float.")
    return evaluation


def _value(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _gained(before: Evaluation, after: Evaluation) -> str:
    """What a change gave, in the gate's own figures."""
    shared = [name for name in before.checks if name != "preflight" and name in after.checks]
    return ", ".join(f"{name} {_figure(before.checks[name])} → {_figure(after.checks[name])}" for name in shared)


def _figure(judged: Judged) -> str:
    return judged.deciding or judged.outcome
