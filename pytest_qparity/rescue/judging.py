"""The real gate as the judge of candidates: a case's run, with another table of its precision."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pytest_qparity.gate import CaseMaterial, RunMaterial, judge
from pytest_qparity.gate.once import made_so_far
from pytest_qparity.gate.planning import COSTS
from pytest_qparity.precision.cache import ranges_beside
from pytest_qparity.rescue.evaluation import Evaluation, Judged
from pytest_qparity.rescue.searching import Spent

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_qparity.case.loading import Case
    from pytest_qparity.case.precision_spec import PrecisionSpec
    from pytest_qparity.gate.planning import Run
    from pytest_qparity.precision.variants import Variant
    from pytest_qparity.rescue.candidate import Candidate
    from pytest_qparity.rescue.journal import Journal
    from pytest_qparity.verdict import Verdict

__all__ = ["Budget", "GateJudge", "speed_up_of"]

SECONDS_PER_TIMING = 1.0  # for the front; the answer itself is timed as the gate times it
_OF_RANGES = ("QP-CAL-", "QP-VARIANT-001")


class Budget:
    """evaluations: of the gate, those of earlier sessions included; seconds: of this one."""

    def __init__(self, evaluations: int, seconds: float) -> None:
        self.evaluations = evaluations
        self._until = time.monotonic() + seconds

    def require(self, spent: int) -> None:
        """Raises Spent where nothing is left."""
        if spent >= self.evaluations or self.seconds_left <= 0.0:
            raise Spent

    @property
    def seconds_left(self) -> float:
        return max(self._until - time.monotonic(), 0.0)


class GateJudge:
    """Judges candidates of one run; what the journal holds is not judged again."""

    def __init__(
        self,
        material: CaseMaterial,
        run: Run,
        journal: Journal,
        budget: Budget,
        told: Callable[[int, Candidate], None],
        took: Callable[[float], None] = lambda _: None,
    ) -> None:
        """told: called ahead of each evaluation with the number of those before it; took: behind it, seconds."""
        self._material, self.run, self._journal, self.budget, self._told = material, run, journal, budget, told
        self._took = took
        self._case: Case = material.case
        self._ranges: dict[Any, Path] = {}
        self.stated: PrecisionSpec = self._case.spec.precisions[run.precision]
        self.seen: dict[str, Evaluation] = {}

    @property
    def checks(self) -> tuple[str, ...]:
        """What each candidate must pass; what it costs is judged of the answer alone."""
        return tuple(check for check in self.run.checks if check not in COSTS)

    def evaluate(self, candidate: Candidate) -> Evaluation:
        """Raises Spent where the budget is used up."""
        known = self.seen.get(candidate.key) or self._journal.evaluations.get(candidate.key)
        if known is None:
            self.budget.require(len(self.seen))
            self._told(len(self.seen), candidate)
            known = self._judged(candidate)
            self._journal.add(known)
            self._took(known.seconds)
        self.seen[candidate.key] = known
        return known

    def suffices(self, candidate: Candidate) -> bool:
        """As `evaluate`."""
        return self.evaluate(candidate).suffices

    def variant(self, candidate: Candidate) -> Variant:
        """The file itself, exactly as its table makes it."""
        with self._running(candidate.spec(self.stated)) as running:
            variant = running.variant_at(self.run.precision)
        self._remember_ranges(candidate, variant)
        return variant

    def executed(self, candidate: Candidate) -> Variant:
        with self._running(candidate.spec(self.stated)) as running:
            return running.executed_file

    def final(self, candidate: Candidate, patterns: tuple[str, ...]) -> Mapping[str, Verdict]:
        """Every check of the run, of the table exactly as it is to be pasted."""
        with self._running(candidate.spec(self.stated, patterns)) as running:
            return {check: judge(running, check) for check in self.run.checks}

    def speed_up(self, candidate: Candidate) -> float | None:
        """Over FP32 on the same backend; None where that cannot be timed."""
        if "latency" not in self.run.checks:
            return None
        settings = self._material.settings
        self._material.settings = replace(settings, latency_seconds=min(settings.latency_seconds, SECONDS_PER_TIMING))
        try:
            with self._running(candidate.spec(self.stated)) as running:
                return speed_up_of(judge(running, "latency"))
        finally:
            self._material.settings = settings

    def _judged(self, candidate: Candidate) -> Evaluation:
        started = time.monotonic()
        ranges = self._ranges.get(candidate.changes) if candidate.keep_float else None
        evaluation = None
        if ranges is not None:
            evaluation = self._of_spec(candidate, candidate.spec_from_ranges(self.stated, ranges))
        if evaluation is None or _lacks_ranges(evaluation):  # kept nodes may leave tensors that had no range before
            evaluation = self._of_spec(candidate, candidate.spec(self.stated))
        return replace(evaluation, seconds=time.monotonic() - started)

    def _of_spec(self, candidate: Candidate, spec: PrecisionSpec) -> Evaluation:
        with self._running(spec) as running:
            verdicts = {check: judge(running, check) for check in self.checks}
            size_mb = None
            if "file" in made_so_far(running):
                size_mb = _size_mb(running.file)
                self._remember_ranges(candidate, running.file)
        return Evaluation(
            candidate,
            {check: Judged.of(verdict) for check, verdict in verdicts.items()},
            sqnr_db=_least_sqnr_db(verdicts.get("parity")),
            drop_points=_drop(verdicts.get("accuracy")),
            size_mb=size_mb,
        )

    def _remember_ranges(self, candidate: Candidate, variant: Variant) -> None:
        """Of a variant with as little float as the case states: of all tensors that another one may need."""
        beside = ranges_beside(variant.path)
        if variant.calibrated and not candidate.keep_float and beside.is_file():
            self._ranges[candidate.changes] = beside

    @contextlib.contextmanager
    def _running(self, spec: PrecisionSpec) -> Iterator[RunMaterial]:
        """The run as if its precision's table were `spec`. Data, golden and models are read once for all of them."""
        precisions = {**self._case.spec.precisions, self.run.precision: spec}
        case = replace(self._case, spec=self._case.spec.model_copy(update={"precisions": precisions}))
        self._material.case = case
        try:
            with contextlib.closing(RunMaterial(self._material, self.run.backend, self.run.precision)) as running:
                yield running
        finally:
            self._material.case = self._case


def speed_up_of(verdict: Verdict) -> float | None:
    estimate = verdict.evidence.get("speed_up_over", {}).get("fp32", {}).get("estimate")
    return None if estimate is None else float(estimate)


def _drop(accuracy: Verdict | None) -> float | None:
    """In percentage points, or in the metric's own unit where it is no share."""
    if accuracy is None:
        return None
    told = accuracy.evidence.get("drop_points", accuracy.evidence.get("drop_value"))
    return None if told is None else float(told)


def _size_mb(variant: Variant) -> float:
    """Megabytes (10⁶ bytes) of the file and its external data."""
    files = (variant.path, *(variant.path.parent / name for name in variant.external))
    return sum(file.stat().st_size for file in files) / 1e6


def _least_sqnr_db(parity: Verdict | None) -> float | None:
    if parity is None or "outputs" not in parity.evidence:
        return None
    told = [each.get("sqnr_db") for each in parity.evidence["outputs"].values()]
    known = [float(value) for value in told if value is not None]
    return min(known) if known else None


def _lacks_ranges(evaluation: Evaluation) -> bool:
    codes = [code for judged in evaluation.checks.values() for code, _ in judged.failures]
    return any(code.startswith(_OF_RANGES) for code in codes)
