"""`qparity report`: a ledger as a page, a summary, a table, rows, annotations or a badge."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_qparity.commands.json_output import add_json
from pytest_qparity.commands.refusals import usage
from pytest_qparity.report.added import added_sections
from pytest_qparity.report.faces import FACES, FaceError, face_of, write_report
from pytest_qparity.report.html.beside import BesideError, diagnosis_in, trends_in
from pytest_qparity.report.text import printable

if TYPE_CHECKING:
    from pytest_qparity.ledger import Ledger
    from pytest_qparity.report.added import ReportSection

EXAMPLES = """examples:
  qparity report -o report.html                    the page that a release's owner reads
  qparity report -o summary.md -o badge.svg        several at once
  qparity report -o r.html --diagnosis d.json --history history.jsonl
  qparity report --table                           runs, accuracy, latency, throughput, memory, as Markdown
  qparity report merged.json --table --csv         of another ledger, for a spreadsheet

what FILE ends in:
"""
DEFAULT = Path(".qparity/ledger.json")


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    kinds = "\n".join(f"  {face.ending:<18} {face.what}" for face in FACES)
    parser = commands.add_parser(
        "report",
        help="write reports of a ledger, or print its comparison table",
        epilog=EXAMPLES + kinds,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("ledger", nargs="?", type=Path, default=DEFAULT, help=f"a ledger (default: {DEFAULT})")
    parser.add_argument(
        "-o", "--output", action="append", type=Path, default=[], metavar="FILE", help="a report to write; repeatable"
    )
    parser.add_argument(
        "--diagnosis",
        action="append",
        type=Path,
        default=[],
        metavar="FILE",
        help="of the page: the error by layer, as qparity diagnose --json printed it; repeatable",
    )
    parser.add_argument("--history", type=Path, metavar="FILE", help="of the page: a history, whose series are drawn")
    parser.add_argument("--table", action="store_true", help="print the comparison table; 1 where a row is refused")
    form = parser.add_mutually_exclusive_group()
    for name in _forms():
        as_it_is = ", as it is where nothing is said" if name == "markdown" else ""
        form.add_argument(f"--{name}", action="store_true", help=f"the table as {name}{as_it_is}")
    add_json(form)


def shows_sections(options: argparse.Namespace) -> bool:
    """Whether sections of plugins have a place in what is asked for; where they have none nobody looks for them."""
    if options.output:
        return any(path.name.lower().endswith(face.ending) for path in options.output for face in FACES if face.beside)
    return not (options.json or options.table)


def run(options: argparse.Namespace, sections: Sequence[ReportSection]) -> int:
    """`sections`: those that plugins add.

    Exit status: 0 written, whatever the ledger says; 1 the table holds a row that cannot be true; 2 usage, or no
    ledger."""
    from pytest_qparity.ledger import LedgerError, read_ledger

    chosen = [name for name in _forms() if getattr(options, name)]
    if chosen and not options.table:
        return usage(f"got --{chosen[0]} without --table, should be both")
    refusal = _refusal(options)
    if refusal:
        return usage(refusal)
    try:
        ledger = read_ledger(options.ledger)
    except OSError as error:
        return usage(f"got {error.strerror or error} ({error.filename or options.ledger}), should be a ledger")
    except LedgerError as error:
        return usage(str(error))
    try:
        beside = {**_beside(options), "sections": added_sections(ledger, sections)}
        return _report(ledger, options, chosen[0] if chosen else "markdown", beside)
    except BesideError as error:
        return usage(str(error))
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        told = f"got {options.ledger} of which no report can be made ({type(error).__name__}: {error})"
        return usage(f"{told}, should be what pytest --backend=… writes")


def _report(ledger: Ledger, options: argparse.Namespace, form: str, beside: Mapping[str, Any]) -> int:
    for path in options.output:
        try:
            write_report(ledger, path, Path.cwd(), beside)
        except OSError as error:
            return usage(f"got {error.strerror or error} ({error.filename or path}), should be room to write")
        print(f"written    {printable(str(path))}", file=sys.stderr)
    if options.json:
        from pytest_qparity.report.document import summary_json

        print(summary_json(ledger, Path.cwd()), end="")
        return 0
    if options.table:
        return _print_table(ledger, form)
    if not options.output:
        from pytest_qparity.report.added_text import added_text
        from pytest_qparity.report.standing import standing_of
        from pytest_qparity.report.terminal import summary

        print(summary(ledger, width=shutil.get_terminal_size().columns, colour=False), end="")
        print(added_text(beside["sections"], width=shutil.get_terminal_size().columns, colour=False), end="")
        standing = standing_of(ledger)
        print(f"{standing.heading}: {printable(' '.join(standing.sentences))}")
    return 0


def _refusal(options: argparse.Namespace) -> str:
    """Before any is written: which report cannot be."""
    for path in options.output:
        if path.resolve() == options.ledger.resolve():
            return f"got {path} as report too, should be another file: it is the ledger"
        try:
            face_of(path)
        except FaceError as error:
            return str(error)
    if (options.diagnosis or options.history) and not any(
        "diagnoses" in face_of(path).beside for path in options.output
    ):
        return "got --diagnosis or --history without a page, should be beside -o FILE.html"
    return ""


def _beside(options: argparse.Namespace) -> Mapping[str, Any]:
    return {
        "diagnoses": [diagnosis_in(path) for path in options.diagnosis],
        "trends": [] if options.history is None else trends_in(options.history),
    }


def _forms() -> Mapping[str, Callable[[Ledger], str]]:
    from pytest_qparity.report.table import comparison_csv, comparison_latex, comparison_markdown

    return {"markdown": comparison_markdown, "csv": comparison_csv, "latex": comparison_latex}


def _print_table(ledger: Ledger, form: str) -> int:
    from pytest_qparity.report.comparison import comparison_rows

    print(_forms()[form](ledger), end="")
    refused = [row for row in comparison_rows(ledger) if row.problems]
    for row in refused:
        print(f"qparity: {printable(f'{row.case} {row.run}: {row.problems[0]}')}", file=sys.stderr)
    return 1 if refused else 0
