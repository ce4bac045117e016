"""MatMulInteger with K = 0 leaves its output uninitialised; should be: zeros: a sum without terms

The first product of the session leaves its result in the memory that the second one, with K = 0, is given: without it
the memory may be fresh, and zero by chance.
"""

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

graph = helper.make_graph(
    [helper.make_node("MatMulInteger", ["a", "b", "a_zero", "b_zero"], ["y"])],
    "k_zero",
    [
        helper.make_tensor_value_info("a", TensorProto.UINT8, ["M", "K"]),
        helper.make_tensor_value_info("b", TensorProto.UINT8, ["K", "N"]),
        helper.make_tensor_value_info("a_zero", TensorProto.UINT8, []),
        helper.make_tensor_value_info("b_zero", TensorProto.UINT8, ["N"]),
    ],
    [helper.make_tensor_value_info("y", TensorProto.INT32, ["M", "N"])],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
onnx.checker.check_model(model)
session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
print("onnxruntime", onnxruntime.__version__)


def product(depth: int) -> np.ndarray:
    feed = {
        "a": np.full((4, depth), 3, np.uint8),
        "b": np.full((depth, 8), 5, np.uint8),
        "a_zero": np.zeros((), np.uint8),
        "b_zero": np.zeros(8, np.uint8),
    }
    return session.run(None, feed)[0].copy()


product(16)
got = product(0)
print("K = 0 gives", got.tolist(), "should be zeros")
raise SystemExit(int(got.any()))
