"""The fault plan's rows of a GPU: what goes wrong there is a verdict of one run, and the next run is sound."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from pytest_qparity.backends.hosted import EngineHost
from pytest_qparity.backends.protocol import SessionOptions
from pytest_qparity.backends.registry import backend_table
from pytest_qparity.verdict import CannotJudge
from pytest_qparity.worker.limits import Limits
from pytest_qparity.worker.process import WorkerProcess
from tests.backends.stand_ins import shapes_of
from tests.models import inputs_for_mlp, mlp, save

pytestmark = pytest.mark.gpu
BACKENDS = ["ort-cuda", "ort-tensorrt", "trt"]

backends = pytest.mark.parametrize("name", BACKENDS)


def outer_product() -> onnx.ModelProto:
    """x (N, 1) → x · xᵀ (N, N)."""
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], perm=[1, 0]),
        helper.make_node("MatMul", ["x", "t"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "outer",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", "M"])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def code_of(name: str, path: Path, rows: int) -> str:
    import numpy as np

    worker = WorkerProcess(Limits())
    try:
        options = SessionOptions(shapes=shapes_of(path, rows, rows))
        session = EngineHost(worker, backend_table()[name]).load(path, options)
        session.run({"x": np.ones((rows, 1), np.float32)})
    except CannotJudge as reason:
        return reason.failure.code.code
    finally:
        worker.close()
    return "pass"


@backends
def test_a_run_beyond_the_memory_of_the_gpu_is_named_and_the_next_is_sound(name: str, tmp_path: Path) -> None:
    path = save(outer_product(), tmp_path / "outer.onnx")

    assert code_of(name, path, rows=1_000_000) in ("QP-BACKEND-002", "QP-BACKEND-003")  # 4 TB
    assert code_of(name, path, rows=8) == "pass"


@backends
def test_a_gpu_that_is_hidden_is_no_backend(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")

    assert code_of(name, save(outer_product(), tmp_path / "outer.onnx"), rows=8) == "QP-BACKEND-001"


@pytest.mark.parametrize("name", ["ort-tensorrt", "trt"])
def test_an_engine_that_was_cut_is_built_anew(name: str, tmp_path: Path) -> None:
    path = save(mlp(), tmp_path / "mlp.onnx")
    options = SessionOptions(shapes=shapes_of(path), cache=tmp_path / "engines")
    outputs = []
    for _ in range(2):
        worker = WorkerProcess(Limits())
        try:
            session = EngineHost(worker, backend_table()[name]).load(path, options)
            outputs.append(session.run({"input": inputs_for_mlp(2)})["logits"].tobytes())
        finally:
            worker.close()
        engines = [file for kind in ("engine", "plan") for file in (tmp_path / "engines").rglob(f"*.{kind}")]
        assert engines
        for file in engines:
            file.write_bytes(file.read_bytes()[:100])

    assert len(outputs) == 2
