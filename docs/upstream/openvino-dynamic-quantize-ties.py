"""DynamicQuantizeLinear rounds most ties away from zero; should be: ties to even (DynamicQuantizeLinear-11)

The range is 255, so that y_scale is 1 and no operation rounds but the last.
"""

import numpy as np
import onnx
import openvino
from onnx import TensorProto, helper

graph = helper.make_graph(
    [helper.make_node("DynamicQuantizeLinear", ["x"], ["y", "y_scale", "y_zero_point"])],
    "ties",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N"])],
    [
        helper.make_tensor_value_info("y", TensorProto.UINT8, ["N"]),
        helper.make_tensor_value_info("y_scale", TensorProto.FLOAT, []),
        helper.make_tensor_value_info("y_zero_point", TensorProto.UINT8, []),
    ],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
onnx.checker.check_model(model)
core = openvino.Core()
hints = {"INFERENCE_PRECISION_HINT": "f32"}
compiled = core.compile_model(core.read_model(model.SerializeToString()), "CPU", hints)
print("openvino", openvino.__version__)

lowest = -100.0
x = np.concatenate([[lowest], np.arange(-99.5, 155.0), [lowest + 255.0]]).astype(np.float32)
got, scale, zero_point = (np.asarray(output) for output in compiled({"x": x}).to_tuple())
should = np.rint(x) - np.rint(lowest)
wrong = np.flatnonzero(got != should)
print(f"y_scale {float(scale)}, y_zero_point {int(zero_point)}: {wrong.size} of {x.size} codes are wrong")
for index in wrong[:8].tolist():
    print(f"x = {x[index]} is {got[index]}, should be {int(should[index])}")
raise SystemExit(int(wrong.size > 0))
