"""What equalization, SmoothQuant's migration and bias correction give static int8 (target "ort"), and what they cost.

    python -m benchmarks.balancing [MODEL …] [--granularity channel tensor] [--keys KEY=VALUE,… …]

SQNR in dB of each output on test data that calibration has not seen, by ONNX Runtime with its default optimizer, the
float model with the optimizer off as the signal. Speed: the shortest time of the plain variant over that with the keys,
of interleaved calls, one thread; and whether the optimized graph has other operators.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from benchmarks.sqnr import Array, Feed, Subject, decibels, feeds_of, outputs_of, session, subjects
from pytest_qparity.case.precision_spec import PrecisionSpec
from pytest_qparity.precision.choosing import recipe_for
from pytest_qparity.precision.graph import WEIGHTED, float_graph
from pytest_qparity.precision.jobs import Calibration
from pytest_qparity.verdict import CannotJudge
from tests.precision.balancing.models import badly_scaled

KEYS = ("equalize=true", "smooth=0.5", "bias_correction=true")
EVERYTHING = ",".join(KEYS)
CALLS, SECONDS = 200, 5.0  # of each, in turn, at most
FLOAT_PRODUCTS = WEIGHTED | {"FusedConv", "FusedGemm", "FusedMatMul"}

Stated = Mapping[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", help="all where none is named")
    parser.add_argument("--granularity", nargs="+", default=["channel", "tensor"])
    parser.add_argument("--keys", nargs="+", default=[*KEYS, EVERYTHING])
    asked = parser.parse_args()
    logging.getLogger().setLevel(logging.ERROR)
    print(f"| model | weights | output | plain | {' | '.join(asked.keys)} |")
    print(f"| --- | --- | --- |{' --- |' * (len(asked.keys) + 1)}")
    with tempfile.TemporaryDirectory() as folder:
        for subject in (*subjects(), planted(Path(folder))):
            for granularity in asked.granularity:
                if not asked.models or subject.name in asked.models:
                    for row in _rows(subject, granularity, [_stated(keys) for keys in asked.keys]):
                        print(f"| {subject.name} | {granularity} | {' | '.join(row)} |", flush=True)


def planted(folder: Path) -> Subject:
    """A small network whose first tensor has channels up to 128 times apart."""
    onnx.save(badly_scaled(), folder / "planted.onnx")
    random = np.random.default_rng(0)
    for name in ("calibration", "test"):
        np.savez(folder / f"{name}.npz", x=random.standard_normal((256, 3, 8, 8)).astype(np.float32))
    return Subject("planted", folder / "planted.onnx", folder / "calibration.npz", folder / "test.npz")


def _stated(keys: str) -> Stated:
    pairs = (each.split("=") for each in keys.split(","))
    return {key: True if value == "true" else float(value) for key, value in pairs}


def _rows(subject: Subject, granularity: str, asked: Sequence[Stated]) -> Iterator[list[str]]:
    model = onnx.load(subject.model)
    calibration, test = feeds_of(subject.calibration, model), feeds_of(subject.test, model)
    signal = outputs_of(subject.model, test, optimized=False)
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.onnx"
        onnx.save(_made(subject.model, calibration, granularity, {})[0], plain)
        base, kernels = outputs_of(plain, test, optimized=True), _kernels(plain, folder)
        cells: list[Mapping[str, Array] | None] = []
        told = []
        for stated in asked:
            path = Path(folder) / "changed.onnx"
            try:
                made, notes = _made(subject.model, calibration, granularity, stated)
            except CannotJudge as reason:
                cells.append(None)
                told.append(reason.failure.sentence.split(":")[0] + " has no effect")
                continue
            onnx.save(made, path)
            cells.append(outputs_of(path, test, optimized=True))
            speed = f"{_speed(plain, path, test[0]):.2f}×, {_difference(kernels, _kernels(path, folder))}"
            told.append(f"{speed}; {'; '.join(notes)}")
        for output, wanted in signal.items():
            found = [decibels(wanted, base[output])]
            found += ["–" if cell is None else decibels(wanted, cell[output]) for cell in cells]
            yield [output, *found]
        floats = sum(kernels[kind] for kind in FLOAT_PRODUCTS)
        yield ["speed", f"{floats} float products", *told]


def _made(
    model: Path, calibration: list[Feed], granularity: str, stated: Stated
) -> tuple[onnx.ModelProto, tuple[str, ...]]:
    spec = PrecisionSpec.model_validate({"target": "ort", "granularity": granularity, **stated})
    job = Calibration(float_graph(model), recipe_for("int8", spec, "ort", ()))
    more = True
    while more:
        for feed in calibration:
            if not job.take(feed, len(next(iter(feed.values())))):
                break
        more = job.turn()
    return job.made()


def _speed(plain: Path, changed: Path, feed: Feed) -> float:
    first, second = session(plain, optimized=True), session(changed, optimized=True)
    spent: tuple[list[float], list[float]] = ([], [])
    until = time.perf_counter() + SECONDS
    for call in range(2 * CALLS):
        if time.perf_counter() > until and call > 8:
            break
        which = call % 2 if call // 2 % 2 else 1 - call % 2  # whoever runs behind the other finds warmer caches
        started = time.perf_counter()
        (first, second)[which].run(None, feed)
        spent[which].append(time.perf_counter() - started)
    return min(spent[0]) / min(spent[1])


def _kernels(path: Path, folder: str) -> Counter[str]:
    """Operators of the graph that ONNX Runtime's optimizer makes."""
    written = Path(folder) / "optimized.onnx"
    session(path, optimized=True, written=written)
    return Counter(node.op_type for node in onnx.load(written).graph.node)


def _difference(before: Counter[str], after: Counter[str]) -> str:
    more = [f"+{count} {kind}" for kind, count in (after - before).items()]
    fewer = [f"−{count} {kind}" for kind, count in (before - after).items()]
    return ", ".join((*more, *fewer)) or "same kernels"


if __name__ == "__main__":
    main()
