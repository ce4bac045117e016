"""`qparity baseline`: what later runs must not be worse than, kept from a ledger."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_qparity.commands.json_output import add_json, print_json, stdout_for_json
from pytest_qparity.commands.refusals import usage
from pytest_qparity.report.text import one_line
from pytest_qparity.verdict import counted

if TYPE_CHECKING:
    from pytest_qparity.baseline.file import Baseline
    from pytest_qparity.report.baselines import Saved

EXAMPLES = """examples:
  qparity baseline save main                          of .qparity/ledger.json, as baselines/main.json
  qparity baseline save main --from main-ledger.json  of the main branch's artifact
  pytest --backend=ort --qparity-baseline=baselines/main.json
"""
FOLDER = Path("baselines")
LEDGER = Path(".qparity/ledger.json")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "baseline",
        help="keep the figures of a ledger, so that later runs are held against them",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    saving = actions.add_parser(
        "save", help="write what decides of a ledger's runs, in place of what stood there of them"
    )
    saving.add_argument("name", metavar="NAME", help="of the baseline: FOLDER/NAME.json; .json may be part of it")
    saving.add_argument(
        "--from", dest="ledger", type=Path, default=LEDGER, metavar="LEDGER", help=f"a ledger (default: {LEDGER})"
    )
    saving.add_argument("--folder", type=Path, default=FOLDER, metavar="DIR", help=f"where to (default: {FOLDER})")
    saving.add_argument(
        "--partial", action="store_true", help="of a ledger that does not pass, or is cut: those runs that pass whole"
    )
    saving.add_argument(
        "--allow-no-speed",
        action="store_true",
        help="save runs whose speed-up over fp32 nothing bounds, too: no later speed can be judged by them",
    )
    add_json(saving)


def run(options: argparse.Namespace) -> int:
    """Exit status: 0 written; 1 the ledger does not pass, lacks a speed-up, or holds nothing to save; 2 usage, or no
    ledger to read."""
    from pytest_qparity.baseline.file import BaselineError, baseline_text
    from pytest_qparity.durable import require_room, write_bytes
    from pytest_qparity.ledger import LedgerError, read_ledger
    from pytest_qparity.report.baselines import Unbounded, saved, saved_in_part
    from pytest_qparity.report.standing import expired_lines

    if not _NAME.fullmatch(options.name):
        return usage(f"got the name {options.name!r}, should be letters, digits, dots, hyphens and underscores")
    target: Path = options.folder / f"{options.name.removesuffix('.json')}.json"
    try:
        require_room(target)
        ledger = read_ledger(options.ledger)
        older = _older(target)
    except OSError as error:
        return usage(f"got {error.strerror or error} ({error.filename or options.ledger}), should be a regular file")
    except (LedgerError, BaselineError) as error:
        return usage(str(error))
    try:
        unbounded = Unbounded.ALLOWED if options.allow_no_speed else Unbounded.REFUSED
        new = (saved_in_part if options.partial else saved)(ledger, older, unbounded)
    except BaselineError as error:
        usage(str(error))
        return 1
    try:
        write_bytes(target, baseline_text(new.runs).encode())
    except OSError as error:
        return usage(f"got {error.strerror or error} ({error.filename or target}), should be room to write")
    kept = len(new.runs) - new.written
    ended = list(expired_lines(ledger))
    with stdout_for_json(options):
        for line in ended:
            print(one_line(line))
        _show(new, target, kept)
    if options.json:
        names = ("left_out", "dropped", "kept_speed", "without_speed", "without_figures")
        named = {name: list(getattr(new, name)) for name in names}
        print_json({"written": str(target), "runs": new.written, "kept": kept, **named, "expired": ended})
    return 0


def _show(new: Saved, target: Path, kept: int) -> None:
    for what, names in (("left out", new.left_out), ("dropped", new.dropped)):
        for name in names:
            print(f"{what:<10} {one_line(name)}")
    for name in new.kept_speed:
        print(f"kept speed {one_line(name)}: nothing bounds it in this session, that of the older line stays")
    for name in new.without_speed:
        print(f"no speed   {one_line(name)}: nothing bounds its speed-up over fp32, later ones cannot be judged by it")
    for name in new.without_figures:
        print(f"no figure  {one_line(name)} was judged and gave none: later runs that have one cannot be judged by it")
    print(f"written    {one_line(str(target))}  {counted(new.written, 'run')}{f', {kept} of before' if kept else ''}")


def _older(target: Path) -> Baseline | None:
    from pytest_qparity.baseline.file import parsed_baseline

    try:
        return parsed_baseline(target.read_text(encoding="utf-8"), target)
    except FileNotFoundError:
        return None
