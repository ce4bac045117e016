"""Projects with a run that fails, as small as can be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from onnx import helper
from onnxruntime.quantization import CalibrationDataReader, quantize_static

from pytest_qparity.case.loading import load_case
from pytest_qparity.gate import Canaries, CaseMaterial, Run, Settings, default_settings, plan
from pytest_qparity.worker.protocol import Isolation
from tests.models import save
from tests.precision.graphs import FLOAT, model_of, weights

LAYERS = 4
CASE = """
model = "model.onnx"
[data]
test = "test.npz"
calibration = "calibration.npz"
[precisions.fp32]
[precisions.int8]
target = "ort"
[precisions.int8-stock]
file = "stock.onnx"
"""


class Reader(CalibrationDataReader):
    def __init__(self, feeds: list[dict[str, np.ndarray]]) -> None:
        self._feeds = iter(feeds)

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._feeds, None)


def masked_attention() -> onnx.ModelProto:
    """Products, and two Softmax behind masks of −10000, which eight bits leave no step."""
    nodes, source = [], "input"
    for index in range(LAYERS):
        nodes.append(helper.make_node("MatMul", [source, f"w{index}"], [f"s{index}"], name=f"product{index}"))
        source = f"s{index}"
        if index in (1, 2):
            nodes.append(helper.make_node("Add", [source, "mask"], [f"m{index}"], name=f"mask{index}"))
            nodes.append(helper.make_node("Softmax", [f"m{index}"], [f"p{index}"], name=f"softmax{index}", axis=-1))
            source = f"p{index}"
    nodes[-1].output[0] = "y"
    constants = {f"w{index}": weights(8, 8, seed=index) * 3 for index in range(LAYERS)}
    constants["mask"] = np.array([0, 0, 0, 0, 0, 0, -1e4, -1e4], np.float32)
    return model_of(nodes, [("input", FLOAT, ["N", 8])], [("y", FLOAT, ["N", 8])], constants)


def far_apart() -> onnx.ModelProto:
    """Gemm, Relu, Gemm, with channels between them up to 128 times apart."""
    far = (2.0 ** np.arange(-4, 4)).astype(np.float32)
    nodes = [
        helper.make_node("Gemm", ["input", "w0", "b0"], ["c0"], name="first"),
        helper.make_node("Relu", ["c0"], ["r0"], name="relu"),
        helper.make_node("Gemm", ["r0", "w1"], ["y"], name="second"),
    ]
    constants = {
        "w0": weights(8, 8, seed=0) * far,
        "b0": weights(8, seed=1) * far / 4,
        "w1": weights(8, 8, seed=2) / far.reshape(-1, 1),
    }
    return model_of(nodes, [("input", FLOAT, ["N", 8])], [("y", FLOAT, ["N", 8])], constants)


def write_project(root: Path, case: str = CASE, model: onnx.ModelProto | None = None) -> Path:
    """A case file beside model, data and the file that `quantize_static` makes."""
    random = np.random.default_rng(7)
    path = save(masked_attention() if model is None else model, root / "cases" / "model.onnx")
    for name, count in (("test", 96), ("calibration", 64)):
        np.savez(root / "cases" / f"{name}.npz", input=random.standard_normal((count, 8)).astype(np.float32))
    with np.load(root / "cases" / "calibration.npz") as archive:
        quantize_static(path, root / "cases" / "stock.onnx", Reader([{"input": archive["input"]}]))
    file = root / "cases" / "masked.toml"
    file.write_text(case)
    return file


def opened(file: Path, precision: str) -> tuple[CaseMaterial, Run, Settings]:
    """The case's material, with its golden accepted, and one of its runs."""
    settings = replace(
        default_settings(file.parent.parent, latency_seconds=0.01), canaries=Canaries(), isolation=Isolation.NONE
    )
    case = load_case(file)
    (run,) = plan(case, settings, ["ort"], [precision])
    material = CaseMaterial(case, settings, str(file))
    material.accept_golden()
    return material, run, settings
