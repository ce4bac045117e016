"""Judging: may outputs have moved as far as they did?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_qparity.checks.figures import apart
from pytest_qparity.checks.invariance.movement import Movement
from pytest_qparity.checks.invariance.relation import CODES, OF_THE_MODEL, Relation
from pytest_qparity.quantmath.measures import sqnr_db
from pytest_qparity.verdict import Code, Failure, Verdict, failed, passed

if TYPE_CHECKING:
    from pytest_qparity.checks.invariance.calls import Trial
    from pytest_qparity.checks.invariance.trying import ByRelation

# Between what correct engines and what dynamic quantization show: docs/invariance.md has the figures.
ERROR_SHARE = 0.25
ROUNDING_DB = 80.0  # FP32's parity limit: what moves less is rounding, in whatever precision
NOT_BY_SAMPLE = "no output has an axis that counts samples"


@dataclass(frozen=True, slots=True)
class InvarianceLimit:
    """How far an output may move. `error_share`: of the root mean square of the variant's own error, beyond what FP32
    moves; `fp32_sqnr_db`: what FP32 itself keeps, at least."""

    fp32_sqnr_db: float
    error_share: float = ERROR_SHARE

    def __post_init__(self) -> None:
        if not (math.isfinite(self.fp32_sqnr_db) and math.isfinite(self.error_share) and self.error_share >= 0):
            raise ValueError(f"got {self}, should be finite, and a share of at least 0")


@dataclass(frozen=True, slots=True)
class InvarianceMeasurement:
    """What moved in the variant and in FP32 on the same backend, and the variant's own error beside FP32, each unit
    alone. Of a run of FP32 itself `variant` and `fp32` are one, and there is no error. `ranges_at_run_time`: whether
    the variant's file has an operator that finds them from what it is fed; None where nobody looked."""

    trial: Trial
    variant: ByRelation
    fp32: ByRelation
    own_error: Mapping[str, Movement]
    is_fp32: bool
    ranges_at_run_time: bool | None = None


@dataclass(frozen=True, slots=True)
class _Moved:
    """One output in one relation."""

    relation: Relation
    name: str
    variant: Movement
    fp32: Movement
    own: Movement
    limit: InvarianceLimit

    @property
    def fp32_is_still(self) -> bool:
        """Whether FP32 moves by rounding alone. Integers must be equal."""
        if not self.fp32.is_float:
            return self.fp32.is_still and self.fp32.elements > 0
        return self.fp32.elements > 0 and self.fp32.sqnr_db >= self.limit.fp32_sqnr_db

    @property
    def least_sqnr_db(self) -> float:
        """10·log10(mean still² / (√F + s·√E)²), no more than ROUNDING_DB. F is the mean of FP32's squared movement
        where that is rounding, else 0; E the mean square of the variant's own error; s the share of it."""
        excused = math.sqrt(self.fp32.mean(self.fp32.error)) if self.fp32_is_still else 0.0
        allowed = (excused + self.limit.error_share * math.sqrt(self.own.mean(self.own.error))) ** 2
        if self.variant.power == 0.0 or not math.isfinite(allowed):
            return ROUNDING_DB
        return min(sqnr_db(self.variant.mean(self.variant.power), allowed), ROUNDING_DB)

    @property
    def allowed_count(self) -> float:
        """Of integers: how many elements may differ."""
        share = self.fp32.mean(self.fp32.differing) + self.limit.error_share * self.own.mean(self.own.differing)
        return share * self.variant.elements

    @property
    def is_within(self) -> bool:
        found = self.variant
        if found.misfit or found.nonfinite or found.elements == 0:
            return False
        if not found.is_float:
            return found.differing <= self.allowed_count
        return not math.isnan(found.sqnr_db) and found.sqnr_db >= self.least_sqnr_db


