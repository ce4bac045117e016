"""`qparity diagnose`: which layers of a variant lose the accuracy, why, and what to write into the case file."""

from __future__ import annotations

import argparse
import contextlib
import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_qparity.commands.refusals import say_failure, usage, why_not_written
from pytest_qparity.report.text import printable_lines, wrapped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_qparity.diagnose.diagnosing import Diagnosis, Order
    from pytest_qparity.gate.settings import Settings
    from pytest_qparity.verdict import Failure
    from pytest_qparity.worker.protocol import Worker

EXAMPLES = """examples:
  qparity diagnose cases/textbert.toml ort-int8
  qparity diagnose cases/textbert.toml ort-int8 --html diagnosis.html
  qparity diagnose --float model.onnx --variant model_int8.onnx --data test.npz --batch 8
"""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from pytest_qparity.diagnose import SAMPLES, SHORTLIST

    parser = commands.add_parser(
        "diagnose",
        help="say which layers of a quantized model lose the accuracy, and why",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("case", nargs="?", type=Path, metavar="CASE", help="a case file")
    parser.add_argument("run", nargs="?", metavar="RUN", help="one of its runs, ort-int8 for example")
    parser.add_argument(
        "--float", dest="reference", type=Path, metavar="FILE", help="the float model, where there is no case"
    )
    parser.add_argument("--variant", type=Path, metavar="FILE", help="the quantized ONNX file")
    parser.add_argument("--data", type=Path, metavar="NPZ", help="samples, as arrays by input name")
    parser.add_argument("--calibration", type=Path, metavar="NPZ", help="the samples that its ranges were found on")
    parser.add_argument("--batch", type=int, default=1, help="samples that are fed at once (default: 1)")
    parser.add_argument("--samples", type=int, default=SAMPLES, help=f"how many at most (default: {SAMPLES})")
    parser.add_argument(
        "--shortlist",
        type=int,
        default=SHORTLIST,
        help=f"suspects that are tried, a pass of the variant each (default: {SHORTLIST})",
    )
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page with charts, one file, to FILE")
    parser.add_argument(
        "--save-model", type=Path, metavar="FILE", help="write the variant and what was found in it, for Netron"
    )
    parser.add_argument("--json", action="store_true", help="print all of it as JSON")
    parser.add_argument("--force", action="store_true", help="take the place of files that are there")


def run(options: argparse.Namespace, settings: Settings | None) -> int:
    """Exit status: 0 diagnosed; 1 cannot be diagnosed; 2 usage. `settings`: where a case is named."""
    from pytest_qparity.case.loading import CaseError
    from pytest_qparity.diagnose.orders import UnknownRun
    from pytest_qparity.verdict import CannotJudge

    refusal = _refusal(options)
    if refusal is not None:
        return usage(refusal)
    try:
        found = _of_files(options) if settings is None else _of_run(options, settings)
        _write_page(found, options)
    except UnknownRun as wrong:
        return usage(str(wrong))
    except CaseError as error:
        print(printable_lines(error.text(options.case)), file=sys.stderr)
        return 2
    except CannotJudge as reason:
        _say_failure(reason.failure, options)
        return 1
    except OSError as error:
        return usage(f"got {error.strerror or error} ({error.filename or 'a file'}), should be room to write")
    _show(found, options)
    return 0


def _refusal(options: argparse.Namespace) -> str | None:
    files = {"--float": options.reference, "--variant": options.variant, "--data": options.data}
    named = [name for name, path in files.items() if path is not None]
    if options.case is not None and named:
        return f"got a case and {named[0]}, should be one of them"
    if options.case is not None and options.run is None:
        case_file = shlex.quote(str(options.case))
        return f"got {options.case} without a run, should be both: qparity diagnose {case_file} ort-int8"
    missing = [name for name, path in files.items() if path is None]
    if options.case is None and missing:
        return f"got no {missing[0]}, should be a case and a run, or --float, --variant and --data"
    for name in ("batch", "samples", "shortlist"):
        if getattr(options, name) < 1:
            return f"got --{name} {getattr(options, name)}, should be 1 or more"
    sources = [options.case, options.reference, options.variant, options.data, options.calibration]
    for written, role in ((options.html, "for --html"), (options.save_model, "for --save-model")):
        refusal = None if written is None else why_not_written(written, role, sources, force=options.force)
        if refusal is not None:
            return refusal
    return None


def _of_run(options: argparse.Namespace, settings: Settings) -> Diagnosis:
    from pytest_qparity.case.loading import load_case
    from pytest_qparity.diagnose.orders import diagnose_run, run_named

    case = load_case(options.case, settings.roots, settings.contributed, settings.case_name(options.case))
    chosen = run_named(case, options.run, settings)
    with _progress() as told:
        return diagnose_run(
            case,
            chosen,
            settings,
            samples=options.samples,
            shortlist=options.shortlist,
            told=told,
            work=lambda order, worker, found: _save_model(order, worker, found, options),
        )


def _of_files(options: argparse.Namespace) -> Diagnosis:
    from pytest_qparity.diagnose.orders import Files, diagnose_files
    from pytest_qparity.worker.limits import Limits
    from pytest_qparity.worker.process import WorkerProcess

    files = Files(options.reference, options.variant, options.data, options.calibration, options.batch)
    with contextlib.closing(WorkerProcess(Limits())) as worker, _progress() as told:
        return diagnose_files(
            files,
            worker,
            samples=options.samples,
            shortlist=options.shortlist,
            told=told,
            work=lambda order, worker, found: _save_model(order, worker, found, options),
        )


def _save_model(order: Order, worker: Worker, found: Diagnosis, options: argparse.Namespace) -> None:
    from pytest_qparity.diagnose.annotating import save_annotated

    if options.save_model is not None:
        save_annotated(found, order.variant, options.save_model, worker)


def _write_page(found: Diagnosis, options: argparse.Namespace) -> None:
    from pytest_qparity.durable import write_bytes
    from pytest_qparity.report.diagnosis_html import diagnosis_html

    if options.html is not None:
        write_bytes(options.html, diagnosis_html(found, _subject(options)).encode())


def _show(found: Diagnosis, options: argparse.Namespace) -> None:
    from pytest_qparity.report.diagnosis_text import diagnosis_text

    if options.json:
        print(json.dumps({"subject": _subject(options), **found.as_json()}, indent=2, allow_nan=False))
        return
    print(diagnosis_text(found, _subject(options)), end="")
    for path in (options.html, options.save_model):
        if path is not None:
            print(wrapped("written    ", str(path)))


def _subject(options: argparse.Namespace) -> str:
    if options.case is not None:
        return f"{options.case} {options.run}"
    return f"{options.variant} against {options.reference}"


def _say_failure(failure: Failure, options: argparse.Namespace) -> None:
    if options.json:
        print(json.dumps({"failure": failure.as_json()}, indent=2))
    else:
        say_failure(failure)


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[str, float], None]]:
    """A line on a terminal that says how far it is; nothing anywhere else."""
    if not sys.stderr.isatty():
        yield lambda _, __: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("diagnosing", total=1.0)

        def told(phase: str, share: float) -> None:
            bar.update(task, description=phase, completed=share)

        yield told
