"""`qparity rescue`: the smallest change with which a run passes the gate."""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_qparity.commands.refusals import say_failure, usage, why_not_written
from pytest_qparity.report.text import one_line, printable_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_qparity.case.loading import Case
    from pytest_qparity.gate.planning import Run
    from pytest_qparity.gate.settings import Settings
    from pytest_qparity.precision.variants import Variant
    from pytest_qparity.rescue.result import Rescue

EXAMPLES = """examples:
  qparity rescue cases/digits_resnet.toml ort-int8
  qparity rescue cases/digits_resnet.toml ort-int8 --output mended.onnx
  qparity rescue cases/silero.toml ort-int8 --minutes 20 --evaluations 100
"""
INTERRUPTED = 130  # what a shell says of a process that Ctrl-C ended


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from pytest_qparity.rescue.result import Limits

    standard = Limits()
    parser = commands.add_parser(
        "rescue",
        help="find the smallest set of nodes to keep float with which a run passes",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("case", type=Path, metavar="CASE", help="a case file")
    parser.add_argument("run", metavar="RUN", help="one of its runs that fails, ort-int8 for example")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the variant that passes to FILE")
    parser.add_argument(
        "--evaluations",
        type=int,
        default=standard.evaluations,
        help=f"passes through the gate at most (default: {standard.evaluations})",
    )
    parser.add_argument(
        "--minutes", type=float, default=standard.minutes, help=f"at most (default: {standard.minutes:g})"
    )
    parser.add_argument(
        "--most-float",
        type=float,
        default=100.0 * standard.most_float,
        metavar="PERCENT",
        help=f"of the quantized nodes that may become float (default: {100.0 * standard.most_float:g})",
    )
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page with the Pareto front's plot to FILE")
    parser.add_argument("--json", action="store_true", help="print all of it as JSON")
    parser.add_argument("--force", action="store_true", help="take the place of a file that is there")


def run(options: argparse.Namespace, settings: Settings, folder: Path) -> int:
    """Exit status: 0 passes now; 1 does not, within the budget, or cannot be judged; 2 usage; 130 interrupted.

    folder: where journals lie.
    """
    from pytest_qparity.case.loading import CaseError, load_case
    from pytest_qparity.diagnose.orders import UnknownRun, run_named
    from pytest_qparity.verdict import CannotJudge

    refusal = _refusal(options)
    if refusal is not None:
        return usage(refusal)
    try:
        case = load_case(options.case, settings.roots, settings.contributed, settings.case_name(options.case))
        chosen = run_named(case, options.run, settings)
        found = _rescued(case, chosen, settings, folder, options)
    except UnknownRun as wrong:
        return usage(str(wrong))
    except CaseError as error:
        print(printable_lines(error.text(options.case)), file=sys.stderr)
        return 2
    except CannotJudge as reason:
        say_failure(reason.failure, f"{options.case}  {options.run}")
        return 1
    except KeyboardInterrupt:
        print("\nqparity: interrupted; the same command goes on where it was", file=sys.stderr)
        return INTERRUPTED
    except OSError as error:
        return usage(f"got {error.strerror or error} ({error.filename or 'a file'}), should be room to write")
    return 0 if found.rescued else 1


def _refusal(options: argparse.Namespace) -> str | None:
    if options.evaluations < 1:
        return f"got --evaluations {options.evaluations}, should be 1 or more"
    if not options.minutes > 0:
        return f"got --minutes {options.minutes:g}, should be more than 0"
    if not 0 < options.most_float <= 100:
        return f"got --most-float {options.most_float:g}, should be more than 0, and 100 at most"
    beside = [] if options.output is None else [options.output]
    for written, role, others in ((options.output, "as output", []), (options.html, "for --html", beside)):
        sources = [options.case, *others]
        refusal = None if written is None else why_not_written(written, role, sources, force=options.force)
        if refusal is not None:
            return refusal
    return None


def _rescued(case: Case, chosen: Run, settings: Settings, folder: Path, options: argparse.Namespace) -> Rescue:
    from pytest_qparity.durable import write_bytes
    from pytest_qparity.gate import CaseMaterial
    from pytest_qparity.report.rescue_html import rescue_html
    from pytest_qparity.report.rescue_text import rescue_text
    from pytest_qparity.rescue.candidate import Candidate
    from pytest_qparity.rescue.rescuing import rescue
    from pytest_qparity.rescue.result import Limits

    limits = Limits(options.evaluations, options.minutes, options.most_float / 100.0)
    with contextlib.closing(CaseMaterial(case, settings, str(options.case))) as material:
        with _progress(limits) as told:
            found, judge = rescue(material, chosen, folder, limits, told)
        if found.best.passes and options.output is not None:
            _write(judge.variant(found.best.candidate), options.output)
    if options.html is not None:
        page = rescue_html(found, f"{case.name} {options.run}", judge.seen.values())
        write_bytes(options.html, page.encode())
    if options.json:
        print(json.dumps(found.as_json(), indent=2, ensure_ascii=False))
    else:
        asis = judge.seen[Candidate().key]
        print(rescue_text(found, str(options.case), options.run, asis), end="")
        if found.best.passes and options.output is not None:
            print(f"written    {one_line(str(options.output))}")
        if options.html is not None:
            print(f"written    {one_line(str(options.html))}")
    return found


def _write(variant: Variant, output: Path) -> None:
    """The variant, with its external data beside it under their own names: the file names them."""
    from pytest_qparity.durable import replacing

    for name in variant.external:
        with replacing(output.parent / name) as temporary:
            shutil.copyfile(variant.path.parent / name, temporary)
    with replacing(output) as temporary:
        shutil.copyfile(variant.path, temporary)


@contextlib.contextmanager
def _progress(limits: object) -> Iterator[Callable[[str, float | None, float | None], None]]:
    """A line with what is done, how far, and how much of the time is left; nothing where nobody looks."""
    if not sys.stderr.isatty():
        yield lambda _, __, ___: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    minutes = float(getattr(limits, "minutes", 0.0))
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}of {task.fields[minutes]:g} min at most"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("rescue", total=None, minutes=minutes, left="")

        def told(what: str, share: float | None, seconds_left: float | None) -> None:
            total, done = (None, 0.0) if share is None else (1.0, share)
            left = "" if seconds_left is None else f"about {clock(seconds_left)} left, "
            bar.update(task, description=what[:40], total=total, completed=done, left=left)

        yield told


def clock(seconds: float) -> str:
    """As minutes:seconds."""
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02d}"
