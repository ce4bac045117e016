from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from pytest_qparity.backends.protocol import SessionOptions
from pytest_qparity.backends.reference import OnnxReference
from tests.models import checked, save

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_scalar_is_an_array(tmp_path: Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("ReduceSum", ["x"], ["y"], keepdims=0)],
        "sum",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [])],
    )
    session = OnnxReference().load(save(checked(graph, 17), tmp_path / "sum.onnx"), SessionOptions())

    y = session.run({"x": np.ones((2, 4), np.float32)})["y"]

    assert isinstance(y, np.ndarray)
    assert (y.shape, y.dtype, float(y)) == ((), np.dtype(np.float32), 8.0)


def test_an_initializer_listed_as_an_input_need_not_be_fed(tmp_path: Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "w"], ["y"])],
        "add",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 4]) for name in ("x", "w")],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 4])],
        [numpy_helper.from_array(np.ones((1, 4), np.float32), "w")],
    )
    session = OnnxReference().load(save(checked(graph, 17), tmp_path / "add.onnx"), SessionOptions())

    y = session.run({"x": np.ones((1, 4), np.float32)})["y"]

    np.testing.assert_array_equal(y, [[2, 2, 2, 2]])


def test_an_input_without_a_stated_shape_takes_any(tmp_path: Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"])],
        "relu",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, None)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    session = OnnxReference().load(save(model, tmp_path / "relu.onnx"), SessionOptions())

    assert session.run({"x": np.ones((2, 3, 4), np.float32)})["y"].shape == (2, 3, 4)


def test_weights_beside_the_file_are_found(tmp_path: Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "w"], ["y"])],
        "add",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 4])],
        [numpy_helper.from_array(np.full((1, 4), 2, np.float32), "w")],
    )
    path = tmp_path / "add.onnx"
    onnx.save(checked(graph, 17), path, save_as_external_data=True, location="add.data", size_threshold=0)

    session = OnnxReference().load(path, SessionOptions())

    np.testing.assert_array_equal(session.run({"x": np.ones((1, 4), np.float32)})["y"], [[3, 3, 3, 3]])


def test_without_onnx_it_does_not_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx.reference", None)

    unavailable = OnnxReference().unavailable()

    assert unavailable is not None
    assert "cannot be imported" in unavailable.reason
