"""`qparity accept`: the state of every golden, and writing those that one is told to."""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import sys
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_qparity.commands.json_output import add_json, print_json, stdout_for_json
from pytest_qparity.commands.refusals import usage
from pytest_qparity.golden.accept import GoldenStatus, State, ci_refusal, orphans
from pytest_qparity.progress import working
from pytest_qparity.report.text import one_line, printable, printable_lines

if TYPE_CHECKING:
    import pytest

    from pytest_qparity.gate import CaseMaterial, Settings

EXAMPLES = """examples:
  qparity accept                                     show the state of every golden
  qparity accept --missing                           write the goldens that are missing
  qparity accept cases/digits_resnet.toml --changed  write this case's golden anew
  qparity accept --orphaned                          remove goldens that belong to no case
"""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "accept",
        help="show goldens that are missing, changed or orphaned; write what it is told to",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("cases", nargs="*", type=Path, metavar="CASE", help="case files (default: all)")
    parser.add_argument("--missing", action="store_true", help="write goldens that do not exist")
    parser.add_argument("--changed", action="store_true", help="write goldens that are stale or damaged anew")
    parser.add_argument("--orphaned", action="store_true", help="remove goldens that belong to no case")
    add_json(parser)


def run(config: pytest.Config, options: argparse.Namespace, settings: Settings) -> int:
    """Show the goldens of the cases named (of all, where none is), and write those that the options allow. Exit status:
    0 all are current; 1 not; 2 usage."""
    from pytest_qparity.stash import CASE_FILES

    writes = options.missing or options.changed or options.orphaned
    refusal = ci_refusal(os.environ) if writes else None
    if refusal is not None:
        return usage(refusal)
    case_files = config.stash[CASE_FILES]
    if not case_files:  # with a glob that finds nothing every golden would be an orphan
        return usage(f"got no case file under {config.rootpath}, should be what the ini qparity_cases finds")
    known = {path.resolve(): path for path in sorted((*case_files, *settings.canaries.files))}
    names = [settings.case_name(path) for path in known.values()]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        return usage(f"got two case files named {twice!r}, should have names of their own: goldens are stored by them")
    unknown = [path for path in options.cases if path.resolve() not in known]
    if unknown:
        return usage(f"got {unknown[0]}, should be a case file (ini qparity_cases finds {len(known)})")
    chosen = [known[path.resolve()] for path in options.cases] or list(known.values())
    allowed = {State.MISSING} if options.missing else set()
    allowed |= {State.CHANGED, State.CORRUPT} if options.changed else set()
    told: list[dict[str, Any]] = []
    with stdout_for_json(options):
        settled = [_settle_case(config, settings, path, allowed, told) for path in chosen]
        if not options.cases:
            found = orphans(settings.golden_root, names)
            settled += [_settle_orphan(orphan, told, remove=options.orphaned) for orphan in found]
    if options.json:
        print_json({"current": all(settled), "goldens": told})
    return 0 if all(settled) else 1


def _settle_case(
    config: pytest.Config, settings: Settings, path: Path, allowed: Collection[State], told: list[dict[str, Any]]
) -> bool:
    """Show a case's golden, write it where its state allows; whether it is current now. Kernels have none to show.
    `told` gets what JSON says of it."""
    from pytest_qparity.case.loading import CaseError, ConformanceCase, load_any_case
    from pytest_qparity.gate import CaseMaterial
    from pytest_qparity.verdict import CannotJudge

    shown = path.relative_to(config.rootpath)
    try:
        case = load_any_case(path, settings.roots, settings.contributed, settings.case_name(path))
        if isinstance(case, ConformanceCase):
            return True
        with contextlib.closing(CaseMaterial(case, settings, shown.as_posix())) as material:
            return _settled(material, path, allowed, told)
    except CaseError as error:
        print(printable_lines(error.text(shown)), file=sys.stderr)
        told.append({"case": settings.case_name(path), "state": None, "detail": error.text(shown)})
    except CannotJudge as reason:
        failure = {name: one_line(str(text)) for name, text in reason.failure.as_json().items()}
        print(f"{failure['code']}  {shown}\n{failure['sentence']}\nTry:    {failure['remedy']}", file=sys.stderr)
        told.append({"case": settings.case_name(path), "state": None, "failure": reason.failure.as_json()})
    return False


def _settled(material: CaseMaterial, path: Path, allowed: Collection[State], told: list[dict[str, Any]]) -> bool:
    status = material.golden_status()
    _show(status)
    told.append({"case": status.case, "state": status.state.value, "detail": status.detail, "accepted": False})
    if status.state not in allowed:
        if status.state is State.NEWER:
            print("Try:       pip install --upgrade pytest-qparity")
        elif status.state is not State.CURRENT:
            option = "--missing" if status.state is State.MISSING else "--changed"
            print(f"Try:       qparity accept {shlex.quote(printable(os.path.relpath(path)))} {option}")
        return status.state is State.CURRENT
    with working(f"running the reference of {status.case}"):
        material.accept_golden()
    told[-1] |= {"state": State.CURRENT.value, "detail": material.golden_status().detail, "accepted": True}
    print(f"accepted   {one_line(status.case)}  {one_line(material.golden_status().detail)}")
    return True


def _settle_orphan(orphan: GoldenStatus, told: list[dict[str, Any]], *, remove: bool) -> bool:
    from pytest_qparity.golden.store import remove_golden
    from pytest_qparity.verdict import CannotJudge

    if remove:
        try:
            remove_golden(orphan.folder)
        except CannotJudge as reason:
            print(f"{reason.failure.code.code}  {orphan.case}\n{one_line(reason.failure.sentence)}", file=sys.stderr)
            return False
        print(f"removed    {orphan.case}")
        told.append({"case": orphan.case, "state": "removed", "detail": orphan.detail})
    else:
        _show(orphan)
        told.append({"case": orphan.case, "state": orphan.state.value, "detail": orphan.detail})
    return remove


def _show(status: GoldenStatus) -> None:
    print(f"{status.state.value:<9}  {one_line(status.case)}  {one_line(status.detail)}")
