"""`qparity lint`: will the engine take this file, and run it as it is meant? Told without the engine."""

from __future__ import annotations

import argparse
import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_qparity.checks.linting.finding import refused, rules_of
from pytest_qparity.checks.linting.linting import TARGETS
from pytest_qparity.commands.refusals import say_failure, usage, why_not_written
from pytest_qparity.report.text import wrapped

if TYPE_CHECKING:
    from pytest_qparity.gate.linting import Linted

EXAMPLES = """examples:
  qparity lint model.onnx --target trt11
      will TensorRT 11 import it, and fuse its Q/DQ nodes?
  qparity lint model.onnx --target trt10 --fix fixed.onnx
      mend what can be mended exactly, and look again
  qparity lint model.onnx --target ort --json
      the same as JSON, for ONNX Runtime
  qparity lint model.onnx --target trt11 --sarif > lint.sarif
      the same for code scanning

exit status: 0 accepted; 1 refused, or no model; 2 wrong usage
"""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "lint",
        help="say what an engine will refuse in a file, or run otherwise than it is meant",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help="the ONNX file")
    parser.add_argument("--target", required=True, choices=tuple(TARGETS), help="the engine whose rules are held")
    parser.add_argument("--fix", type=Path, metavar="FILE", help="where the file goes with what is safe to mend mended")
    parser.add_argument("--force", action="store_true", help="take the place of a file that is there")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print the findings as JSON")
    form.add_argument("--sarif", action="store_true", help="print the findings as SARIF 2.1.0")


def run(options: argparse.Namespace) -> int:
    """Exit status: 0 accepted; 1 refused, or no model; 2 usage."""
    from pytest_qparity.gate.linting import lint
    from pytest_qparity.progress import working
    from pytest_qparity.verdict import CannotJudge
    from pytest_qparity.worker.limits import Limits
    from pytest_qparity.worker.process import WorkerProcess

    if options.fix is not None:
        refusal = why_not_written(options.fix, "for --fix", [options.model], force=options.force)
        if refusal is not None:
            return usage(refusal)
    try:
        with working("reading"), contextlib.closing(WorkerProcess(Limits())) as worker:
            found = lint(options.model, options.target, worker, options.fix)
    except CannotJudge as reason:
        if options.sarif:
            from pytest_qparity.report.sarif import failure_sarif

            print(failure_sarif(reason.failure, options.model), end="")
        elif options.json:
            print(json.dumps({"failure": reason.failure.as_json()}, indent=2))
        else:
            say_failure(reason.failure)
        return 1
    except OSError as error:
        return usage(f"got {error.strerror or error} ({error.filename or options.fix}), should be room to write")
    if options.sarif:
        from pytest_qparity.report.sarif import findings_sarif

        is_mended = found.fixed is not None and found.fixed.done
        print(findings_sarif(found.findings, options.fix if is_mended else options.model), end="")
    elif options.json:
        print(json.dumps(_as_json(found, options), indent=2))
    else:
        _show(found, options)
    return 1 if refused(found.findings) else 0


def _as_json(found: Linted, options: argparse.Namespace) -> dict[str, object]:
    """Plain values; `findings` are those of the mended file where one was written."""
    stated: dict[str, object] = {
        "model": str(options.model),
        "sha256": found.digest,
        "target": options.target,
        "accepted": not refused(found.findings),
        "findings": [finding.as_json() for finding in found.findings],
    }
    if found.fixed is not None:
        written = str(options.fix) if found.fixed.done else None
        stated["fix"] = {"written": written, "done": list(found.fixed.done), "left": list(found.fixed.left)}
    return stated


def _show(found: Linted, options: argparse.Namespace) -> None:
    """A paragraph a rule, what is refused first; then what was mended, and the sum."""
    for rule, findings in rules_of(found.findings).items():
        print(wrapped(f"{rule.id}  ", f"{rule.weight.value}: {rule.title}"))
        for finding in findings:
            print(wrapped("  ", f"{finding.node}: {finding.sentence}", hanging="    "))
        print(wrapped("  Try:    ", rule.remedy))
        print(wrapped("  Source: ", rule.source), end="\n\n")
    made, shown = found.fixed, options.model
    if made is not None:
        for text in made.done:
            print(wrapped("mended     ", text))
        for text in made.left:
            print(wrapped("left       ", text))
        if made.done:
            shown = options.fix
            print(wrapped("written    ", str(options.fix)))
        else:
            print("mended     nothing; no file was written")
    refusals = len(refused(found.findings))
    answer = "refused" if refusals else "accepted"
    warnings = len(found.findings) - refusals
    print(wrapped(f"{answer:<11}", f"{shown} for {TARGETS[options.target]}: {refusals} refused, {warnings} warned"))
