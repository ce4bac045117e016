"""Conformance in a report: kernels by operator and types, and what each backend makes of them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from pytest_qparity.report.markup import markdown_text

if TYPE_CHECKING:
    from pytest_qparity.ledger import Ledger

Event: TypeAlias = Mapping[str, Any]
LEGEND = "A cell: kernels that conform / deviate as is known / are unsupported / fail; worst LSB; examples tried."
SOME = 3  # kernels of a finding that are named


def is_of_kernels(event: Event) -> bool:
    """Whether a verdict is about a kernel, or the record of known deviations: they have no precision."""
    return event.get("precision") == ""


def conformance_lines(ledger: Ledger) -> Iterator[str]:
    """One line for each backend: how many kernels conform, deviate as is known, are refused, and all that fails."""
    for (case, backend), events in _by_backend(ledger).items():
        counts = Counter(_answer(event) for event in events if "operator" in event["evidence"])
        elements = sum(event["evidence"].get("elements", 0) for event in events)
        examples = sum(event["evidence"].get("examples", 0) for event in events)
        said = [f"{counts['conforms']} of {sum(counts.values())} kernels conform"]
        said += [f"{counts[answer]} {text}" for answer, text in _TEXTS.items() if counts[answer]]
        failed = [event for event in events if event["outcome"] not in ("pass", "waived")]
        if failed:
            said.append(f"{len(failed)} fail")
        yield f"conformance: {case} {backend}: {', '.join(said)} ({examples:,} examples, {elements:,} elements)"


_TEXTS = {"deviates": "deviate as is known", "unsupported": "unsupported", "supported": "run and were listed"}


def conformance_markdown(ledger: Ledger) -> str:
    """Operators × types × backends as Markdown: how many kernels conform, deviate, are unsupported; the worst LSB and
    the examples tried; then every kernel that does not conform, with what is known of it."""
    backends, rows = conformance_rows(ledger)
    lines = [
        "# Conformance of kernels",
        "",
        LEGEND,
        "",
        f"| operator | types | {' | '.join(markdown_text(backend) for backend in backends)} |",
        f"| --- | --- | {' | '.join('---' for _ in backends)} |",
    ]
    for row in rows:
        cells = " | ".join(str(cell) for cell in row.cells)
        lines.append(f"| {markdown_text(row.operator)} | {markdown_text(row.types)} | {cells} |")
    lines += ["", "## What does not conform", ""]
    for finding in findings(ledger):
        some = ", ".join(f"`{kernel}`" for kernel in finding.kernels[:SOME])
        script = f"; `{finding.script}`" if finding.script else ""
        said = f"{markdown_text(finding.said)} ({some}{finding.more}{script})"
        lines.append(f"- **{markdown_text(finding.backend)}**: {said}")
    if lines[-1] == "":
        lines.append("Nothing.")
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class Cell:
    """Kernels of one operator and types on one backend; `worst_lsb` (infinite where an output was no number) of those
    that deviate or fail."""

    conform: int = 0
    deviate: int = 0
    unsupported: int = 0
    fail: int = 0
    worst_lsb: float = 0.0
    examples: int = 0

    @property
    def kernels(self) -> int:
        return self.conform + self.deviate + self.unsupported + self.fail

    @property
    def distance(self) -> str:
        """The worst distance, where there is one to tell."""
        if not (self.deviate or self.fail):
            return ""
        return f"{'∞' if math.isinf(self.worst_lsb) else f'{self.worst_lsb:.3g}'} LSB"

    def __str__(self) -> str:
        if self.kernels == 0:
            return "–"
        counts = f"{self.conform}/{self.deviate}/{self.unsupported}/{self.fail}"
        return "; ".join(filter(None, (counts, self.distance, str(self.examples))))


@dataclass(frozen=True, slots=True)
class Row:
    operator: str
    types: str
    cells: tuple[Cell, ...]


def conformance_rows(ledger: Ledger) -> tuple[list[str], list[Row]]:
    """The backends, with their case where there are several, and rows with a cell for each."""
    grouped = _by_backend(ledger)
    one_case = len({case for case, _ in grouped}) == 1
    rows: dict[tuple[str, str], dict[tuple[str, str], list[Event]]] = {}
    for key, events in grouped.items():
        for event in events:
            evidence = event["evidence"]
            if "operator" in evidence:
                row = rows.setdefault((evidence["operator"], evidence["types"]), {})
                row.setdefault(key, []).append(event)
    names = [backend if one_case else f"{case} on {backend}" for case, backend in grouped]
    return names, [Row(*row, tuple(_cell(cells.get(key, [])) for key in grouped)) for row, cells in rows.items()]


def _by_backend(ledger: Ledger) -> dict[tuple[str, str], list[Event]]:
    grouped: dict[tuple[str, str], list[Event]] = {}
    for event in ledger.verdicts:
        if is_of_kernels(event):
            grouped.setdefault((event["case"], event["backend"]), []).append(event)
    return grouped


def _answer(event: Event) -> str:
    return str(event["evidence"].get("answer", "fails"))


def _cell(events: Sequence[Event]) -> Cell:
    passed = sum(event["outcome"] == "pass" for event in events)
    deviating = sum(event["outcome"] == "waived" and _answer(event) == "deviates" for event in events)
    refused = sum(event["outcome"] == "waived" and _answer(event) == "unsupported" for event in events)
    return Cell(
        passed,
        deviating,
        refused,
        len(events) - passed - deviating - refused,
        max((float(event["evidence"]["worst_lsb"]) for event in events), default=0.0),
        sum(event["evidence"]["examples"] for event in events),
    )


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a backend does otherwise or refuses, the kernels that show it, and the script that does."""

    backend: str
    said: str
    script: str
    kernels: tuple[str, ...]

    @property
    def more(self) -> str:
        """What stands behind the first SOME of its kernels."""
        return f" and {len(self.kernels) - SOME} more" if self.kernels[SOME:] else ""


def findings(ledger: Ledger) -> tuple[Finding, ...]:
    """What is known of kernels by what is on record, whatever else they show; all else by its sentence."""
    seen: dict[tuple[str, str, str], list[str]] = {}
    for event in ledger.verdicts:
        if is_of_kernels(event) and event["outcome"] != "pass":
            for said, script in _said(event):
                seen.setdefault((event["backend"], said, script), []).append(event["check"])
    return tuple(Finding(*key, tuple(kernels)) for key, kernels in seen.items())


def _said(event: Event) -> Iterator[tuple[str, str]]:
    known = event["evidence"].get("known")
    if known and event["waiver"]:
        yield from dict.fromkeys((entry["observed"], entry["script"]) for entry in known)
    else:
        yield event["waiver"] or "; ".join(failure["sentence"] for failure in event["failures"]), ""
