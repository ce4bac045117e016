"""The calls of a session by which relations are tried, in their order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pytest_qparity.case.data import Feed
from pytest_qparity.checks.invariance.padding import padded, why_not_padded
from pytest_qparity.checks.invariance.relation import Relation
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from pytest_qparity.case.data import Feeds
    from pytest_qparity.case.invariance_spec import InvarianceSpec
    from pytest_qparity.case.model import TensorInfo

USUAL_BATCH = 8  # where the case feeds its samples one by one
_SEED = 8


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One run of a session. `units`: what is fed, one after the other along the first axis where they are several.

    `relation`: what its outputs are held for against those that each unit gave alone and first (of `repeat`: against
    those of the call before it); None where nothing is: the first run of each unit is what others are held against.
    """

    feed: Feed
    units: tuple[int, ...]
    relation: Relation | None = None
    is_first: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """All calls; a unit is what is fed alone: one sample, or a batch of `unit_samples` where the model's is fixed.

    `starts`: the place of each unit's first sample in the test data.
    `left_out`: why a relation is not tried. `demanded`: those that the case asks for in so many words. `of_no_sample`:
    outputs whose first axis the model states as a number, so that it does not count samples in a batch. `copies`: units
    whose content another one before them has.
    """

    calls: tuple[Call, ...]
    starts: tuple[int, ...]
    unit_samples: int
    batch: int
    added: int  # positions of padding
    left_out: Mapping[Relation, str]
    demanded: frozenset[Relation]
    of_no_sample: frozenset[str] = frozenset()
    copies: int = 0

    @property
    def units(self) -> int:
        return len(self.starts)

    @property
    def relations(self) -> tuple[Relation, ...]:
        return tuple(relation for relation in Relation if relation not in self.left_out)


