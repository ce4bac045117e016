"""`qparity quantize`: one variant of one model, from a file of ranges or from calibration data."""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_qparity.commands.json_output import add_json, print_failure, print_json, stdout_for_json
from pytest_qparity.commands.refusals import usage, why_not_written
from pytest_qparity.report.text import one_line

if TYPE_CHECKING:
    from pytest_qparity.gate.quantizing import Quantized

EXAMPLES = """examples:
  qparity quantize model.onnx --ranges calib.cache -o model_int8.onnx               a TensorRT calibration cache
  qparity quantize model.onnx --ranges calib.cache --target trt -o model_int8.onnx  for TensorRT 11
  qparity quantize model.onnx --calibration images.npz --target ort -o fast.onnx    calibrated here
  qparity quantize model.onnx --calibration images.npz --save-ranges ranges.json -o model_int8.onnx
"""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "quantize",
        help="quantize a model with the ranges of a file, a TensorRT calibration cache for example",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help="the float ONNX model")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="where the variant goes")
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--ranges",
        type=Path,
        metavar="FILE",
        help="ranges.json, ranges.txt, TensorRT's calibration cache, ONNX Runtime's calibration table, AIMET encodings",
    )
    source.add_argument("--calibration", type=Path, metavar="NPZ", help="samples, as arrays by input name")
    parser.add_argument(
        "--save-ranges", type=Path, metavar="FILE", help="write the ranges that --calibration finds, as ranges.json"
    )
    parser.add_argument("--precision", default="int8", metavar="NAME", help="a precision of the table (default: int8)")
    parser.add_argument(
        "--target",
        choices=("any", "ort", "openvino", "trt"),
        help="the engine whose kernels Q/DQ nodes are placed for (default: any, one file that all take)",
    )
    parser.add_argument(
        "--keep-float",
        action="append",
        default=[],
        metavar="PATTERN",
        help="nodes that stay float, as keep_float of a case; may be given more than once",
    )
    parser.add_argument("--batch", type=int, default=1, help="samples that are fed at once (default: 1)")
    parser.add_argument(
        "--state",
        action="append",
        default=[],
        metavar="OUTPUT=INPUT",
        help="of a recurrent model: an output that is this input of the next step, as state of a case; may be repeated",
    )
    parser.add_argument("--force", action="store_true", help="take the place of a file that is there")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Exit status: 0 written; 1 the variant cannot be made; 2 usage."""
    from pytest_qparity.gate.quantizing import QUANTIZED, Order, quantize
    from pytest_qparity.progress import working
    from pytest_qparity.verdict import CannotJudge
    from pytest_qparity.worker.limits import Limits
    from pytest_qparity.worker.process import WorkerProcess

    if options.precision not in QUANTIZED:
        return usage(f"got precision {options.precision!r}, should be one of {', '.join(QUANTIZED)}")
    if options.batch < 1:
        return usage(f"got batch {options.batch}, should be 1 or more")
    refusal = _refusal(options)
    if refusal is not None:
        return usage(refusal)
    order = Order(
        model=options.model,
        output=options.output,
        precision=options.precision,
        ranges=options.ranges,
        calibration=options.calibration,
        target=options.target,
        keep_float=tuple(options.keep_float),
        batch=options.batch,
        save_ranges=options.save_ranges,
        state=dict(_pair(stated) for stated in options.state),
    )
    try:
        with working("quantizing"), contextlib.closing(WorkerProcess(Limits())) as worker:
            made = quantize(order, worker)
    except CannotJudge as reason:
        failure = {name: one_line(str(text)) for name, text in reason.failure.as_json().items()}
        print(f"{failure['code']}\n{failure['sentence']}\nTry:    {failure['remedy']}", file=sys.stderr)
        print_failure(reason.failure, options)
        return 1
    except OSError as error:
        return usage(f"got {error.strerror or error} ({error.filename or options.output}), should be room to write")
    with stdout_for_json(options):
        _show(made, options)
    if options.json:
        print_json(_as_json(made, options))
    return 0


def _as_json(made: Quantized, options: argparse.Namespace) -> dict[str, object]:
    return {
        "written": str(options.output),
        "sha256": made.digest,
        "recipe": dict(made.recipe),
        "quantized": {kind: {"quantized": counts[0], "all": counts[1]} for kind, counts in made.counts.items()},
        "ranges": {"used": list(made.used), "unused": list(made.unused)},
    }


def _pair(stated: str) -> tuple[str, str]:
    output, _, fed = stated.partition("=")
    return output, fed


def _refusal(options: argparse.Namespace) -> str | None:
    """Why nothing is written."""
    for stated in options.state:
        if not all(_pair(stated)):
            return f"got --state {stated!r}, should be OUTPUT=INPUT"
    if options.state and options.calibration is None:
        return "got --state without --calibration, should be both: it says how the samples follow each other"
    if options.save_ranges is not None and options.calibration is None:
        return "got --save-ranges without --calibration, should be both: ranges of a file are there already"
    sources = [options.model, options.ranges, options.calibration]
    for written, role in ((options.output, "as output"), (options.save_ranges, "for --save-ranges")):
        refusal = None if written is None else why_not_written(written, role, sources, force=options.force)
        if refusal is not None:
            return refusal
    return None


def _show(made: Quantized, options: argparse.Namespace) -> None:
    """What was quantized, a line each; the ranges that were not used last, since there may be many."""
    from pytest_qparity.precision.table import FLOATS

    precision, target = made.recipe["base"], made.recipe.get("target")
    counts = ", ".join(f"{quantized}/{total} {kind}" for kind, (quantized, total) in made.counts.items())
    placed = f", placed for {target}" if target else ""
    print(f"written    {one_line(str(options.output))}  {precision}{placed}  SHA-256 {made.digest[:12]}")
    if precision not in FLOATS:
        print(f"quantized  {counts or 'no compute nodes that are known'}")
    for note in made.notes:
        print(f"note       {one_line(note)}")
    if options.ranges is None:
        return
    known = len(made.used) + len(made.unused)
    print(f"ranges     {len(made.used):,} of {known:,} used from {one_line(str(options.ranges))}")
    for name in made.unused:
        print(f"not used   {one_line(name)}")
