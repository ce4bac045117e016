"""Two ledgers' difference as a terminal shows it, and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pytest_qparity.ledger.events import plain
from pytest_qparity.report.diff import State
from pytest_qparity.report.text import one_line, wrapped

if TYPE_CHECKING:
    from pytest_qparity.report.diff import LedgerDifference, RunDifference

__all__ = ["difference_json", "difference_text"]

_COMMIT = 12  # characters that tell commits apart for a reader
_DIGESTS = frozenset(
    ("variant", "model", "data", "reference", "options", "case", "golden", "calibration", "files", "code", "settings")
)


def difference_text(found: LedgerDifference) -> str:
    """Ledgers, what else changed, then each run that is not the same, the worst first; ends in a newline."""
    lines = [_head("before", found.before), _head("after", found.after)]
    for name, (was, now) in found.environment.items():
        lines.append(wrapped(f"{name:<10} ", f"{_value(was)} -> {_value(now)}"))
    lines += [wrapped("worse      ", sentence) for sentence in found.against_it]
    lines += [wrapped("still      ", sentence) for sentence in found.still]
    for run in found.runs:
        if run.state is not State.SAME:
            lines += ["", f"{run.state:<11} {one_line(run.case)} {one_line(run.run)}", *_of_run(run)]
    counts = Counter(run.state for run in found.runs)
    lines += ["", ", ".join(f"{counts[state]} {state}" for state in State if counts[state]) or "no run"]
    return "\n".join(lines) + "\n"


def _head(name: str, told: Mapping[str, Any]) -> str:
    commit = f"  {one_line(str(told['commit']))[:_COMMIT]}" if told["commit"] else ""
    return f"{name:<10} {one_line(told['time'])}{commit}  {told['standing']}"


def _of_run(run: RunDifference) -> Iterator[str]:
    for change in run.checks:
        was, now = (
            f"{outcome} ({one_line(deciding)})" if deciding else outcome
            for outcome, deciding in ((change.before, change.before_deciding), (change.after, change.after_deciding))
        )
        yield wrapped(f"  {one_line(change.check):<12} ", f"{was} -> {now}")
    for sentence in run.sentences:
        yield wrapped("  because      ", sentence)
    for figure, (was_value, now_value) in run.figures.items():
        elsewhere = "  not compared: of other hardware" if figure in run.not_compared else ""
        yield f"  {one_line(figure):<12} {_number(was_value)} -> {_number(now_value)}{elsewhere}"
    for promise in run.promises:
        less = {True: ": promises less", False: ": promises more", None: ""}[promise.is_looser]
        told = f"{promise.limit} {_limit(promise.before)} -> {_limit(promise.after)}{less}"
        yield wrapped(f"  {one_line(promise.check):<12} ", told)
    for name, (was_text, now_text) in run.changed.items():
        told = "another" if name in _DIGESTS else f"{was_text or 'absent'} -> {now_text or 'absent'}"
        yield wrapped(f"  {one_line(name):<12} ", told)


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.5g}"


def _limit(value: object) -> str:
    return _number(value) if isinstance(value, float | int) else "none" if value is None else one_line(str(value))


def _value(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(str(each) for each in value) or "none"
    return "none" if value is None else str(value)


def difference_json(found: LedgerDifference) -> dict[str, Any]:
    """Plain JSON values."""
    told: dict[str, Any] = plain(asdict(found))
    return {"is_same_or_better": found.is_same_or_better, **told}
