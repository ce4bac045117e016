"""The terminal summary: runs and checks as a table of deciding figures, and what was waived or never judged."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from pytest_qparity.report.accuracy import false_alarms
from pytest_qparity.report.as_float import as_float_lines
from pytest_qparity.report.carried import carried_lines
from pytest_qparity.report.conformance import conformance_lines, is_of_kernels
from pytest_qparity.report.console import text_console
from pytest_qparity.report.extract import extract_lines
from pytest_qparity.report.standing import expired_lines
from pytest_qparity.report.text import printable
from pytest_qparity.report.unneeded import unneeded_lines
from pytest_qparity.verdict import Outcome, counted

if TYPE_CHECKING:
    from pytest_qparity.ledger import Ledger

MOST_EXPLAINED = 3  # codes that one line names
NO_CANARIES = "no canaries: turned off by an empty qparity_canaries"
MOST_PASSED_RUNS = 100  # beyond, a table of what passed hides what did not
_Cells: TypeAlias = dict[str, dict[str, dict[str, Text]]]  # case, run, check
_UNLIMITED = 10_000
CHECK_ORDER = ("preflight", "parity", "accuracy", "invariance", "latency", "memory", "regression")
# A letter besides the colour: reports are read without colours too.
LOOK = {
    Outcome.PASS: ("", "green"),
    Outcome.WAIVED: ("w ", "yellow"),
    Outcome.ACCURACY_FAIL: ("F ", "bold red"),
    Outcome.BUDGET_FAIL: ("B ", "bold red"),
    Outcome.CANNOT_JUDGE: ("? ", "bold magenta"),
}


def summary(ledger: Ledger, *, width: int, colour: bool) -> str:
    """Text of at most `width` columns, ending in a newline."""
    stream = io.StringIO()
    console = text_console(stream, width=width, colour=colour)
    if any(not is_of_kernels(event) for event in ledger.verdicts):
        cells, passed = _shown(ledger)
        unlimited = console.options.update(max_width=_UNLIMITED)
        matrices = [_matrix(cells, gap) for gap in (2, 1)]
        fitting = [each for each in matrices if Measurement.get(console, unlimited, each).maximum <= width]
        if cells:
            for part in fitting[:1] or _listed(cells):
                console.print(part)
        if passed:
            console.print(Text(f"and {counted(passed, 'run')} in which every check passed"))
        console.print(Text("F accuracy-fail   B budget-fail   ? cannot-judge   w waived", style="dim"))
    for lines in (
        _different_files,
        as_float_lines,
        _waived,
        expired_lines,
        unneeded_lines,
        false_alarms,
        conformance_lines,
        canaries,
        carried_lines,
        extract_lines,
        _counts,
        _explained,
    ):
        for line in lines(ledger):
            console.print(Text(printable(line)))
    return stream.getvalue()


def _shown(ledger: Ledger) -> tuple[_Cells, int]:
    """The runs to show, and how many are left out: of many runs only those in which something did not pass."""
    runs: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for event in ledger.verdicts:
        if is_of_kernels(event):
            continue
        runs.setdefault((event["case"], event["run"]), []).append(event)
    chosen = runs
    if len(runs) > MOST_PASSED_RUNS:
        passing = Outcome.PASS.value
        chosen = {run: events for run, events in runs.items() if any(event["outcome"] != passing for event in events)}
    cells: _Cells = {}
    for (case, run), events in chosen.items():
        cells.setdefault(case, {})[run] = {event["check"]: _cell(event) for event in events}
    return cells, len(runs) - len(chosen)


def _listed(cells: _Cells) -> Iterator[Text]:
    """The matrix where the terminal is too narrow for it: rich would leave out names to make it fit."""
    for case, runs in cells.items():
        yield Text(printable(case))
        for run, row in runs.items():
            yield Text("  " + printable(run))
            for check, cell in row.items():
                yield Text.assemble(f"    {printable(check):<10}  ", cell)


def _matrix(cells: _Cells, gap: int) -> Table:
    present = {check for runs in cells.values() for row in runs.values() for check in row}
    columns = [check for check in CHECK_ORDER if check in present]
    table = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="bold")
    table.add_column("case and run", overflow="fold")
    for check in columns:
        table.add_column(check, no_wrap=True)
    for case, runs in cells.items():
        table.add_row(Text(printable(case)))
        for run, row in runs.items():
            table.add_row(Text("  " + printable(run)), *(row.get(check, Text("")) for check in columns))
    return table


def _cell(event: Mapping[str, Any]) -> Text:
    mark, style = LOOK[Outcome(event["outcome"])]
    return Text(mark + printable(figure_of(event)), style=style)


def figure_of(event: Mapping[str, Any]) -> str:
    """What decided, less what the row and the column say already: the run's precision, and of invariance which relation
    moved most."""
    deciding: str = event["deciding"]
    first, _, last = deciding.rpartition(" ")
    if event["check"] == "preflight" and first and f"-{last}" in event["run"]:
        return first
    if event["check"] == "invariance" and last == "dB":
        return " ".join(deciding.split()[-2:])
    return deciding


def _different_files(ledger: Ledger) -> Iterator[str]:
    """One line for each precision of a case of which backends judged different files: no verdict is on all of them."""
    files: dict[tuple[str, str], dict[str, list[str]]] = {}
    for event in ledger.verdicts:
        variant = event.get("provenance", {}).get("variant")
        if variant is not None:
            of_file = files.setdefault((event["case"], event["precision"]), {}).setdefault(variant["sha256"], [])
            if event["backend"] not in of_file:
                of_file.append(event["backend"])
    for (case, precision), backends in files.items():
        if len(backends) > 1:
            said = "; ".join(f"{', '.join(names)}: {digest[:12]}" for digest, names in backends.items())
            yield f"different files: {case} {precision}: {said}"


def _waived(ledger: Ledger) -> Iterator[str]:
    """One line for each waiver that was used: how many checks of which runs it covered."""
    used: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for event in ledger.verdicts:
        if event["waiver"] is not None and not is_of_kernels(event):
            used.setdefault((event["case"], event["waiver"]), []).append(event)
    for (case, waiver), events in used.items():
        runs = ", ".join(dict.fromkeys(event["run"] for event in events))
        codes = ", ".join(dict.fromkeys(failure["code"] for event in events for failure in event["failures"]))
        yield f"waived: {case} {runs} ({counted(len(events), 'check')}; {codes}): {waiver}"


def canaries(ledger: Ledger) -> Iterator[str]:
    """What stands behind the verdicts of each backend; the worst of what several processes found.

    A ledger that does not say which canary files there were says nothing here.
    """
    worst: dict[str, Mapping[str, Any]] = {}
    for event in ledger.verdicts:
        record = event.get("provenance", {}).get("canaries")
        if record is not None and record["caught"] <= worst.get(event["backend"], record)["caught"]:
            worst[event["backend"]] = record
    said: dict[str, list[str]] = {}
    for backend, record in worst.items():
        came_of_it = f"{record['caught']} of {record['planned']} caught" if record["planned"] else "could not be run"
        said.setdefault(came_of_it, []).append(backend)
    if said:
        yield "canaries: " + "; ".join(
            f"{came_of_it} on {', '.join(backends)}" for came_of_it, backends in said.items()
        )
    elif "canaries" in ledger.start:
        yield "canaries: none was run" if ledger.start["canaries"] else NO_CANARIES


def _counts(ledger: Ledger) -> Iterator[str]:
    counts = Counter(event["outcome"] for event in ledger.verdicts)
    said = [f"{counts[outcome.value]} {outcome.value}" for outcome in Outcome if counts[outcome.value]]
    if ledger.unjudged:
        said.append(f"{len(ledger.unjudged)} without a verdict")
    yield f"{counted(len(ledger.planned), 'check')} planned: {', '.join(said) or 'none judged'}"
    if ledger.deselected:
        what, they = counted(len(ledger.deselected), "check"), _they(ledger.deselected)
        yield f"{what} of these cases {they[0]} not asked for: nothing is known of {they[1]}"
    if ledger.uncollected:
        named = ", ".join(ledger.uncollected[:3]) + (", …" if len(ledger.uncollected) > 3 else "")
        what, they = counted(len(ledger.uncollected), "case file"), _they(ledger.uncollected)
        yield f"{what} {they[0]} not collected: nothing is known of {they[1]}: {named}"
    for node_id, outcomes in ledger.flaky.items():
        yield f"flaky: {node_id} was judged {len(outcomes)} times: {', '.join(outcomes)}; the first failure stands"
    for case_file in ledger.case_errors:
        yield f"not planned: {case_file}"
    for node_id in ledger.unjudged[:3]:
        reason = ledger.not_judged.get(node_id, "it never ended").strip().splitlines()
        yield f"no verdict: {node_id}: {reason[-1] if reason else 'it never ended'}"


def _they(names: Sequence[str]) -> tuple[str, str]:
    return ("was", "it") if len(names) == 1 else ("were", "them")


def _explained(ledger: Ledger) -> Iterator[str]:
    """One line with the command that says more of the codes by which checks failed."""
    failing = (event for event in ledger.verdicts if event["waiver"] is None)
    codes = dict.fromkeys(failure["code"] for event in failing for failure in event["failures"])
    if codes:
        yield f"what it means: qparity explain {' '.join([*codes][:MOST_EXPLAINED])}"
