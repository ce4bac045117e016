"""Baselines out of ledgers: what is kept of one, and what of an older baseline stays."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
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

__all__ = ["Saved", "Unbounded", "baseline_at", "saved", "saved_in_part"]

_LEDGER = '"events": ['


class Unbounded(Enum):
    """What becomes of a run whose speed-up nothing bounds."""

    REFUSED = "refused"
    ALLOWED = "allowed"


@dataclass(frozen=True, slots=True)
class Saved:
    """`runs`: of the new baseline; `written`: how many of them are of the ledger; `left_out`: runs of the ledger that
    are not in it; `dropped`: runs of the older baseline that its hardware's plan no longer has. `kept_speed`: those of
    the ledger that have the latency of their older lines."""

    runs: tuple[Figures, ...]
    written: int
    left_out: tuple[str, ...]
    dropped: tuple[str, ...]
    kept_speed: tuple[str, ...] = ()

    @property
    def without_speed(self) -> tuple[str, ...]:
        """Runs of the ledger whose speed-up nothing bounds: against these lines no speed can be judged."""
        new = self.runs[len(self.runs) - self.written :]
        return tuple(_name(each) for each in new if _is_unbounded(each))

    @property
    def without_figures(self) -> tuple[str, ...]:
        """Runs of the ledger, each with a check that gave no figure, as where its failure is waived: later ones that
        give one cannot be judged by these lines. Parity has none of a model whose outputs are all integers."""
        new = self.runs[len(self.runs) - self.written :]
        lacking = ((each, check) for each in new for check, told in each.by_check().items() if told is None)
        return tuple(
            f"{each.case} {each.run} {check}" for each, check in lacking if check in each.checks and check != "parity"
        )


def saved(ledger: Ledger, older: Baseline | None, unbounded: Unbounded = Unbounded.REFUSED) -> Saved:
    """A baseline of a whole ledger that passes. Raises BaselineError where it is another, or the extract of one, or
    where nothing bounds the speed-up of one of its runs, and the older line has none of the same files and engine.

    Lines of other hardware stay, and so do those of backends and precisions that the session was not asked for.
    """
    if ledger.extract_of is not None:
        raise BaselineError(f"got {_extract(ledger)} --partial saves this run, and all others stay as they were")
    if ledger.against_it:
        raise BaselineError(f"got a ledger that does not pass: {ledger.against_it} --partial saves what passes of it")
    new, kept = _with_older_speed([figures for _, figures in recorded(ledger)], older)
    nameless = [_name(each) for each in new if _is_unbounded(each)]
    if nameless and unbounded is Unbounded.REFUSED:
        others = f" and {len(nameless) - 1} more" if len(nameless) > 1 else ""
        raise BaselineError(
            f"got no interval that bounds the speed-up over fp32 of {nameless[0]}{others}, should be one: no later "
            "speed could be judged by this line. Measure longer (--qparity-latency-seconds) or on a quieter machine; "
            "--partial leaves such runs as they were, --allow-no-speed saves them so"
        )
    return _joined(ledger, new, ((), kept), older, drops=True)


def saved_in_part(ledger: Ledger, older: Baseline | None, unbounded: Unbounded = Unbounded.REFUSED) -> Saved:
    """A baseline of those runs of a ledger whose every check was judged, and passed or is waived, and whose speed-up is
    bounded; all others of the older one stay. Raises BaselineError where there is none."""
    unjudged = {node_id.rpartition("::")[0] for node_id in (*ledger.unjudged, *ledger.deselected)}
    good, left_out = [], []
    for run, figures in recorded(ledger):
        nodes = {event["node_id"].rpartition("::")[0] for event in run.checks.values()}
        is_good = not nodes & unjudged and all(event["outcome"] in GOOD for event in run.checks.values())
        good += [figures] if is_good else []
        left_out += [] if is_good else [_name(figures)]
    new, kept = _with_older_speed(good, older)
    if unbounded is Unbounded.REFUSED:
        left_out += [_name(each) for each in new if _is_unbounded(each)]
        new = [each for each in new if not _is_unbounded(each)]
    if not new:
        raise BaselineError("got a ledger without a run that passes whole, with its speed, should hold one at least")
    return _joined(ledger, new, (tuple(left_out), kept), older, drops=False)


def _with_older_speed(new: list[Figures], older: Baseline | None) -> tuple[list[Figures], tuple[str, ...]]:
    """Where nothing bounds the speed-up of a run, its older line's latency stays, if it is of the same files and an
    engine that runs as it did: what they promise has not changed because this session was a noisy one. And the names of
    such runs."""
    known = {_key(each): each for each in (() if older is None else older.runs)}
    found, kept = [], []
    for each in new:
        was = known.get(_key(each))
        if _is_unbounded(each) and was is not None and _stands_for(was, each):
            assert was.latency is not None
            latency = was.latency.model_copy(update={"time": was.latency.time or was.about.time})
            found.append(each.model_copy(update={"latency": latency}))
            kept.append(_name(each))
        else:
            found.append(each)
    return found, tuple(kept)


def _stands_for(was: Figures, each: Figures) -> bool:
    """Whether the older latency is bounded, of the same bytes, engine, its options and libraries, and was timed as this
    one."""
    if was.latency is None or each.latency is None or was.latency.is_unbounded or was.latency.speed_up is None:
        return False
    told = [(run.about.variant, run.about.model) for run in (was, each)]
    timed = [(of.batch, of.clock, of.threads, of.isolation) for of in (was.latency, each.latency)]
    has_all = was.latency.batches.keys() >= each.latency.batches.keys()
    is_same = told[0] == told[1] and None not in told[0] and each.about.runs_as(was.about)
    return is_same and timed[0] == timed[1] and has_all


def _is_unbounded(figures: Figures) -> bool:
    return figures.latency is not None and figures.latency.is_unbounded


def _name(figures: Figures) -> str:
    return f"{figures.case} {figures.run}"


def _key(figures: Figures) -> tuple[str, str, str, str]:
    return figures.case, figures.backend, figures.precision, figures.hardware


def _joined(
    ledger: Ledger,
    new: list[Figures],
    told: tuple[tuple[str, ...], tuple[str, ...]],
    older: Baseline | None,
    *,
    drops: bool,
) -> Saved:
    """`told`: runs that were left out, and those that have their older latency."""
    if not new:
        raise BaselineError("got a ledger without a run of a model, should hold one at least")
    keys = {_key(each) for each in new}
    kept: list[Figures] = []
    dropped: list[Figures] = []
    for each in () if older is None else older.runs:
        if _key(each) in keys:
            continue
        is_gone = drops and _was_asked_for(ledger, each, {figures.hardware for figures in new})
        (dropped if is_gone else kept).append(each)
    left_out, kept_speed = told
    return Saved((*kept, *new), len(new), left_out, tuple(map(_name, dropped)), kept_speed)


def _was_asked_for(ledger: Ledger, figures: Figures, hardware: set[str]) -> bool:
    precisions = ledger.start.get("precisions")
    is_asked = precisions is None or figures.precision in precisions
    return figures.hardware in hardware and figures.backend in ledger.start.get("backends", ()) and is_asked


def baseline_at(path: Path) -> Baseline:
    """The baseline in a file, or that of a ledger, such as the main branch's artifact. Raises BaselineError where it is
    neither, or the ledger does not pass or is an extract, and OSError where it cannot be read."""
    text = path.read_text(encoding="utf-8", errors="replace")
    if _LEDGER not in text[:100]:
        return parsed_baseline(text, path)
    try:
        ledger = parsed(text)
    except LedgerError as error:
        raise BaselineError(f"{path}: {error}") from None
    if ledger.extract_of is not None:
        raise BaselineError(f"{path}: got {_extract(ledger)} Every other run would pass as new")
    if ledger.against_it:
        raise BaselineError(f"got a ledger that does not pass, {path}, should be one that does: {ledger.against_it}")
    return Baseline(tuple(figures for _, figures in recorded(ledger)), bytes_digest(text.encode()))


def _extract(ledger: Ledger) -> str:
    return f"the extract of one run, {ledger.extract_of}, should be the whole ledger of its session."