def judge_invariance(measured: InvarianceMeasurement, limit: InvarianceLimit) -> Verdict:
    """pass: something was compared for each relation that was tried and demanded, and no output moved by more than FP32
    itself does and the share of the variant's own error."""
    trial = measured.trial
    tried = [relation for relation in trial.relations if measured.variant.get(relation)]
    empty = [relation for relation in trial.relations if relation not in tried]
    moved = [each for relation in tried for each in _all_moved(measured, relation, limit)]
    failures = tuple(failure for each in moved for failure in _failures(each, measured))
    failures += tuple(_not_compared(relation) for relation in empty if relation in trial.demanded or not tried)
    left_out = {relation.value: why for relation, why in trial.left_out.items()}
    left_out |= {relation.value: NOT_BY_SAMPLE for relation in empty}
    evidence = {
        "feeds": trial.units,
        "samples": trial.units * trial.unit_samples,
        "copies": trial.copies,
        "calls": len(trial.calls),
        "limit": {"error_share": limit.error_share, "fp32_sqnr_db": limit.fp32_sqnr_db},
        "own_error_db": {name: own.sqnr_db for name, own in measured.own_error.items()},
        "relations": {
            relation.value: {each.name: _evidence(each) for each in moved if each.relation is relation}
            for relation in tried
        },
        "left_out": left_out,
    }
    deciding, notes = _deciding(moved), tuple(_notes(left_out, trial))
    return failed(deciding, evidence, failures, notes) if failures else passed(deciding, evidence, notes)


def _all_moved(measured: InvarianceMeasurement, relation: Relation, limit: InvarianceLimit) -> Iterator[_Moved]:
    fp32 = measured.fp32.get(relation, {})
    for name, variant in measured.variant[relation].items():
        counterpart = fp32.get(name, Movement(variant.is_float, misfit="is not there"))
        own = measured.own_error.get(name, Movement(variant.is_float))
        yield _Moved(relation, name, variant, counterpart, own, limit)


def _failures(each: _Moved, measured: InvarianceMeasurement) -> Iterator[Failure]:
    if measured.is_fp32:
        if not each.fp32_is_still:
            yield _relation_failure(each, measured)
        return
    if not each.fp32_is_still and each.relation in OF_THE_MODEL:
        yield _fp32_moves(each, measured.trial)
    elif not each.is_within:
        yield _relation_failure(each, measured)
    elif not each.fp32_is_still:
        yield _fp32_moves(each, measured.trial)


def _relation_failure(each: _Moved, measured: InvarianceMeasurement) -> Failure:
    found, trial = each.variant, measured.trial
    where = f"{trial.units * trial.unit_samples} samples, {found.elements:,} values"
    if found.worst_unit is not None:
        where += f"; the worst is that of {_samples(trial, found.worst_unit)}"
    how = _how(each.relation, trial)
    if found.misfit:
        got = found.misfit
    elif found.elements == 0:
        got = "has no value to compare, should have one at least"
    elif found.nonfinite:
        got = f"has {found.nonfinite:,} values that are NaN or Inf, should have none ({where})"
    elif not found.is_float:
        got = (
            f"differs in {found.differing:,} values from what it is alone, should in at most "
            f"{math.floor(each.allowed_count):,} ({where})"
        )
    else:
        least = each.limit.fp32_sqnr_db if measured.is_fp32 else each.least_sqnr_db
        got = (
            f"is {apart(found.sqnr_db, least, 1)} dB from what it is alone, should be at least {least:.1f} dB "
            f"({where}; it moves by {found.max_abs:.3g} at most)"
        )
    likely, remedy = _cause(each, measured.ranges_at_run_time)
    return Failure(CODES[each.relation], f'Output "{each.name}" {how} {got}.', remedy, likely)


def _samples(trial: Trial, unit: int) -> str:
    first = trial.starts[unit]
    return f"sample {first}" if trial.unit_samples == 1 else f"samples {first} to {first + trial.unit_samples - 1}"


def _fp32_moves(each: _Moved, trial: Trial) -> Failure:
    found = each.fp32
    if found.misfit or not found.elements:
        got = found.misfit or "has no value to compare"
    elif found.is_float:
        got = f"is {apart(found.sqnr_db, each.limit.fp32_sqnr_db, 1)} dB from what it is alone"
    else:
        got = f"differs in {found.differing:,} values from what it is alone"
    should = f"at least {each.limit.fp32_sqnr_db:g} dB" if found.is_float else "the same"
    return Failure(
        Code.INVARIANCE_FLOAT,
        f'FP32 itself moves: its output "{each.name}" {_how(each.relation, trial)} {got}, should be {should}.',
        f"turn {each.relation} off where the float model is meant to depend on it, or lower fp32_sqnr_db; "
        "otherwise see what the backend keeps from call to call",
        "the float model depends on what stands beside a sample, or the backend does",
    )


