"""The comparison table as Markdown, CSV and LaTeX."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pytest_qparity.report.as_float import as_float_lines
from pytest_qparity.report.carried import carried_lines
from pytest_qparity.report.comparison import ComparisonRow, comparison_rows, three_figures
from pytest_qparity.report.extract import extract_lines
from pytest_qparity.report.made_here import made_here_lines
from pytest_qparity.report.markup import latex_text, markdown_code, markdown_text, spreadsheet_text
from pytest_qparity.report.moved import moved_note
from pytest_qparity.report.runs import decibels_text
from pytest_qparity.report.standing import Word, expired_lines, standing_of

if TYPE_CHECKING:
    from pytest_qparity.ledger import Ledger

__all__ = [
    "HEADERS",
    "comparison_csv",
    "comparison_latex",
    "comparison_markdown",
    "markdown_rows",
    "table_cells",
]

NOTHING = "–"
REFUSED = "refused"
HEADERS = ("score", "lost", "SQNR dB", "batch", "latency ms", "samples/s", "× fp32", "memory MB", "size MB", "verdict")


def comparison_markdown(ledger: Ledger) -> str:
    """A row for each run and batch size; below it what the latencies cover, and why figures are refused."""
    rows = comparison_rows(ledger)
    return "\n".join([*markdown_rows(rows), "", *(f"{markdown_text(line)}\n" for line in _notes(rows, ledger))])


def markdown_rows(rows: Sequence[ComparisonRow]) -> Iterator[str]:
    yield f"| case | run | {' | '.join(HEADERS)} |"
    yield f"| --- | --- | {' | '.join('---:' for _ in HEADERS[:-1])} | --- |"
    for row in rows:
        for cells in table_cells(row):
            yield f"| {markdown_code(row.case)} | {markdown_code(row.run)} | {' | '.join(map(markdown_text, cells))} |"


def comparison_latex(ledger: Ledger) -> str:
    """A tabular with booktabs' rules, to be put into a table environment with \\input."""
    rows = comparison_rows(ledger)
    columns = "ll" + "r" * (len(HEADERS) - 1) + "l"
    names = " & ".join(latex_text(header).replace("×", r"$\times$") for header in HEADERS)
    lines = [r"% \usepackage{booktabs}", rf"\begin{{tabular}}{{{columns}}}", r"\toprule"]
    lines += [rf"case & run & {names} \\", r"\midrule"]
    for row in rows:
        for cells in table_cells(row):
            told = " & ".join(latex_text(cell).replace(NOTHING, "--") for cell in (row.case, row.run, *cells))
            lines.append(rf"{told} \\")
    standing = standing_of(ledger)
    if standing.word is not Word.PASSES:  # in the table itself: who sets it reads no comments
        said = latex_text(f"{standing.heading}: {standing.sentences[0]}")
        lines += [r"\midrule", rf"\multicolumn{{{len(columns)}}}{{p{{.9\linewidth}}}}{{{said}}} \\"]
    lines += [r"\bottomrule", r"\end{tabular}"]
    return "\n".join([*lines, *(f"% {latex_text(line)}" for line in _notes(rows, ledger))]) + "\n"


def comparison_csv(ledger: Ledger) -> str:
    """All that is known of each run and batch size, in whole precision; empty where it is not known or refused."""
    stream = io.StringIO()
    columns = [name for name in ComparisonRow.__dataclass_fields__ if name != "sweep"]
    writer = csv.DictWriter(stream, columns, lineterminator="\n")
    writer.writeheader()
    for row in comparison_rows(ledger):
        told = {name: value for name, value in asdict(row).items() if name != "sweep"}
        told["problems"] = " ".join(row.problems)
        writer.writerow({name: _csv_cell(value) for name, value in _without_refused(told, row).items()})
        for each in row.sweep:
            swept = {**told, **asdict(each)}
            writer.writerow({name: _csv_cell(value) for name, value in _without_refused(swept, row).items()})
    return stream.getvalue()


def _without_refused(told: dict[str, Any], row: ComparisonRow) -> dict[str, Any]:
    hidden = dict.fromkeys(("latency_ms", "samples_per_s", "speed_up")) if row.problems else {}
    return {**told, **hidden}


def _csv_cell(value: Any) -> Any:
    return spreadsheet_text(value) if isinstance(value, str) else value


def table_cells(row: ComparisonRow) -> Iterator[tuple[str, ...]]:
    """The cells behind case and run: of the batch that is judged, then of each that is swept."""
    memory_mb = row.peak_mb if row.device_peak_mb is None else row.device_peak_mb
    yield (
        _shown(row.score, lambda value: f"{value:.2f}{' %' if row.is_percent else ''} {row.metric}".rstrip()),
        _shown(row.drop_points, lambda value: f"{value:.2f} pt"),
        _shown(row.sqnr_db, decibels_text),
        NOTHING if row.batch is None else str(row.batch),
        *_costs(row, row.latency_ms, row.samples_per_s, row.speed_up),
        _shown(memory_mb, lambda value: f"{value:,.1f}"),
        _shown(row.size_mb, lambda value: f"{value:,.3g}"),
        f"{row.outcome}, carried over" if row.carried else row.outcome,
    )
    for each in row.sweep:
        costs = _costs(row, each.latency_ms, each.samples_per_s, each.speed_up)
        yield (NOTHING, NOTHING, NOTHING, str(each.batch), *costs, NOTHING, NOTHING, "")


def _costs(
    row: ComparisonRow, latency_ms: float | None, samples_per_s: float | None, speed_up: float | None
) -> tuple[str, str, str]:
    if row.problems:
        return (REFUSED, REFUSED, REFUSED)
    return (
        _shown(latency_ms, three_figures),
        _shown(samples_per_s, three_figures),
        _shown(speed_up, lambda value: f"{value:.2f}"),
    )


def _shown(value: float | None, text: Callable[[float], str]) -> str:
    return NOTHING if value is None else text(value)


def _notes(rows: Sequence[ComparisonRow], ledger: Ledger) -> Iterator[str]:
    """What a reader of the figures has to know."""
    for covers in dict.fromkeys((row.latency_covers, row.concurrency) for row in rows if row.latency_ms is not None):
        at_a_time = "1 call" if covers[1] == 1 else f"{covers[1]} calls"
        yield f"Latency: median of {covers[0]}, of as many samples as its batch, {at_a_time} at a time."
    if any(row.device_peak_mb is not None for row in rows):
        yield "Memory of runs on a device: what was held of the device's."
    shards = ledger.start.get("shards")
    machines = [str(start.get("processor", "")) for start in (shards if isinstance(shards, list) else [ledger.start])]
    if any(machines):
        of_several = " Costs of several machines do not compare." if len(machines) > 1 else ""
        yield f"Measured on {'; '.join(dict.fromkeys(machines))}.{of_several}"
    yield from (
        f"{line[0].upper()}{line[1:]}."
        for lines in (expired_lines, extract_lines, made_here_lines, as_float_lines, carried_lines)
        for line in lines(ledger)
    )
    yield from moved_note(rows)
    for row in rows:
        for problem in row.problems:
            yield f"Refused, {row.case} {row.run}: {problem}"
    standing = standing_of(ledger)
    if standing.word is not Word.PASSES:
        yield f"{standing.heading}: {' '.join(standing.sentences)}"
