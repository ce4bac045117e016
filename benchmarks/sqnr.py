"""SQNR of static int8: this package's (target "ort") beside `onnxruntime.quantization.quantize_static` as it comes.

    python benchmarks/sqnr.py [MODEL …] [--methods METHOD …]

Stock takes min-max ranges, ours those of each method (its default where none is named), from the same calibration data;
all run in ONNX Runtime with its default optimizer over the same test data; the float model, run with the optimizer off,
is the signal. A row for each output of each of the cases' models and, where they are beside the checkout, of the shared
ones. It holds all test outputs of one model.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from pytest_qparity.case.precision_spec import PrecisionSpec
from pytest_qparity.precision.choosing import recipe_for
from pytest_qparity.precision.graph import float_graph
from pytest_qparity.precision.jobs import Calibration
from pytest_qparity.quantmath import sqnr_db

ROOT = Path(__file__).parents[1]
CASES = ROOT / "cases"
SHARED = ROOT.parent / "shared" / "models"
BATCH = 32
LABELS = "labels"

Array = np.ndarray[Any, np.dtype[Any]]
Feed = dict[str, Array]


@dataclass(frozen=True, slots=True)
class Subject:
    name: str
    model: Path
    calibration: Path
    test: Path


def subjects() -> Iterator[Subject]:
    data = CASES / "data"
    for name in ("digits_resnet", "textbert", "dtln_1", "ultraface_rfb320"):
        flat, folder = CASES / "models" / f"{name}.onnx", CASES / "models" / name / "model.onnx"
        model, stem = flat if flat.exists() else folder, name.removesuffix("_resnet")
        yield Subject(name, model, data / f"{stem}_calibration.npz", data / f"{stem}_test.npz")
    for name in ("dtln_2", "magika", "silero_vad"):
        folder = SHARED / name
        if folder.exists():
            yield Subject(name, folder / "model.onnx", folder / "calibration.npz", folder / "inputs.npz")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", help="all where none is named")
    parser.add_argument("--methods", nargs="+", default=["default"], help="as minmax, or percentile=99.99")
    asked = parser.parse_args()
    logging.getLogger().setLevel(logging.ERROR)
    columns = ["stock", *asked.methods]
    print(f"| model | output | {' | '.join(columns)} |\n| --- | --- |{' --- |' * len(columns)}")
    for subject in subjects():
        if not asked.models or subject.name in asked.models:
            for output, decibels in _rows(subject, asked.methods):
                print(f"| {subject.name} | {output} | {' | '.join(decibels)} |", flush=True)


def _rows(subject: Subject, methods: list[str]) -> Iterator[tuple[str, list[str]]]:
    model = onnx.load(subject.model)
    calibration, test = feeds_of(subject.calibration, model), feeds_of(subject.test, model)
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{name}.onnx" for name in ("stock", *methods)]
        _stock(subject.model, paths[0], calibration)
        for method, path in zip(methods, paths[1:], strict=True):
            onnx.save(_ours(subject.model, calibration, method), path)
        signal = outputs_of(subject.model, test, optimized=False)
        found = [outputs_of(path, test, optimized=True) for path in paths]
    for output, wanted in signal.items():
        yield output, [decibels(wanted, each[output]) for each in found]


def decibels(wanted: Array, got: Array) -> str:
    if np.array_equal(wanted, got):
        return "exact"
    golden, error = wanted.astype(np.float64), got.astype(np.float64) - wanted
    return f"{sqnr_db(float(np.sum(golden**2)), float(np.sum(error**2))):.1f}"


def _ours(model: Path, calibration: list[Feed], method: str) -> onnx.ModelProto:
    name, _, share = method.partition("=")
    stated = {"percentile": float(share)} if share else {"calibration": name} if name != "default" else {}
    recipe = recipe_for("int8", PrecisionSpec.model_validate({"target": "ort", **stated}), "ort", ())
    job = Calibration(float_graph(model), recipe)
    for feed in calibration:
        job.take(feed, len(next(iter(feed.values()))))
    return job.made()[0]


def _stock(model: Path, made: Path, calibration: list[Feed]) -> None:
    from onnxruntime import quantization

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._left = iter(calibration)

        def get_next(self) -> Feed | None:
            return next(self._left, None)

    quantization.quantize_static(model, made, Reader())


def outputs_of(model: Path, feeds: list[Feed], *, optimized: bool) -> dict[str, Array]:
    loaded = session(model, optimized=optimized)
    names = [output.name for output in loaded.get_outputs()]
    runs = [loaded.run(None, feed) for feed in feeds]
    return {name: np.concatenate([np.ravel(run[index]) for run in runs]) for index, name in enumerate(names)}


def session(model: Path, *, optimized: bool, written: Path | None = None) -> Any:
    """ONNX Runtime with one thread. written: where the graph goes that its optimizer makes."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 4  # what it says of models is no matter here
    options.intra_op_num_threads = 1
    level = ort.GraphOptimizationLevel
    options.graph_optimization_level = level.ORT_ENABLE_ALL if optimized else level.ORT_DISABLE_ALL
    if written is not None:
        options.optimized_model_filepath = str(written)
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def feeds_of(path: Path, model: onnx.ModelProto) -> list[Feed]:
    """The file's arrays as a case feeds them: sample by sample where they have an axis more than their input, else in
    batches of BATCH, or of the model's own fixed size."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files if name != LABELS}
    initializers = {initializer.name for initializer in model.graph.initializer}
    inputs = {value.name: value for value in model.graph.input if value.name not in initializers}
    arrays = {name: array for name, array in arrays.items() if name in inputs}
    first = next(iter(arrays))
    dimensions = inputs[first].type.tensor_type.shape.dim
    count = len(arrays[first])
    if arrays[first].ndim > len(dimensions):
        return [{name: np.asarray(array[index]) for name, array in arrays.items()} for index in range(count)]
    step = (dimensions[0].dim_value if len(dimensions) else 0) or BATCH
    return [{name: array[at : at + step] for name, array in arrays.items()} for at in range(0, count, step)]


if __name__ == "__main__":
    main()