def trial_of(feeds: Feeds, inputs: Sequence[TensorInfo], outputs: Sequence[TensorInfo], spec: InvarianceSpec) -> Trial:
    """The calls for what the case asks for and the model allows.

    Each unit alone, in order; then backwards, each twice; then all in batches, in two compositions, with a unit alone
    after each batch; then each with more padding, and another without after it. With n units in batches of b that is
    5·n + 4·⌈n/b⌉ calls at most, of 7·n units. Raises CannotJudge where a relation is demanded that the model does not
    allow, none is left, or the units are copies of one and `order` or `batch`, which that hides, is not turned off.
    """
    starts, size = _starts(feeds, inputs, spec.samples)
    units = [replace(feeds, batch=size)[start // size] for start in starts]
    stated = {
        Relation.REPEAT: spec.repeat,
        Relation.ORDER: spec.order,
        Relation.BATCH: spec.batch,
        Relation.SHAPE: spec.shape,
        Relation.PADDING: None if spec.padding is None else True,
    }
    impossible = dict(_impossible(feeds, inputs, spec, units))
    demanded = frozenset(relation for relation, wanted in stated.items() if wanted)
    for relation in sorted(demanded & impossible.keys()):
        raise _not_possible(relation, impossible[relation])
    if len(set(map(_content, units))) < min(len(units), 2):
        for relation in (Relation.ORDER, Relation.BATCH):
            if stated[relation] is None and impossible.get(relation) == _copies_of_one(units):
                raise _not_told_apart(relation, units)
    unwanted = {relation: "the case turns it off" for relation, wanted in stated.items() if wanted is False}
    left_out = unwanted | {relation: why for relation, why in impossible.items() if relation not in unwanted}
    if len(left_out) == len(Relation):
        raise _not_possible(Relation.SHAPE, "; ".join(f"{relation}: {why}" for relation, why in left_out.items()))
    asked_batch = feeds.batch if feeds.batch > 1 else USUAL_BATCH
    batch = min(asked_batch, max(2, len(units) // 2))
    bare = Trial(
        calls=(),
        starts=starts,
        unit_samples=size,
        batch=batch,
        added=0 if spec.padding is None else spec.padding.by,
        left_out=left_out,
        demanded=demanded,
        copies=len(units) - len(set(map(_content, units))),
        of_no_sample=frozenset(each.name for each in outputs if each.shape and isinstance(each.shape[0], int)),
    )
    return replace(bare, calls=tuple(_calls(units, spec, bare, Relation.BATCH not in impossible)))


def _calls(units: Sequence[Feed], spec: InvarianceSpec, trial: Trial, can_batch: bool) -> Iterator[Call]:
    tried = frozenset(trial.relations)
    order = Relation.ORDER if Relation.ORDER in tried else None
    shape = Relation.SHAPE if Relation.SHAPE in tried else None
    for index, unit in enumerate(units):
        yield Call(unit, (index,), is_first=True)
    if tried & {Relation.REPEAT, Relation.ORDER}:
        for index in reversed(range(len(units))):
            yield Call(units[index], (index,), order)
            if Relation.REPEAT in tried:
                yield Call(units[index], (index,), Relation.REPEAT)
    if can_batch and tried & {Relation.BATCH, Relation.SHAPE}:
        relation = Relation.BATCH if Relation.BATCH in tried else None
        for chunk in _compositions(len(units), trial.batch):
            yield Call(_together([units[index] for index in chunk]), chunk, relation)
            if shape is not None:  # the last: of a buffer that was not cleared the first row is seen
                yield Call(units[chunk[-1]], chunk[-1:], shape)
    if spec.padding is not None and Relation.PADDING in tried:
        for index, unit in enumerate(units):
            yield Call(padded(unit, spec.padding), (index,), Relation.PADDING)
            if shape is not None:
                other = (index + 1) % len(units)
                yield Call(units[other], (other,), shape)


def _compositions(units: int, batch: int) -> Iterator[tuple[int, ...]]:
    """Each unit in two batches: beside its neighbours, and beside others at another place."""
    shuffled = np.random.default_rng(_SEED).permutation(units).tolist()
    for sequence in (list(range(units)), shuffled):
        for start in range(0, units, batch):
            yield tuple(int(index) for index in sequence[start : start + batch])


def _together(units: Sequence[Feed]) -> Feed:
    arrays = {name: np.concatenate([unit.arrays[name] for unit in units]) for name in units[0].arrays}
    return Feed(arrays, sum(unit.count for unit in units))


def _starts(feeds: Feeds, inputs: Sequence[TensorInfo], most: int) -> tuple[tuple[int, ...], int]:
    """Where units start, and how many samples each has. Spread evenly, since data often lie class by class."""
    size = 1 if feeds.stacked or _fixed_batch(inputs) is None else feeds.batch
    available = feeds.samples // size
    chosen = np.unique(np.linspace(0, available - 1, max(1, min(available, most // size))).astype(int))
    return tuple(int(index) * size for index in chosen), size


def _fixed_batch(inputs: Sequence[TensorInfo]) -> TensorInfo | None:
    return next((tensor for tensor in inputs if tensor.shape and isinstance(tensor.shape[0], int)), None)


def _impossible(
    feeds: Feeds, inputs: Sequence[TensorInfo], spec: InvarianceSpec, units: Sequence[Feed]
) -> Iterator[tuple[Relation, str]]:
    fixed, few = _fixed_batch(inputs), ""
    if len(units) < 2:
        few = f"got {len(units)} feed, should be 2 or more"
    elif len(set(map(_content, units))) == 1:
        few = _copies_of_one(units)
    if few:
        yield Relation.ORDER, few
    batch = ""
    if feeds.stacked:
        batch = "each sample is fed as it is, without an axis that counts samples"
    elif fixed is not None:
        batch = f'"{fixed.name}" has a fixed first axis of {(fixed.shape or (0,))[0]}'
    elif few:
        batch = few
    if batch:
        yield Relation.BATCH, batch
    padding = "the case states none" if spec.padding is None else why_not_padded(spec.padding, inputs, units)
    if padding:
        yield Relation.PADDING, padding
    if batch and padding:
        yield Relation.SHAPE, f"there is no other shape: {batch}; padding: {padding}"


def _content(unit: Feed) -> tuple[object, ...]:
    """What is equal for copies alone."""
    parts = []
    for name, array in sorted(unit.arrays.items()):
        values = tuple(array.ravel().tolist()) if array.dtype.hasobject else array.tobytes()
        parts.append((name, array.dtype.str, array.shape, values))
    return tuple(parts)


def _copies_of_one(units: Sequence[Feed]) -> str:
    return f"got {len(units)} feeds that are copies of one, should be 2 or more that differ"


def _not_told_apart(relation: Relation, units: Sequence[Feed]) -> CannotJudge:
    """Data that show nothing are no reason to leave a relation out, as a model is that does not allow it."""
    sentence = f"{relation} in [invariance]: {_copies_of_one(units)}."
    remedy = "test on samples that differ, or turn order and batch off"
    return CannotJudge(Failure(Code.INVARIANCE_IMPOSSIBLE, sentence, remedy))


def _not_possible(relation: Relation, why: str) -> CannotJudge:
    return CannotJudge(
        Failure(
            Code.INVARIANCE_IMPOSSIBLE,
            f"{relation} in [invariance]: got what cannot be tried ({why}), should be possible with this model and "
            "its data",
            f"take {relation} out of [invariance], or give a model and data that allow it",
        )
    )
