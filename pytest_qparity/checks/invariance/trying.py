"""Trying: the calls of a trial are run in a session, and what moved is summed up as they go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from pytest_qparity.backends.border import refused
from pytest_qparity.backends.hosted import TooLarge
from pytest_qparity.checks.invariance.movement import Movement, is_float
from pytest_qparity.checks.invariance.relation import Relation

if TYPE_CHECKING:
    from pytest_qparity.backends.hosted import HostedSession
    from pytest_qparity.case.data import Array
    from pytest_qparity.checks.invariance.calls import Call, Trial

Outputs: TypeAlias = "Mapping[str, Array]"
ByRelation: TypeAlias = "Mapping[Relation, Mapping[str, Movement]]"


@dataclass(frozen=True, slots=True, eq=False)
class Tried:
    """What a session gave for each unit alone and first, and how far each output moved by each relation.

    A relation that nothing was compared for is not in `movements`, nor is an output without an axis that counts
    samples in those of `batch`.
    """

    alone: tuple[Outputs, ...]
    movements: ByRelation

    @property
    def floats(self) -> frozenset[str]:
        return frozenset(name for name, array in self.alone[0].items() if is_float(array))


def try_all(session: HostedSession, trial: Trial, largest_mb: float) -> Tried:
    """Run all calls in their order. Outputs of the units alone are held, of `largest_mb` in all at most; of the others
    those of one call at a time. Raises CannotJudge where the session fails, or gives more."""
    most_bytes = int(largest_mb * 1e6 / max(trial.units, 1))
    alone: list[Outputs] = []
    movements: dict[Relation, dict[str, Movement]] = {}
    last: Outputs = {}
    for call in trial.calls:
        try:
            outputs: Outputs = session.run_within(call.feed.arrays, most_bytes * len(call.units))
        except TooLarge:
            raise refused(f"outputs of more than {largest_mb:,g} MB over {trial.units} feeds, should be less") from None
        if call.is_first:
            alone.append(outputs)
        elif call.relation is not None:
            held = last if call.relation is Relation.REPEAT else alone[call.units[0]]
            known = movements.setdefault(call.relation, {})
            for name, moved in _moved(call, outputs, held, alone, trial, known).items():
                known[name] = moved
        last = outputs
    return Tried(tuple(alone), {relation: found for relation, found in movements.items() if found})


def own_error(variant: Tried, floats: Tried) -> dict[str, Movement]:
    """How far each output of the variant, each unit alone, is from that of FP32 on the same backend."""
    found = {}
    for name, first in floats.alone[0].items():
        movement = Movement(is_float(first))
        for unit, (given, expected) in enumerate(zip(variant.alone, floats.alone, strict=True)):
            if name in given:
                movement = movement.and_also(given[name], expected[name], unit)
            else:
                movement = Movement(movement.is_float, misfit="is not there", worst_unit=unit)
        found[name] = movement
    return found


def _moved(
    call: Call, outputs: Outputs, held: Outputs, alone: list[Outputs], trial: Trial, known: Mapping[str, Movement]
) -> dict[str, Movement]:
    found = {}
    for name, still in held.items():
        before = known.get(name, Movement(is_float(still)))
        if name not in outputs:
            found[name] = Movement(before.is_float, misfit="is not there", worst_unit=call.units[0])
        elif call.relation is Relation.BATCH:
            rows = [alone[unit][name] for unit in call.units]
            if name not in trial.of_no_sample and all(row.ndim and row.shape[0] == 1 for row in rows):
                found[name] = _moved_in_batch(call, outputs[name], rows, before)
        else:
            moved = outputs[name]
            if call.relation is Relation.PADDING:
                moved = _without_padding(moved, still, trial.added)
            found[name] = before.and_also(moved, still, call.units[0])
    return found


def _moved_in_batch(call: Call, together: Array, alone: list[Array], before: Movement) -> Movement:
    if together.ndim == 0 or together.shape[0] != len(alone):
        got, should = list(together.shape), [len(alone), *alone[0].shape[1:]]
        return Movement(before.is_float, misfit=f"has shape {got}, should have {should}", worst_unit=call.units[0])
    for row, (unit, still) in enumerate(zip(call.units, alone, strict=True)):
        before = before.and_also(together[row : row + 1], still, unit)
    return before


def _without_padding(moved: Array, still: Array, added: int) -> Array:
    """Where exactly one axis got longer by what was added, the part that was there before."""
    if moved.ndim != still.ndim:
        return moved
    longer = [axis for axis in range(still.ndim) if moved.shape[axis] != still.shape[axis]]
    if len(longer) == 1 and moved.shape[longer[0]] == still.shape[longer[0]] + added:
        return moved[tuple(slice(0, size) for size in still.shape)]
    return moved
