"""How long `qparity lint` takes, all its processes from start to end, on models of 100 MB; run it by hand.

    python benchmarks/lint.py [repeats]

Prints seconds of the CPU, which others on the machine change little, and by the clock: the median of the repeats and
the least. Nothing is asserted: the aim is 2 s on a machine at rest.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WIDTH = 1024


def layers(count: int, *, quantized: bool) -> onnx.ModelProto:
    """`count` square products with Relu in between: int8 with Q/DQ (1 MB each) or float32 (4 MB each)."""
    random = np.random.default_rng(0)
    nodes: list[onnx.NodeProto] = []
    constants: dict[str, np.ndarray] = {"s": np.float32(0.05), "z": np.int8(0)}
    value = "x"
    for index in range(count):
        if quantized:
            constants[f"w{index}"] = random.integers(-127, 127, (WIDTH, WIDTH)).astype(np.int8)
            constants[f"ws{index}"] = np.full(WIDTH, 0.01, np.float32)
            nodes += [
                helper.make_node("QuantizeLinear", [value, "s", "z"], [f"q{index}"]),
                helper.make_node("DequantizeLinear", [f"q{index}", "s", "z"], [f"d{index}"]),
                helper.make_node("DequantizeLinear", [f"w{index}", f"ws{index}"], [f"wd{index}"], axis=1),
            ]
        else:
            constants[f"w{index}"] = random.standard_normal((WIDTH, WIDTH)).astype(np.float32)
        weight, activation = (f"wd{index}", f"d{index}") if quantized else (f"w{index}", value)
        nodes.append(helper.make_node("MatMul", [activation, weight], [f"m{index}"]))
        nodes.append(helper.make_node("Relu", [f"m{index}"], [f"r{index}"]))
        value = f"r{index}"
    graph = helper.make_graph(
        nodes,
        "layers",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", WIDTH])],
        [helper.make_tensor_value_info(value, TensorProto.FLOAT, ["N", WIDTH])],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def many_nodes(count: int) -> onnx.ModelProto:
    """A chain of small nodes in front of 100 MB in one constant."""
    nodes = [helper.make_node("Add", ["x" if not i else f"a{i - 1}", "c"], [f"a{i}"]) for i in range(count)]
    nodes.append(helper.make_node("Add", [f"a{count - 1}", "big"], ["y"]))
    tensors = {"c": np.float32(1.0), "big": np.zeros((25_000, 1000), np.float32)}
    graph = helper.make_graph(
        nodes,
        "many",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1000])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [25_000, 1000])],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in tensors.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def seconds(path: Path, target: str) -> tuple[float, float]:
    """Of the CPU, in the command and the workers that it ends; by the clock."""
    command = [sys.executable, "-m", "pytest_qparity.cli", "lint", str(path), "--target", target]
    before, start = cpu_seconds(), time.perf_counter()
    subprocess.run(command, capture_output=True, check=False)
    return cpu_seconds() - before, time.perf_counter() - start


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    models = {
        "int8, 100 layers": layers(100, quantized=True),
        "float32, 25 layers": layers(25, quantized=False),
        "10,000 nodes": many_nodes(10_000),
    }
    with tempfile.TemporaryDirectory() as folder:
        print(f"{'':<36} {'CPU':>7} {'':>6} {'clock':>7}\n{'model':<20} {'MB':>5} {'target':<9}", end="")
        print(f" {'median':>7} {'least':>6} {'median':>7} {'least':>6}")
        for name, model in models.items():
            path = Path(folder) / "model.onnx"
            onnx.save(model, path)
            for target in ("trt11", "ort"):
                times = [seconds(path, target) for _ in range(repeats)]
                size = path.stat().st_size / 1e6
                shown = (f"{statistics.median(each):>7.2f} {min(each):>6.2f}" for each in zip(*times, strict=True))
                print(f"{name:<20} {size:>5.0f} {target:<9} {' '.join(shown)}")


if __name__ == "__main__":
    main()
