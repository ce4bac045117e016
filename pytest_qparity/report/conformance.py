"""Conformance in a report: kernels by operator and types, and what each backend makes of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from pytest_qparity.report.text import one_line

if TYPE_CHECKING:
    from pytest_qparity.ledger import Ledger

Event: TypeAlias = Mapping[str, Any]


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
    backends = [f"{case} on {backend}" for case, backend in _by_backend(ledger)]
    rows: dict[tuple[str, str], dict[str, list[Event]]] = {}
    for (case, backend), events in _by_backend(ledger).items():
        for event in events:
            evidence = event["evidence"]
            if "operator" in evidence:
                row = rows.setdefault((evidence["operator"], evidence["types"]), {})
                row.setdefault(f"{case} on {backend}", []).append(event)
    lines = [
        "# Conformance of kernels",
        "",
        "A cell: kernels that conform / deviate as is known / are unsupported / fail; worst LSB; examples tried.",
        "",
        f"| operator | types | {' | '.join(_cell_text(backend) for backend in backends)} |",
        f"| --- | --- | {' | '.join('---' for _ in backends)} |",
    ]
    for (operator, types), cells in rows.items():
        shown = [_cell(cells.get(backend, [])) for backend in backends]
        lines.append(f"| {_cell_text(operator)} | {_cell_text(types)} | {' | '.join(shown)} |")
    lines += ["", "## What does not conform", ""]
    lines += list(_findings(ledger)) or ["Nothing."]
    return "\n".join(lines) + "\n"


def _by_backend(ledger: Ledger) -> dict[tuple[str, str], list[Event]]:
    grouped: dict[tuple[str, str], list[Event]] = {}
    for event in ledger.verdicts:
        if is_of_kernels(event):
            grouped.setdefault((event["case"], event["backend"]), []).append(event)
    return grouped


def _answer(event: Event) -> str:
    return str(event["evidence"].get("answer", "fails"))


def _cell(events: Iterable[Event]) -> str:
    events = list(events)
    if not events:
        return "–"
    passed = sum(event["outcome"] == "pass" for event in events)
    deviating = sum(event["outcome"] == "waived" and _answer(event) == "deviates" for event in events)
    refused = sum(event["outcome"] == "waived" and _answer(event) == "unsupported" for event in events)
    failing = len(events) - passed - deviating - refused
    worst = [event["evidence"]["worst_lsb"] for event in events]
    largest = "∞" if "inf" in worst else f"{max(worst):.3g}"
    examples = sum(event["evidence"]["examples"] for event in events)
    distance = f"; {largest} LSB" if deviating or failing else ""
    return f"{passed}/{deviating}/{refused}/{failing}{distance}; {examples}"


def _findings(ledger: Ledger) -> Iterator[str]:
    """One line for each thing that was seen, with the kernels that show it."""
    seen: dict[tuple[str, str], list[str]] = {}
    for event in ledger.verdicts:
        if is_of_kernels(event) and event["outcome"] != "pass":
            said = event["waiver"] or "; ".join(failure["sentence"] for failure in event["failures"])
            seen.setdefault((event["backend"], said), []).append(event["check"])
    for (backend, said), kernels in seen.items():
        some = ", ".join(f"`{kernel}`" for kernel in kernels[:3])
        more = f" and {len(kernels) - 3} more" if kernels[3:] else ""
        yield f"- **{_cell_text(backend)}**: {_cell_text(said)} ({some}{more})"


def _cell_text(text: str) -> str:
    """On one line, with what Markdown or HTML would take for markup as text: names may be anyone's."""
    escaped = one_line(text).replace("\\", "\\\\").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for mark in "`*_[]|":
        escaped = escaped.replace(mark, f"\\{mark}")
    return escaped
