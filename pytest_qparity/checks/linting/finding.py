"""Rules and what they find. Nothing here opens a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

__all__ = ["Finding", "Rule", "Weight", "refused", "rules_of"]


class Weight(StrEnum):
    """`REFUSED`: the importer or the engine does not take the file. `WARNED`: it takes it, and runs it slower than was
    meant, in float, or with other numbers."""

    REFUSED = "refused"
    WARNED = "warned"


@dataclass(frozen=True, slots=True)
class Rule:
    """What is looked for, as data. `id` is stable; `source`: who says so, with release or commit."""

    id: str
    weight: Weight
    title: str
    remedy: str
    source: str

    def at(self, node: str, sentence: str) -> Finding:
        return Finding(self, node, sentence)


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule broken at a place: the name of a node, or of an input, output or the model's opset."""

    rule: Rule
    node: str
    sentence: str

    def as_json(self) -> dict[str, Any]:
        stated = asdict(self.rule)
        return {
            "rule": stated.pop("id"),
            **stated,
            "weight": self.rule.weight.value,
            "node": self.node,
            "sentence": self.sentence,
        }

    @staticmethod
    def from_json(stated: dict[str, Any]) -> Finding:
        rule = Rule(stated["rule"], Weight(stated["weight"]), stated["title"], stated["remedy"], stated["source"])
        return Finding(rule, stated["node"], stated["sentence"])


def refused(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    return tuple(finding for finding in findings if finding.rule.weight is Weight.REFUSED)


def rules_of(findings: Sequence[Finding]) -> dict[Rule, list[Finding]]:
    """Findings by their rule; what is refused comes first."""
    grouped: dict[Rule, list[Finding]] = {}
    for finding in sorted(findings, key=lambda each: (each.rule.weight is Weight.WARNED, each.rule.id)):
        grouped.setdefault(finding.rule, []).append(finding)
    return grouped
