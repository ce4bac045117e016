"""Findings as a verdict tells them: failures, evidence, notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_qparity.checks.linting.finding import Weight, rules_of
from pytest_qparity.verdict import Code, Failure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_qparity.checks.linting.finding import Finding

__all__ = ["lint_evidence", "lint_notes", "refusals"]

MOST_NAMED = 5


def refusals(findings: Sequence[Finding]) -> tuple[Failure, ...]:
    """A failure for each rule by which the file is refused."""
    failures = []
    for rule, found in rules_of(findings).items():
        if rule.weight is Weight.REFUSED:
            more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
            sentence = f'{rule.id} at "{found[0].node}"{more}: {found[0].sentence}.'
            likely = f"{rule.title} ({rule.source})"
            failures.append(Failure(Code.PREFLIGHT_REFUSED, sentence, rule.remedy, likely=likely))
    return tuple(failures)


def lint_evidence(findings: Sequence[Finding]) -> Mapping[str, object]:
    """By rule: how often it is broken, and the first nodes."""
    return {
        rule.id: {
            "weight": rule.weight.value,
            "title": rule.title,
            "count": len(found),
            "nodes": [finding.node for finding in found[:MOST_NAMED]],
        }
        for rule, found in rules_of(findings).items()
    }


def lint_notes(findings: Sequence[Finding]) -> Iterator[str]:
    """A sentence for each rule that the file breaks without being refused."""
    for rule, found in rules_of(findings).items():
        if rule.weight is Weight.WARNED:
            named = ", ".join(finding.node for finding in found[:MOST_NAMED])
            yield f"{rule.id}: {rule.title}: {named}{', …' if len(found) > MOST_NAMED else ''}"
