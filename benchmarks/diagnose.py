"""Which planted faults the first row of a diagnosis names, and what a diagnosis costs; run it by hand.

    python benchmarks/diagnose.py [--seeds 1,2,3] [--faults shared-scale,another-operator] [--cost-only | --no-cost]

The hit list: every fault of tests/diagnose/faults.py in every kind of model that can have it, for each seed. Then,
each in a worker process of its own: passes and peak memory of a diagnosis of models of three sizes, beside the size of
the model and of one batch of its activations.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from pytest_qparity.diagnose.comparing import Comparison
from pytest_qparity.diagnose.diagnosing import Order, diagnose
from pytest_qparity.gate.quantizing import Order as QuantizeOrder
from pytest_qparity.gate.quantizing import quantize
from pytest_qparity.worker.in_process import InProcess
from pytest_qparity.worker.limits import Limits
from pytest_qparity.worker.process import WorkerProcess
from tests.diagnose.faults import FAULTS, planted
from tests.diagnose.sides import feeds_of


def hits(seeds: list[int], faults: list[str]) -> None:
    found: Counter[str] = Counter()
    tried: Counter[str] = Counter()
    print("fault                 kind         seed  outputs dB  planted               first row")
    for seed in seeds:
        for fault in faults:
            for kind in FAULTS[fault][1]:
                with tempfile.TemporaryDirectory() as folder:
                    plant = planted(fault, kind, seed, Path(folder))
                    feeds = feeds_of(plant.reference, {"input": plant.data})
                    known = plant.calibration
                    calibration = () if known is None else tuple(feeds_of(plant.reference, {"input": known}))
                    order = Order(plant.reference, plant.variant, feeds, calibration)
                    made = diagnose(order, InProcess(Limits()))
                top = made.findings[0].suspect
                is_hit = top.node in plant.nodes and top.cause == plant.cause
                found[fault] += is_hit
                tried[fault] += 1
                sqnr_db = min(each.sqnr_db for each in made.measured.outputs.values())
                where = f"{'/'.join(sorted(plant.nodes))}"
                mark = "" if is_hit else f"   MISSED: {top.cause} at {top.node}"
                print(f"{fault:<20}  {kind:<11}  {seed:>4}  {sqnr_db:>10.1f}  {where:<20}  {top.cause}{mark}")
    print()
    for fault in faults:
        print(f"{fault:<20}  {found[fault]} of {tried[fault]}")
    print(f"{'all':<20}  {found.total()} of {tried.total()}")


def wide(layers: int, width: int) -> onnx.ModelProto:
    """`layers` square Gemm with Relu: weights of 4·width² bytes each."""
    random = np.random.default_rng(0)
    constants = {f"w{i}": random.standard_normal((width, width)) * np.sqrt(2 / width) for i in range(layers)}
    nodes = []
    for index in range(layers):
        source = "input" if index == 0 else f"r{index - 1}"
        nodes.append(helper.make_node("Gemm", [source, f"w{index}"], [f"g{index}"], name=f"fc{index}", transB=1))
        nodes.append(helper.make_node("Relu", [f"g{index}"], [f"r{index}"], name=f"relu{index}"))
    return _model(nodes, constants, ["N", width], [f"r{layers - 1}", ["N", width]])


def deep(layers: int, channels: int, size: int) -> onnx.ModelProto:
    """`layers` Conv with Relu on size × size: activations of 4·channels·size² bytes each a sample."""
    random = np.random.default_rng(0)
    shape = (channels, channels, 3, 3)
    constants = {f"w{i}": random.standard_normal(shape) * np.sqrt(2 / (9 * channels)) for i in range(layers)}
    nodes = []
    for index in range(layers):
        source = "input" if index == 0 else f"r{index - 1}"
        nodes.append(
            helper.make_node("Conv", [source, f"w{index}"], [f"g{index}"], name=f"conv{index}", pads=[1, 1, 1, 1])
        )
        nodes.append(helper.make_node("Relu", [f"g{index}"], [f"r{index}"], name=f"relu{index}"))
    space = [channels, size, size]
    return _model(nodes, constants, ["N", *space], [f"r{layers - 1}", ["N", *space]])


def _model(nodes, constants, shape, output) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "sized",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(output[0], TensorProto.FLOAT, output[1])],
        [numpy_helper.from_array(array.astype(np.float32), name) for name, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def cost(name: str, model: onnx.ModelProto, shape: tuple[int, ...], activations_mb: float, batch: int) -> None:
    """Peak of a worker over what it holds with both libraries loaded and a model of nothing."""
    with tempfile.TemporaryDirectory() as folder:
        reference, variant, data = (Path(folder) / each for each in ("float.onnx", "int8.onnx", "data.npz"))
        onnx.save(model, reference)
        np.savez(data, input=np.random.default_rng(1).standard_normal((4 * batch, *shape)).astype(np.float32))
        with contextlib.closing(WorkerProcess(Limits())) as worker:
            quantize(QuantizeOrder(reference, variant, calibration=data, target="ort", batch=batch), worker)
        size_mb = reference.stat().st_size / 1e6
        with np.load(data) as held:
            feeds = feeds_of(reference, {"input": held["input"]}, batch)
        start = time.perf_counter()
        with (
            contextlib.closing(WorkerProcess(Limits())) as worker,
            Comparison(reference, variant, feeds, worker) as both,
        ):
            measured = both.with_unrounded(both.measure())
            peak_mb = max(measured.peak_mb, both.measured().peak_mb)
        took_s = time.perf_counter() - start
    own_mb = peak_mb - empty_mb()
    bound_mb = 2 * size_mb + activations_mb
    passes = f"{measured.passes['float']:.2f} / {measured.passes['variant']:.2f}"
    sizes = f"{size_mb:>8.1f}  {activations_mb:>14.1f}  {own_mb:>7.1f}  {bound_mb:>8.1f}"
    print(f"{name:<14}  {sizes}  {passes:<15}  {took_s:.1f}")


_EMPTY: list[float] = []


def empty_mb() -> float:
    """Peak of a worker that diagnoses a model of a few bytes: Python, NumPy, onnx and ONNX Runtime."""
    if not _EMPTY:
        with tempfile.TemporaryDirectory() as folder:
            plant = planted("flipped-channel", "mlp", 1, Path(folder))
            feeds = feeds_of(plant.reference, {"input": plant.data})
            with (
                contextlib.closing(WorkerProcess(Limits())) as worker,
                Comparison(plant.reference, plant.variant, feeds, worker) as both,
            ):
                _EMPTY.append(both.measure().peak_mb)
    return _EMPTY[0]


def costs() -> None:
    print(f"a worker with nothing to hold: {empty_mb():.0f} MB")
    print("model           model MB  activations MB  peak MB  bound MB  float / variant  s")
    cost("wide, batch 4", wide(24, 1024), (1024,), 49 * 4 * 1024 * 4 / 1e6, 4)
    cost("deep, batch 4", deep(12, 32, 112), (32, 112, 112), 25 * 4 * 32 * 112 * 112 * 4 / 1e6, 4)
    cost("deep, batch 1", deep(12, 32, 112), (32, 112, 112), 25 * 32 * 112 * 112 * 4 / 1e6, 1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="1,2,3", help="of the planted models (default: 1,2,3)")
    parser.add_argument("--faults", default=",".join(FAULTS), help="which (default: all)")
    parser.add_argument("--no-cost", action="store_true", help="planted faults alone")
    parser.add_argument("--cost-only", action="store_true", help="no planted faults")
    options = parser.parse_args()
    if not options.cost_only:
        hits([int(each) for each in options.seeds.split(",")], options.faults.split(","))
        print()
    if not options.no_cost:
        costs()
