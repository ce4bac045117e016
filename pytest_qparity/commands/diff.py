"""`qparity diff`: what changed between two ledgers."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from pytest_qparity.commands.refusals import usage

EXAMPLES = """examples:
  qparity diff main.json .qparity/ledger.json
  qparity diff main.json .qparity/ledger.json --json

exit status: 0 the same or better; 1 something is worse, gone, or cannot be told; 2 wrong usage, or no ledgers
"""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "diff",
        help="tell what changed between two ledgers, and whether anything is worse",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("before", type=Path, metavar="OLD", help="the earlier ledger")
    parser.add_argument("after", type=Path, metavar="NEW", help="the later one")
    parser.add_argument("--json", action="store_true", help="print all of it as JSON")


def run(options: argparse.Namespace) -> int:
    """Exit status: 0 the same or better; 1 something is worse, is gone, or cannot be told; 2 usage, or no ledgers."""
    from pytest_qparity.ledger import LedgerError, read_ledger
    from pytest_qparity.report.diff import difference
    from pytest_qparity.report.diff_text import difference_json, difference_text

    ledgers = []
    for path in (options.before, options.after):
        try:
            ledgers.append(read_ledger(path))
        except OSError as error:
            return usage(f"got {error.strerror or error} ({path}), should be a ledger")
        except LedgerError as error:
            return usage(f"{path}: {error}")
    found = difference(*ledgers)
    if options.json:
        print(json.dumps(difference_json(found), indent=2, ensure_ascii=False))
    else:
        print(difference_text(found), end="")
    return 0 if found.is_same_or_better else 1
