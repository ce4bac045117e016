"""Baselines out of ledgers: what is kept of one, and what of an older baseline stays."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_qparity.baseline.file import Baseline, BaselineError, parsed_baseline
from pytest_qparity.digest import bytes_digest
from pytest_qparity.ledger import LedgerError
from pytest_qparity.ledger.events import GOOD
from pytest_qparity.ledger.reading import parsed
from pytest_qparity.report.recorded import recorded

if TYPE_CHECKING:
    from pytest_qparity.baseline.figures import Figures
    from pytest_qparity.ledger import Ledger

__all__ = ["Saved", "baseline_at", "saved", "saved_in_part"]

_LEDGER = '"events": ['


@dataclass(frozen=True, slots=True)
class Saved:
    """`runs`: of the new baseline; `written`: how many of them are of the ledger; `left_out`: runs of the ledger that
    did not pass; `dropped`: runs of the older baseline that its hardware's plan no longer has."""

    runs: tuple[Figures, ...]
    written: int
    left_out: tuple[str, ...]
    dropped: tuple[str, ...]

    @property
    def without_speed(self) -> tuple[str, ...]:
        """Runs of the ledger whose speed-up nothing bounds: against these lines no speed can be judged."""
        new = self.runs[len(self.runs) - self.written :]
        timed = [(each, each.latency) for each in new if each.latency is not None]
        return tuple(f"{each.case} {each.run}" for each, latency in timed if latency.is_unbounded)

    @property
    def without_figures(self) -> tuple[str, ...]:
        """Runs of the ledger, each with a check that gave no figure, as where its failure is waived: later ones that
        give one cannot be judged by these lines. Parity has none of a model whose outputs are all integers."""
        new = self.runs[len(self.runs) - self.written :]
        lacking = ((each, check) for each in new for check, told in each.by_check().items() if told is None)
        return tuple(
            f"{each.case} {each.run} {check}" for each, check in lacking if check in each.checks and check != "parity"
        )


def saved(ledger: Ledger, older: Baseline | None) -> Saved:
    """A baseline of a whole ledger that passes. Raises BaselineError where it is another.

    Lines of other hardware stay, and so do those of backends and precisions that the session was not asked for.
    """
    if ledger.against_it:
        raise BaselineError(f"got a ledger that does not pass: {ledger.against_it} --partial saves what passes of it")
    new = [figures for _, figures in recorded(ledger)]
    return _joined(ledger, new, (), older, drops=True)


def saved_in_part(ledger: Ledger, older: Baseline | None) -> Saved:
    """A baseline of those runs of a ledger whose every check was judged, and passed or is waived; all others of the
    older one stay. Raises BaselineError where there is none."""
    unjudged = {node_id.rpartition("::")[0] for node_id in (*ledger.unjudged, *ledger.deselected)}
    new, left_out = [], []
    for run, figures in recorded(ledger):
        nodes = {event["node_id"].rpartition("::")[0] for event in run.checks.values()}
        is_good = not nodes & unjudged and all(event["outcome"] in GOOD for event in run.checks.values())
        new += [figures] if is_good else []
        left_out += [] if is_good else [f"{run.case} {run.id}"]
    if not new:
        raise BaselineError("got a ledger without a run that passes whole, should hold one at least")
    return _joined(ledger, new, tuple(left_out), older, drops=False)


def _joined(
    ledger: Ledger, new: list[Figures], left_out: tuple[str, ...], older: Baseline | None, *, drops: bool
) -> Saved:
    if not new:
        raise BaselineError("got a ledger without a run of a model, should hold one at least")
    keys = {(each.case, each.backend, each.precision, each.hardware) for each in new}
    kept: list[Figures] = []
    dropped: list[Figures] = []
    for each in () if older is None else older.runs:
        if (each.case, each.backend, each.precision, each.hardware) in keys:
            continue
        is_gone = drops and _was_asked_for(ledger, each, {figures.hardware for figures in new})
        (dropped if is_gone else kept).append(each)
    named = tuple(f"{each.case} {each.run}" for each in dropped)
    return Saved((*kept, *new), len(new), left_out, named)


def _was_asked_for(ledger: Ledger, figures: Figures, hardware: set[str]) -> bool:
    precisions = ledger.start.get("precisions")
    is_asked = precisions is None or figures.precision in precisions
    return figures.hardware in hardware and figures.backend in ledger.start.get("backends", ()) and is_asked


def baseline_at(path: Path) -> Baseline:
    """The baseline in a file, or that of a ledger, such as the main branch's artifact. Raises BaselineError where it is
    neither, or the ledger does not pass, and OSError where it cannot be read."""
    text = path.read_text(encoding="utf-8", errors="replace")
    if _LEDGER not in text[:100]:
        return parsed_baseline(text, path)
    try:
        ledger = parsed(text)
    except LedgerError as error:
        raise BaselineError(f"{path}: {error}") from None
    if ledger.against_it:
        raise BaselineError(f"got a ledger that does not pass, {path}, should be one that does: {ledger.against_it}")
    return Baseline(tuple(figures for _, figures in recorded(ledger)), bytes_digest(text.encode()))
