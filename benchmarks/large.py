"""A model beyond 2 GB, made int8 and int4: time, memory and what the variant computes.

    python benchmarks/large.py [--gigabytes 2.4] [--format qoperator]

Writes the float model (its weights beside it) and its variants to a temporary folder; needs some four times their size
there and in memory.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from pytest_qparity.backends.hosted import EngineHost
from pytest_qparity.backends.protocol import SessionOptions
from pytest_qparity.backends.registry import backend_table
from pytest_qparity.case.data import Feeds
from pytest_qparity.case.model import read_model_file, stored_bytes
from pytest_qparity.case.precision_spec import PrecisionSpec
from pytest_qparity.precision.cache import VariantCache
from pytest_qparity.precision.variants import VariantRequest, Workshop, variant_for
from pytest_qparity.quantmath.measures import PowerSums
from pytest_qparity.worker.limits import Limits
from pytest_qparity.worker.process import WorkerProcess

FEATURES = 8_192
LAYER_GB = 4 * FEATURES**2 / 1e9


def write_model(path: Path, layers: int) -> None:
    """x → (MatMul → Relu) · layers; weights normal, scaled by fan-in, in a file beside it."""
    random = np.random.default_rng(0)
    nodes, weights, value = [], [], "x"
    for layer in range(layers):
        array = random.standard_normal((FEATURES, FEATURES), dtype=np.float32) * np.float32(np.sqrt(2 / FEATURES))
        weights.append(numpy_helper.from_array(array, f"w{layer}"))
        nodes.append(helper.make_node("MatMul", [value, f"w{layer}"], [f"p{layer}"], name=f"product{layer}"))
        nodes.append(helper.make_node("Relu", [f"p{layer}"], [f"y{layer}"], name=f"relu{layer}"))
        value = f"y{layer}"
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", FEATURES])]
    outputs = [helper.make_tensor_value_info(value, TensorProto.FLOAT, ["N", FEATURES])]
    graph = helper.make_graph(nodes, "large", inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path, save_as_external_data=True, location=f"{path.name}.data")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=2.4)
    parser.add_argument("--format", choices=("qdq", "qoperator"), default="qdq")
    asked = parser.parse_args()
    layers, spec = max(1, round(asked.gigabytes / LAYER_GB)), PrecisionSpec(format=asked.format)
    samples = np.random.default_rng(1).standard_normal((8, FEATURES), dtype=np.float32)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "float.onnx"
        write_model(path, layers)
        worker = WorkerProcess(Limits())
        workshop = Workshop(worker, VariantCache(Path(folder) / "made"))
        model = read_model_file(path, worker)
        outputs = run(path, samples)
        print(f"float model: {model.size_bytes / 1e9:.2f} GB, {layers} products")
        for precision in ("int8", "int4"):
            request = VariantRequest(model, precision, precision, spec, Path(folder), "ort")
            begun = time.perf_counter()
            variant = variant_for(request, lambda: Feeds({"x": samples}, len(samples), 4, stacked=False), workshop)
            seconds = time.perf_counter() - begun
            size_gb = stored_bytes(variant.path, variant.external).size_bytes / 1e9
            sums = PowerSums()
            sums.add(run(variant.path, samples).reshape(-1), outputs.reshape(-1))
            print(f"{precision}: {seconds:.0f} s, {size_gb:.2f} GB, {sums.sqnr_db():.1f} dB", flush=True)
        worker.close()
        print(f"most memory of a worker: {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6:.1f} GB")


def run(path: Path, samples: np.ndarray) -> np.ndarray:
    host = EngineHost(WorkerProcess(Limits()), backend_table()["ort"])
    (output,) = host.run_alone(path, SessionOptions(), {"x": samples}).values()
    host.close()
    return output


if __name__ == "__main__":
    main()
