"""`qparity explain`: what a failure code means, where it comes from, what to do."""

from __future__ import annotations

import argparse
import difflib
import json
import shutil
import sys
from collections.abc import Sequence

from pytest_qparity.commands.refusals import usage

WIDEST = 100  # columns; longer lines are hard to read
EXAMPLES = """examples:
  qparity explain QP-ACC-001
  qparity explain                  every code, a line each
  qparity explain --json           the same with all that is said of them
"""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "explain",
        help="say what a failure code means, where it comes from and what to do",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("codes", nargs="*", metavar="CODE", help="failure codes (default: a list of all)")
    parser.add_argument("--json", action="store_true", help="print a list of objects")


def run(options: argparse.Namespace) -> int:
    """Exit status: 0 all were explained; 2 usage: a code that there is not."""
    from pytest_qparity.report.explanations import explanation_text, explanations

    known = explanations()
    wanted = [code.upper() for code in options.codes]
    for code in wanted:
        if code not in known:
            return usage(_unknown(code, list(known)))
    chosen = [known[code] for code in wanted or known]
    if options.json:
        print(json.dumps([each.as_json() for each in chosen], indent=2, ensure_ascii=False))
    elif wanted:
        width = min(WIDEST, shutil.get_terminal_size().columns)
        print("\n\n".join(explanation_text(each, width=width) for each in chosen))
    else:
        print("\n".join(f"{each.code:<14}  {each.outcome:<13}  {each.title}" for each in chosen))
        print("qparity explain CODE says more of one", file=sys.stderr)
    return 0


def _unknown(code: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(code, known, n=1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    return f"got {code}, should be a failure code{hint}: qparity explain lists all"
