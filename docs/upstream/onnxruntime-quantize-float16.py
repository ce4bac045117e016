"""QuantizeLinear of float16 cuts fractions off, and what is beyond int32 wraps; should be: nearest, ties to even, saturated

Every finite float16, with four scales; opset 21 leaves open whether x / y_scale is rounded to float16, so that either
quotient conforms. ONNX Runtime 1.22.1 shows it, 1.32 does not: in an environment of its own,

    python -m venv old && old/bin/pip install onnxruntime==1.22.1 onnx==1.18.0
    old/bin/python onnxruntime-quantize-float16.py
"""

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

OPSET = 21
ZERO_POINT = 128
print("onnxruntime", onnxruntime.__version__)

graph = helper.make_graph(
    [helper.make_node("QuantizeLinear", ["x", "scale", "zero_point"], ["y"])],
    "quantize",
    [
        helper.make_tensor_value_info("x", TensorProto.FLOAT16, ["N"]),
        helper.make_tensor_value_info("scale", TensorProto.FLOAT16, []),
        helper.make_tensor_value_info("zero_point", TensorProto.UINT8, []),
    ],
    [helper.make_tensor_value_info("y", TensorProto.UINT8, ["N"])],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)
onnx.checker.check_model(model)
session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])

every = np.arange(2**16, dtype=np.uint16).view(np.float16)
x = every[np.isfinite(every)]
deviating = 0
for scale in np.array([0.1, 1 / 3, 2.0**-10, 3e-6], np.float16):
    with np.errstate(over="ignore"):
        quotients = x / scale, x.astype(np.float64) / np.float64(scale)
    one, other = (np.clip(np.rint(each.astype(np.float64)) + ZERO_POINT, 0, 255).astype(int) for each in quotients)
    got = session.run(None, {"x": x, "scale": np.asarray(scale), "zero_point": np.asarray(ZERO_POINT, np.uint8)})[0].astype(int)
    off = np.minimum(np.abs(got - one), np.abs(got - other))
    deviating += int(np.count_nonzero(off))
    print(f"scale {float(scale):.9g}: {np.count_nonzero(off):,} of {x.size:,} deviate, by up to {off.max()} LSB")
    for index in np.flatnonzero(off)[:2]:
        print(f"  x = {float(x[index]):.9g} is {got[index]}, should be {other[index]}")
raise SystemExit(int(deviating > 0))
