"""A small recurrent model, seeded, and recordings for it."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.models import checked

FEATURES, HIDDEN = 4, 16
STATE = {"next": "state"}


def integrator(*, keep: float = 0.98, seed: int = 0) -> onnx.ModelProto:
    """next = keep · state · rotation + x · weights; y = next · readout. What a step rounds away stays in the state."""
    random = np.random.default_rng(seed)
    rotation, _ = np.linalg.qr(random.standard_normal((HIDDEN, HIDDEN)))
    constants = {
        "a": keep * rotation,
        "b": random.standard_normal((FEATURES, HIDDEN)) / 2,
        "c": random.standard_normal((HIDDEN, 2)) / 4,
    }
    nodes = [
        helper.make_node("MatMul", ["state", "a"], ["kept"], name="keep"),
        helper.make_node("MatMul", ["x", "b"], ["taken"], name="take"),
        helper.make_node("Add", ["kept", "taken"], ["next"], name="add"),
        helper.make_node("MatMul", ["next", "c"], ["y"], name="read"),
    ]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "integrator",
        [value("x", TensorProto.FLOAT, [1, FEATURES]), value("state", TensorProto.FLOAT, [1, HIDDEN])],
        [value("y", TensorProto.FLOAT, [1, 2]), value("next", TensorProto.FLOAT, [1, HIDDEN])],
        [numpy_helper.from_array(array.astype(np.float32), name) for name, array in constants.items()],
    )
    return checked(graph, 17)


def rolled_out(model: onnx.ModelProto, steps: np.ndarray, state: np.ndarray) -> dict[str, np.ndarray]:
    """The same in plain NumPy, float64: outputs of each step, (steps, …)."""
    held = {tensor.name: numpy_helper.to_array(tensor).astype(np.float64) for tensor in model.graph.initializer}
    outputs: dict[str, list[np.ndarray]] = {"y": [], "next": []}
    for x in steps.astype(np.float64):
        state = state @ held["a"] + x[np.newaxis] @ held["b"]
        outputs["next"].append(state[0])
        outputs["y"].append((state @ held["c"])[0])
    return {name: np.stack(each) for name, each in outputs.items()}


def signal(steps: int, *, seed: int = 1) -> np.ndarray:
    """float32 (steps, FEATURES), standard normal."""
    return np.random.default_rng(seed).standard_normal((steps, FEATURES)).astype(np.float32)
