"""`qparity history`: the figures of many ledgers over time, and where they changed."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from pathlib import Path

from pytest_qparity.commands.json_output import add_json, print_json
from pytest_qparity.commands.refusals import usage
from pytest_qparity.report.text import one_line, wrapped

EXAMPLES = """examples:
  qparity history add .qparity/ledger.json    at the end of each night
  qparity history show
  qparity history show --case digits_resnet --json
"""
FILE = Path("history.jsonl")


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "history",
        help="keep the figures of ledgers over time, and tell where they changed",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    adding = actions.add_parser("add", help="append what decides of a ledger")
    adding.add_argument("ledger", type=Path, metavar="LEDGER", help="a ledger, whether or not it passes")
    add_json(adding)
    showing = actions.add_parser("show", help="print every series, and since when its level is another one")
    showing.add_argument("--case", metavar="NAME", help="of this case alone")
    showing.add_argument("--json", action="store_true", help="print all points and changes as JSON")
    for each in (adding, showing):
        each.add_argument("--file", type=Path, default=FILE, metavar="FILE", help=f"the history (default: {FILE})")


def run(options: argparse.Namespace) -> int:
    """Exit status: 0 added, there already, or shown; 1 shown, but changes cannot be told; 2 usage, or no ledger or
    history to read."""
    from pytest_qparity.ledger import LedgerError
    from pytest_qparity.report.history import HistoryError

    try:
        return _add(options) if options.action == "add" else _show(options)
    except OSError as error:
        return usage(f"got {error.strerror or error} ({error.filename or options.file}), should be a file to read")
    except (LedgerError, HistoryError) as error:
        return usage(str(error))


def _add(options: argparse.Namespace) -> int:
    from pytest_qparity.report.history import add_ledger
    from pytest_qparity.verdict import counted

    entry = add_ledger(options.ledger, options.file)
    if options.json:
        added = {} if entry is None else {"time": entry.time, "runs": len(entry.runs), "passes": entry.passes}
        print_json({"added": entry is not None, "ledger": str(options.ledger), **added})
        return 0
    if entry is None:
        print(f"there already  {one_line(str(options.ledger))}")
        return 0
    told = "passes" if entry.passes else "does not pass"
    print(f"added      {one_line(entry.time)}  {counted(len(entry.runs), 'run')}, {told}")
    return 0


def _show(options: argparse.Namespace) -> int:
    from pytest_qparity.report.change_points import change_points
    from pytest_qparity.report.history import read_history, series_of
    from pytest_qparity.report.history_text import history_json, history_text
    from pytest_qparity.verdict import CannotJudge

    all_series = series_of(read_history(options.file))
    chosen = [series for series in all_series if options.case in (None, series.case)]
    if not chosen:
        asked = "" if options.case is None else f" of case {options.case}"
        return usage(f"got no series{asked} in {options.file}, should be one: qparity history add LEDGER")
    status = 0
    try:
        watched = [(series, change_points(series)) for series in chosen]
    except CannotJudge as reason:
        failure, status = reason.failure, 1
        print(f"{failure.code.code}  {failure.sentence}\n{wrapped('Try:    ', failure.remedy)}", file=sys.stderr)
        watched = [(series, ()) for series in chosen]
    if options.json:
        print(json.dumps(history_json(watched), indent=2, ensure_ascii=False))
    else:
        width = shutil.get_terminal_size().columns
        colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        print(history_text(watched, width=width, colour=colour), end="")
    return status
