"""What the gate said of a candidate."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pytest_qparity.rescue.candidate import Candidate
from pytest_qparity.verdict import Code, Outcome

if TYPE_CHECKING:
    from pytest_qparity.verdict import Verdict

__all__ = ["Evaluation", "Judged", "front"]

_TOO_FLOAT = frozenset(  # what is said of a variant for being (nearly) the float model
    {
        Code.PREFLIGHT_SAME_AS_FLOAT.code,
        Code.PREFLIGHT_FEW_QUANTIZED.code,
        Code.PREFLIGHT_NOT_QUANTIZED.code,
        Code.PARITY_IMPLAUSIBLE.code,
    }
)
_BY_CODE = {each.code: each for each in Code}
# Told of a candidate: it will be told the same again. All other families tell of files, engines and the machine.
_OF_CANDIDATES = ("QP-PRE-", "QP-PAR-", "QP-ACC-", "QP-INV-", "QP-REG-", "QP-CAL-")
CLEARLY_DB = 0.5  # calibrated on every second sample, or the others, a variant moves by less


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict, as much of it as is told. `deciding`: its figure; `failures`: (code, sentence). `to_decide`: what
    would decide, where there are too few samples to tell, else empty; `lacking`: the same where nothing but samples is
    lacking: none of those measured was lost or gained."""

    outcome: str
    deciding: str
    failures: tuple[tuple[str, str], ...] = ()
    lacking: str = ""
    to_decide: str = ""

    @staticmethod
    def of(verdict: Verdict) -> Judged:
        told = tuple((failure.code.code, failure.sentence) for failure in verdict.failures)
        few = [each for each in verdict.failures if each.code is Code.ACCURACY_UNDECIDED]
        to_decide = few[0].remedy if few and len(few) == len(verdict.failures) else ""
        # A sample that moved may stay with a node float, which narrows the interval: then there is something to search.
        nothing_moved = verdict.evidence.get("lost") == 0 == verdict.evidence.get("gained")
        lacking = to_decide if to_decide and few[0].likely is None and nothing_moved else ""
        return Judged(verdict.outcome.value, verdict.deciding, told, lacking, to_decide)

    @property
    def passes(self) -> bool:
        return self.outcome == Outcome.PASS.value

    @property
    def codes(self) -> frozenset[str]:
        return frozenset(code for code, _ in self.failures)

    @property
    def is_too_near(self) -> bool:
        """Whether all that is said against it is that it is (nearly) the float model."""
        return not self.passes and bool(self.codes) and self.codes <= _TOO_FLOAT


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One pass through the gate. checks: by name. sqnr_db: the least of the outputs; drop_points: of the metric; both
    None where the gate measured none. speed_up: over FP32 on the same backend, None where it was not timed."""

    candidate: Candidate
    checks: Mapping[str, Judged]
    sqnr_db: float | None = None
    drop_points: float | None = None
    size_mb: float | None = None
    speed_up: float | None = field(default=None)
    seconds: float = 0.0

    @property
    def passes(self) -> bool:
        """A waived verdict is no pass: a waiver would call anything rescued."""
        return bool(self.checks) and all(judged.passes for judged in self.checks.values())

    @property
    def codes(self) -> frozenset[str]:
        """Of all that fails."""
        return frozenset[str]().union(*(judged.codes for judged in self.checks.values()))

    @property
    def changed_nothing(self) -> bool:
        """Whether a key of its recipe finds nothing in the model that it would change."""
        return Code.VARIANT_DEAD_PATTERN.code in self.codes

    @property
    def is_accurate(self) -> bool:
        """Whether outputs were compared and all that is asked of them passes, even where they are nearer than the
        precision can be, as those of a file are in which nothing is quantized any more: that is cannot-judge."""
        return self.sqnr_db is not None and all(judged.passes or judged.is_too_near for judged in self.checks.values())

    @property
    def lacking(self) -> str:
        """What would decide, where all that does not pass lacks samples alone, or is too near; else empty."""
        told = [judged.lacking for judged in self.checks.values() if not judged.passes and not judged.is_too_near]
        return told[0] if told and all(told) else ""

    @property
    def suffices(self) -> bool:
        """Whether no other candidate could do better: it passes, or lacks nothing but samples."""
        return self.passes or (bool(self.lacking) and not any(judged.is_too_near for judged in self.checks.values()))

    @property
    def is_refused(self) -> bool:
        """Whether the gate shows it to be too far from the float model, a waiver or not."""
        return Outcome.ACCURACY_FAIL in self._outcomes

    @property
    def is_undecided(self) -> bool:
        """Whether nothing is said against it but that it cannot be judged."""
        return not self.passes and self._outcomes <= {Outcome.CANNOT_JUDGE}

    @property
    def _outcomes(self) -> frozenset[Outcome]:
        """What the codes lead to, before waivers."""
        return frozenset(_BY_CODE[code].outcome for code in self.codes if code in _BY_CODE)

    @property
    def to_decide(self) -> str:
        """How many samples would decide, where there are too few; else empty."""
        return next((judged.to_decide for judged in self.checks.values() if judged.to_decide), "")

    @property
    def is_of_candidate(self) -> bool:
        """Whether all that fails tells of the candidate, so that it would be told again: no golden, a backend that is
        not there, a worker that crashed or took too long tell of this moment. A metric that fails does, but for what no
        metric takes: NaN."""
        codes = self.codes - {Code.VARIANT_DEAD_PATTERN.code}
        if Code.PARITY_NOT_FINITE.code not in codes and Code.ACCURACY_OUTPUT.code in codes:
            return False
        return all(code.startswith(_OF_CANDIDATES) for code in codes)

    @property
    def nearness(self) -> tuple[int, float, float]:
        """Larger is nearer to a pass: fewer checks that fail, then less accuracy lost, then SQNR."""
        failing = sum(not judged.passes for judged in self.checks.values())
        drop = math.inf if self.drop_points is None else max(self.drop_points, 0.0)
        return -failing, -drop, -math.inf if self.sqnr_db is None else self.sqnr_db

    def is_clearly_nearer_than(self, other: Evaluation) -> bool:
        """Fewer checks fail, less accuracy is lost, or the SQNR is higher by what is more than luck (CLEARLY_DB)."""
        if self.nearness[:2] != other.nearness[:2]:
            return self.nearness[:2] > other.nearness[:2]
        return self.nearness[2] >= other.nearness[2] + CLEARLY_DB

    def as_json(self) -> dict[str, Any]:
        return {
            "candidate": self.candidate.as_json(),
            "checks": {
                name: {
                    "outcome": each.outcome,
                    "deciding": each.deciding,
                    "failures": [list(failure) for failure in each.failures],
                    "lacking": each.lacking,
                    "to_decide": each.to_decide,
                }
                for name, each in self.checks.items()
            },
            "sqnr_db": None if self.sqnr_db is None or not math.isfinite(self.sqnr_db) else self.sqnr_db,
            "drop_points": self.drop_points,
            "size_mb": self.size_mb,
            "speed_up": self.speed_up,
            "seconds": round(self.seconds, 3),
        }

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> Evaluation:
        checks = {
            name: Judged(
                each["outcome"],
                each["deciding"],
                tuple((code, text) for code, text in each["failures"]),
                each["lacking"],
                each["to_decide"],
            )
            for name, each in value["checks"].items()
        }
        rest = {key: value[key] for key in ("sqnr_db", "drop_points", "size_mb", "speed_up", "seconds")}
        return Evaluation(Candidate.from_json(value["candidate"]), checks, **rest)


def front(evaluations: Mapping[str, Evaluation], cost: Mapping[str, float]) -> list[str]:
    """Keys of those that no other one is at least as good as in both cost and nearness, and better in one; by cost."""
    ordered = sorted(evaluations, key=lambda key: (cost[key], [-part for part in evaluations[key].nearness]))
    kept: list[str] = []
    for key in ordered:
        if not kept or evaluations[key].nearness > evaluations[kept[-1]].nearness:
            kept.append(key)
    return kept
