"""What a rescue found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_qparity.rescue.evaluation import Evaluation, Judged
    from pytest_qparity.rescue.exhaustive import Proof

__all__ = ["Limits", "Rescue", "Row"]


@dataclass(frozen=True, slots=True)
class Limits:
    """evaluations: passes through the gate, those of earlier sessions included; minutes: of this session; most_float:
    share of the quantized nodes that may become float."""

    evaluations: int = 40
    minutes: float = 3.0
    most_float: float = 0.25


@dataclass(frozen=True, slots=True)
class Row:
    """A point of the front. macs_share: of all multiply-accumulates those in nodes that became float, 0 to 1; None
    where nobody looked."""

    evaluation: Evaluation
    macs_share: float | None


@dataclass(frozen=True, slots=True)
class Rescue:
    """best: the smallest that passes or, where none does, that lacks nothing but samples, else the nearest. final:
    every check of the run with the table as it is to be pasted; empty where none passes. quantized: nodes that the
    variant quantizes, most: how many of them may be float; None where nobody looked. told: what was found out on the
    way, a sentence each. spent: the budget ended the search. resumed: evaluations that were in the journal. proof: that
    no set of so many nodes passes, where all of them were judged, and refused. warnings: where the
    answer is slower than FP32 or than what it is to replace."""

    passes_already: bool
    best: Evaluation
    table: Mapping[str, Any]
    text: str
    final: Mapping[str, Judged]
    evaluations: int
    resumed: int
    quantized: int | None
    most: int | None
    rows: tuple[Row, ...]
    told: tuple[str, ...]
    spent: bool
    journal: Path
    proof: Proof | None = None
    warnings: tuple[str, ...] = ()

    @property
    def rescued(self) -> bool:
        """Whether the run passes all of its checks, with no more nodes float than may be."""
        count = len(self.best.candidate.keep_float)
        within = count == 0 or (self.most is not None and count <= self.most)
        return within and bool(self.final) and all(judged.passes for judged in self.final.values())

    @property
    def is_undecided(self) -> bool:
        """Whether nothing but samples is lacking to say that the best passes."""
        return self.best.suffices and not self.best.passes

    def as_json(self) -> dict[str, Any]:
        return {
            "rescued": self.rescued,
            "undecided": self.is_undecided,
            "passes_already": self.passes_already,
            "best": self.best.as_json(),
            "table": {key: list(value) if isinstance(value, tuple) else value for key, value in self.table.items()},
            "toml": self.text,
            "final": {name: {"outcome": each.outcome, "deciding": each.deciding} for name, each in self.final.items()},
            "evaluations": self.evaluations,
            "resumed": self.resumed,
            "quantized_nodes": self.quantized,
            "most_float_nodes": self.most,
            "front": [{**row.evaluation.as_json(), "macs_share": row.macs_share} for row in self.rows],
            "told": list(self.told),
            "warnings": list(self.warnings),
            "proof": None if self.proof is None else self.proof.as_json(),
            "budget_spent": self.spent,
            "journal": str(self.journal),
        }