def _cause(each: _Moved, ranges_at_run_time: bool | None) -> tuple[str, str]:
    """What is likely, and what to do."""
    if each.relation is Relation.BATCH and not ranges_at_run_time:
        none = "; the file has no DynamicQuantizeLinear" if ranges_at_run_time is False else ""
        likely = f"a node takes something over the first axis, or the engine takes another kernel for a batch{none}"
        remedy = (
            "look for nodes that reduce or normalize over the first axis; state an error_share where the engine's "
            "kernels differ, or serve one sample at a time and turn batch off"
        )
        return likely, remedy
    if each.relation is Relation.BATCH:
        return (
            "ranges that are found at run time (DynamicQuantizeLinear) are those of the whole batch",
            "use calibrated ranges (recipe static) or weights alone, or serve one sample at a time and turn batch off",
        )
    if each.relation is Relation.PADDING:
        return (
            "the mask is quantized: what should be nothing after Softmax is a step of its scale",
            "keep the nodes that add and use the mask float (keep_float), or calibrate with padded samples",
        )
    remedy = "run the float model on this backend alone to see whether it moves too, and report it to the engine"
    if each.relation is Relation.REPEAT:
        return "the engine computes at random, or keeps something from call to call", remedy
    if each.relation is Relation.ORDER:
        return "the engine keeps something from call to call: a stale buffer, a running mean", remedy
    return "a buffer that was not cleared, or a plan that was kept, after a feed of another shape", remedy


def _how(relation: Relation, trial: Trial) -> str:
    return {
        Relation.REPEAT: "run twice in a row",
        Relation.ORDER: "run in another order",
        Relation.BATCH: f"run in batches of {trial.batch}",
        Relation.SHAPE: "run after another shape",
        Relation.PADDING: f"run with {trial.added} more positions of padding",
    }[relation]


def _not_compared(relation: Relation) -> Failure:
    return Failure(
        Code.INVARIANCE_IMPOSSIBLE,
        f"{relation} in [invariance]: got nothing to compare ({NOT_BY_SAMPLE}), should be one output at least.",
        f"take {relation} out of [invariance], or give the model an output by sample",
    )


def _evidence(each: _Moved) -> dict[str, Any]:
    found = each.variant
    shared = {"elements": found.elements, "differing": found.differing, "fp32_differing": each.fp32.differing}
    if not found.is_float:
        return {**shared, "most_differing": each.allowed_count}
    return {
        **shared,
        "sqnr_db": found.sqnr_db,
        "least_sqnr_db": each.least_sqnr_db,
        "fp32_sqnr_db": each.fp32.sqnr_db,
        "max_abs": found.max_abs,
    }


def _deciding(moved: list[_Moved]) -> str:
    """The least SQNR that floats keep, and by which relation."""
    if moved and all(each.variant.is_still for each in moved):
        return "bit-equal"
    floats = [each for each in moved if each.variant.is_float and not each.variant.is_still]
    if floats:
        worst = min(floats, key=lambda each: each.variant.sqnr_db - each.least_sqnr_db)
        return f"{worst.relation} {worst.variant.sqnr_db:.1f} dB"
    differing = [each for each in moved if not each.variant.is_still]
    if differing:
        worst = max(differing, key=lambda each: each.variant.differing)
        return f"{worst.relation} {worst.variant.differing} differ"
    return "nothing"


def _notes(left_out: Mapping[str, str], trial: Trial) -> Iterator[str]:
    if trial.copies:
        yield f"{trial.copies} of {trial.units} feeds are copies of others, which no relation tells apart"
    if left_out:
        yield "not tried: " + "; ".join(f"{relation} ({why})" for relation, why in left_out.items())
