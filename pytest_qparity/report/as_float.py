"""Runs whose file is quantized and whose engine computes in floats all the same: the same sentences in every report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pytest_qparity.verdict import Code

if TYPE_CHECKING:
    from pytest_qparity.ledger import Ledger

__all__ = ["as_float_lines", "as_float_of"]

_MOST_RUNS = 3  # that one line names
_NO_ENGINE = "reference"  # computes in floats between Q/DQ pairs by design, and nobody ships on it


def as_float_lines(ledger: Ledger) -> Iterator[str]:
    """One line for each remedy: how many compute nodes of which runs are quantized in the file and run as floats.

    From preflight's `kernel_counts`. Nothing of emulated runs, whose names say it, nor of those that failed for it.
    """
    return as_float_of(ledger.verdicts)


def as_float_of(verdicts: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The same of some verdicts."""
    runs: dict[str, list[str]] = {}
    for event in verdicts:
        fell_back, quantized, total = _counts(event)
        if not fell_back:
            continue
        told = f"{quantized} of {total} compute nodes of {event['case']} {event['run']}"
        runs.setdefault(event["evidence"].get("faster_with") or "", []).append(told)
    for faster_with, named in runs.items():
        more = f" and of {len(named) - _MOST_RUNS} more runs" if len(named) > _MOST_RUNS else ""
        remedy = f"; {faster_with}" if faster_with else ""
        yield (
            f"as float: {', '.join(named[:_MOST_RUNS])}{more} run quantized; the others compute in floats, which "
            f"gains no speed{remedy}"
        )


def _counts(event: Mapping[str, Any]) -> tuple[int, int, int]:
    """How many compute nodes fell back to floats, how many run quantized, and of how many."""
    counts = event.get("evidence", {}).get("kernel_counts")
    if event["check"] != "preflight" or not counts or event.get("emulated") or event["backend"] == _NO_ENGINE:
        return (0, 0, 0)
    if any(failure["code"] == Code.PREFLIGHT_FEW_QUANTIZED.code for failure in event["failures"]):
        return (0, 0, 0)
    kinds = ("quantized", "fell_back", "left_float", "otherwise")
    quantized, fell_back, left, otherwise = (sum(count[kind] for count in counts.values()) for kind in kinds)
    return (fell_back, quantized, quantized + fell_back + left + otherwise)
