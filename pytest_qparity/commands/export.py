"""`qparity export` and `qparity verify`: a judged run as a folder to release, and the check of such a folder."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_qparity.commands.json_output import add_json, print_failure, print_json
from pytest_qparity.commands.refusals import say_failure, usage
from pytest_qparity.ledger.waivers import is_expired, today_utc
from pytest_qparity.report.text import one_line, printable_lines

if TYPE_CHECKING:
    from pytest_qparity.gate.settings import Settings
    from pytest_qparity.verdict import Failure

EXPORT_EXAMPLES = """examples:
  qparity export cases/digits_resnet.toml ort-int8-fast -o release/
  qparity export cases/digits_resnet.toml::ort-int8-fast --sign release.key -o release/
"""
VERIFY_EXAMPLES = """examples:
  qparity verify release/
  qparity verify release/ --key release.pub
"""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    exporting = commands.add_parser(
        "export",
        help="write the variant of a run that passed, with its verdict, as a folder to release",
        epilog=EXPORT_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    exporting.add_argument("run", nargs="+", metavar="RUN", help="a case file and one of its runs, or CASE::RUN")
    exporting.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="a folder that is not there")
    exporting.add_argument(
        "--ledger",
        type=Path,
        default=Path(".qparity/ledger.json"),
        metavar="FILE",
        help="the ledger in which the run passed (default: .qparity/ledger.json)",
    )
    exporting.add_argument("--waived", action="store_true", help="take a run of which checks are waived")
    exporting.add_argument("--expired", action="store_true", help="with --waived: also where a waiver has ended since")
    exporting.add_argument("--sign", type=Path, metavar="KEY", help="sign with a private key in PEM")
    add_json(exporting)
    verifying = commands.add_parser(
        "verify",
        help="check that a release is what was exported",
        epilog=VERIFY_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verifying.add_argument("folder", type=Path, metavar="DIR", help="what qparity export wrote")
    verifying.add_argument("--key", type=Path, metavar="KEY", help="the public key, in PEM, that must have signed it")
    add_json(verifying)


def export_run(options: argparse.Namespace, settings: Settings, root: Path) -> int:
    """Exit status: 0 written; 1 the run is not to be shipped; 2 usage."""
    from pytest_qparity.case.loading import CaseError, load_case
    from pytest_qparity.ledger import LedgerError
    from pytest_qparity.shipping.exporting import export
    from pytest_qparity.verdict import CannotJudge

    path, run = _named(options.run)
    if not path or not run:
        return usage(f"got {' '.join(options.run)!r}, should be a case file and one of its runs: cases/x.toml ort-int8")
    case_file = Path(path).resolve()
    if not case_file.is_relative_to(root):
        return usage(f"got {path}, should be a case file below {root}")
    refusal = _not_written(options.output)
    if refusal is not None:
        return usage(refusal)
    if options.expired and not options.waived:
        return usage("got --expired without --waived, should be both")
    today = None if options.expired else today_utc()
    name = f"{case_file.relative_to(root).as_posix()}::{run}"
    try:
        case = load_case(case_file, settings.roots, settings.contributed, settings.case_name(case_file))
        takes: dict[str, Any] = {"waived": options.waived, "today": today, "key": options.sign}
        shipped = export(options.ledger, name, case, settings, options.output, **takes)
    except CaseError as error:
        print(printable_lines(error.text(Path(path))), file=sys.stderr)
        return 2
    except CannotJudge as reason:
        print_failure(reason.failure, options)
        return _refused(reason.failure, name)
    except LedgerError as error:
        return usage(str(error))
    except OSError as error:
        return usage(f"got {error.strerror or error} ({error.filename or options.output}), should be room to write")
    if options.json:
        told = _as_json(shipped.run, shipped.outcome, shipped.digest, shipped.waivers)
        print_json({"exported": str(options.output), **told, "signed": options.sign is not None})
        return 0
    signed = ", signed" if options.sign is not None else ""
    print(f"exported   {one_line(str(options.output))}  {one_line(shipped.run)}  {shipped.outcome}{signed}")
    print(f"variant    SHA-256 {shipped.digest}")
    _show_waivers(shipped.waivers)
    return 0


def verify_release(options: argparse.Namespace) -> int:
    """Exit status: 0 every byte is as exported, and signed by the key where one is given; 1 it is not; 2 usage."""
    from pytest_qparity.shipping.verifying import verify
    from pytest_qparity.verdict import CannotJudge

    if not options.folder.is_dir():
        return usage(f"got {options.folder}, should be a folder that qparity export wrote")
    try:
        found = verify(options.folder, options.key)
    except CannotJudge as reason:
        print_failure(reason.failure, options)
        return _refused(reason.failure, str(options.folder))
    except OSError as error:
        return usage(f"got {error.strerror or error} ({error.filename or options.folder}), should be readable")
    run = found.run
    if options.json:
        told = _as_json(run.name, run.outcome, run.digest, run.waivers)
        signed = {"signed": found.signed, "key_id": found.key_id}
        print_json({"verified": str(options.folder), **told, "files": len(found.files), **signed})
        return 0
    print(f"verified   {one_line(str(options.folder))}  {one_line(run.name)}  {run.outcome}, {len(found.files)} files")
    print(f"variant    SHA-256 {run.digest}")
    _show_waivers(run.waivers)
    if found.key_id is not None:
        print(f"signed     by key {found.key_id}")
    elif found.signed:
        print("signed     by whom is not checked: give --key")
    else:
        print("not signed: that its files belong together is shown, not who wrote them")
    return 0


def _show_waivers(waivers: Iterable[tuple[str, str]]) -> None:
    for check, waiver in waivers:
        ended = ", which has expired since" if is_expired(waiver, today_utc()) else ""
        print(f"waived     {check}: {one_line(waiver)}{ended}")


def _as_json(run: str, outcome: str, digest: str, waivers: Iterable[tuple[str, str]]) -> dict[str, object]:
    today = today_utc()
    told = [{"check": check, "waiver": waiver, "expired": is_expired(waiver, today)} for check, waiver in waivers]
    return {"run": run, "outcome": str(outcome), "sha256": digest, "waivers": told}


def _named(stated: list[str]) -> tuple[str, str]:
    """Case file and run; empty where none is named."""
    if len(stated) == 1:
        path, _, run = stated[0].partition("::")
        return path, run
    return (stated[0], stated[1]) if len(stated) == 2 else ("", "")


def _not_written(output: Path) -> str | None:
    if output.is_symlink() or (output.exists() and not output.is_dir()):
        return f"got a file or link at {output}, should be a folder that is not there"
    if output.is_dir() and any(output.iterdir()):
        return f"got a folder with files in it at {output}, should be none yet: name another"
    return None


def _refused(failure: Failure, what: str) -> int:
    """A key or a package that is not there says nothing of the run or the release: usage."""
    from pytest_qparity.verdict import Code

    say_failure(failure, what)
    return 2 if failure.code is Code.SHIP_SIGNING else 1
