"""A case in the page: its matrix of deciding figures, and its runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_qparity.ledger.events import badness
from pytest_qparity.report.html.anchors import case_anchor, check_anchor, run_anchor
from pytest_qparity.report.html.facts import Fact, facts
from pytest_qparity.report.html.plan import NO_VERDICT, NOT_ASKED_FOR, Holes, holes
from pytest_qparity.report.html.provenance import Provenance, own_provenance, run_provenance, shared_provenance
from pytest_qparity.report.runs import RunRecord, runs_by_case
from pytest_qparity.report.terminal import CHECK_ORDER, LOOK, figure_of
from pytest_qparity.report.text import layers_command
from pytest_qparity.verdict import Outcome

if TYPE_CHECKING:
    from pytest_qparity.ledger import Ledger

__all__ = ["CasePart", "Cell", "CheckPart", "RunPart", "case_parts"]

FOLDED_FROM = 400  # runs; from there on evidence is one text each, which costs a browser little; failures stay whole
PASS = Outcome.PASS.value


@dataclass(frozen=True, slots=True)
class Cell:
    """`state`: an outcome, "no verdict" or "not asked for"; `mark` says it in a letter, for who sees no colours."""

    state: str
    mark: str
    figure: str
    anchor: str

    @property
    def style(self) -> str:
        return self.state.replace(" ", "-")


@dataclass(frozen=True, slots=True)
class CheckPart:
    check: str
    cell: Cell
    failures: tuple[tuple[Mapping[str, Any], str | None], ...]  # each with the command that tells which layers
    notes: tuple[str, ...]
    waiver: str | None
    reproduce: str
    evidence: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class RunPart:
    """`cells`: one for each column, None where the run has no such check. `provenance`: what is not the case's. In a
    report of many runs `folded` is evidence and provenance as one text, and `checks` are those that did not pass."""

    id: str
    anchor: str
    worst: Cell
    cells: tuple[Cell | None, ...]
    checks: tuple[CheckPart, ...]
    holes: tuple[tuple[str, str, str, str], ...]  # check, what is known, why, anchor
    provenance: Provenance
    folded: str

    @property
    def state(self) -> str:
        return self.worst.state


@dataclass(frozen=True, slots=True)
class CasePart:
    name: str
    anchor: str
    columns: tuple[str, ...]
    runs: tuple[RunPart, ...]
    provenance: tuple[Fact, ...]  # what all runs share

    @property
    def counts(self) -> tuple[tuple[str, int], ...]:
        """Runs by state, the worst first."""
        states = [run.state for run in self.runs]
        return tuple((state, states.count(state)) for state in sorted(set(states), key=_gravity, reverse=True))

    @property
    def anchors(self) -> dict[str, str]:
        return {run.id: run.anchor for run in self.runs}


def case_parts(ledger: Ledger) -> tuple[CasePart, ...]:
    """In the ledger's order; runs that were planned and never judged stand behind those that were."""
    missing = holes(ledger)
    known = runs_by_case(ledger)
    names = dict.fromkeys((*known, *(case for case, _ in missing)))
    count = sum(len(runs) for runs in known.values())
    return tuple(_case(name, known.get(name, []), missing, is_folded=count >= FOLDED_FROM) for name in names)


def _case(name: str, records: Sequence[RunRecord], missing: Holes, *, is_folded: bool) -> CasePart:
    by_run = {record.id: record for record in records}
    runs = dict.fromkeys((*by_run, *(run for case, run in missing if case == name)))
    present = {check for record in records for check in record.checks}
    present |= {check for run in runs for check in missing.get((name, run), {})}
    columns = (*(check for check in CHECK_ORDER if check in present), *sorted(present.difference(CHECK_ORDER)))
    provenance = {record.id: run_provenance(record.checks) for record in records}
    shared = shared_provenance(tuple(provenance.values()))
    own = {run: own_provenance(of, shared) for run, of in provenance.items()}
    parts = tuple(
        _run(name, run, by_run.get(run), missing, columns, own.get(run, ()), is_folded=is_folded) for run in runs
    )
    return CasePart(name, case_anchor(name), columns, parts, shared)


def _run(
    case: str,
    run: str,
    record: RunRecord | None,
    missing: Holes,
    columns: Sequence[str],
    provenance: Provenance,
    *,
    is_folded: bool,
) -> RunPart:
    events = {} if record is None else record.checks
    absent = missing.get((case, run), {})
    cells = {check: _cell(event) for check, event in events.items()}
    for check, (word, _) in absent.items():
        cells.setdefault(check, Cell(word, "–", word, check_anchor(case, run, check)))
    return RunPart(
        id=run,
        anchor=run_anchor(case, run),
        worst=max(cells.values(), key=lambda cell: _gravity(cell.state)),
        cells=tuple(cells.get(check) for check in columns),
        checks=tuple(
            _check(event, cells[check], facts({} if is_folded else event.get("evidence", {})))
            for check, event in events.items()
            if not is_folded or event["outcome"] != PASS
        ),
        holes=tuple(
            (check, word, why, check_anchor(case, run, check))
            for check, (word, why) in absent.items()
            if check not in events
        ),
        provenance=() if is_folded else provenance,
        folded=_folded(events, provenance) if is_folded else "",
    )


def _gravity(state: str) -> int:
    """Of the states of a run's checks the worst stands; one without a verdict is worse than what is good."""
    if state == NOT_ASKED_FOR:
        return 2 * badness(Outcome.WAIVED.value) + 1
    if state == NO_VERDICT:
        return 2 * badness(Outcome.CANNOT_JUDGE.value) - 1
    return 2 * badness(state)


def _cell(event: Mapping[str, Any]) -> Cell:
    outcome = str(event["outcome"])
    mark = LOOK[Outcome(outcome)][0].strip() if outcome in list(Outcome) else "?"
    return Cell(outcome, mark, figure_of(event), check_anchor(event["case"], event["run"], event["check"]))


def _check(event: Mapping[str, Any], cell: Cell, evidence: tuple[Fact, ...]) -> CheckPart:
    return CheckPart(
        check=event["check"],
        cell=cell,
        failures=tuple((failure, layers_command(event, failure)) for failure in event["failures"]),
        notes=tuple(event.get("notes", ())),
        waiver=event.get("waiver"),
        reproduce=event.get("reproduce", ""),
        evidence=evidence,
    )


def _folded(events: Mapping[str, Mapping[str, Any]], provenance: Provenance) -> str:
    """What a run rests on, as one text: its evidence, and whose bytes these are."""
    parts = [(check, facts(event.get("evidence", {}))) for check, event in events.items()]
    parts += [(f"provenance of {whose}" if whose else "provenance", rows) for whose, rows in provenance]
    return "\n".join(line for name, rows in parts for line in (name, *(f"  {path}: {text}" for path, text in rows)))
