"""dequantize_linear-float8e4m3fn_fp32-scale_float8e8m0-no_zero_point-blocked-opset24: subnormal float32 values are flushed to zero, 2⁻¹²⁷ of float8e8m0 among them; should be: 2⁻¹²⁷ and its multiples"""

import ml_dtypes
import numpy as np
import onnx
from onnx import helper, numpy_helper

inputs = {
}
constants = {
    'x': np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113, 114, 115, 116, 117, 118, 119, 120, 121, 122, 123, 124, 125, 126, 127], np.uint8).view(np.dtype(ml_dtypes.float8_e4m3fn)).reshape((8, 16)),
    'scale': np.array([127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 121, 127, 125, 127, 119, 127, 127, 119, 129, 127, 127, 124, 127, 127, 127, 135, 0, 127, 127, 127, 127, 127, 127, 121, 120, 133, 127, 127, 127, 127, 127, 127, 127, 123, 127, 127, 117, 127, 121, 127, 131, 127, 125, 121, 121, 127, 122, 127, 125, 127, 127, 129, 129, 127, 127, 127, 127, 127, 137, 117, 127, 127, 127, 122, 119, 127, 127, 127, 127, 117, 127, 125, 121, 127, 131, 127, 127, 127, 127, 127, 127, 127, 131, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 122, 121, 127, 127, 134, 127, 123, 127, 127, 127, 1, 7, 127, 254, 127], np.uint8).view(np.dtype(ml_dtypes.float8_e8m0fnu)).reshape((8, 16)),
}
# Every value from lowest to highest conforms; NaN stands for NaN.
lowest = {
    'y': np.array([0.0, 0.001953125, 0.00390625, 0.005859375, 0.0078125, 0.009765625, 0.01171875, 0.013671875, 0.015625, 0.017578125, 0.01953125, 0.021484375, 0.0234375, 0.025390625, 0.02734375, 0.000457763671875, 0.03125, 0.0087890625, 0.0390625, 0.0001678466796875, 0.046875, 0.05078125, 0.000213623046875, 0.234375, 0.0625, 0.0703125, 0.009765625, 0.0859375, 0.09375, 0.1015625, 28.0, 6.887662211849341e-40, 0.125, 0.140625, 0.15625, 0.171875, 0.1875, 0.203125, 0.00341796875, 0.0018310546875, 16.0, 0.28125, 0.3125, 0.34375, 0.375, 0.40625, 0.4375, 0.46875, 0.03125, 0.5625, 0.625, 0.00067138671875, 0.75, 0.0126953125, 0.875, 15.0, 1.0, 0.28125, 0.01953125, 0.021484375, 1.5, 0.05078125, 1.75, 0.46875, 2.0, 2.25, 10.0, 11.0, 3.0, 3.25, 3.5, 3.75, 4.0, 4608.0, 0.0048828125, 5.5, 6.0, 6.5, 0.21875, 0.029296875, 8.0, 9.0, 10.0, 11.0, 0.01171875, 13.0, 3.5, 0.234375, 16.0, 288.0, 20.0, 22.0, 24.0, 26.0, 28.0, 30.0, 32.0, 576.0, 40.0, 44.0, 48.0, 52.0, 56.0, 60.0, 64.0, 72.0, 80.0, 88.0, 96.0, 104.0, 112.0, 120.0, 128.0, 4.5, 2.5, 176.0, 192.0, 26624.0, 224.0, 15.0, 256.0, 288.0, 320.0, 4.137740114894452e-36, 2.8888949165808538e-34, 416.0, float("inf"), float("nan")], np.dtype(np.float64)).reshape((8, 16)),
}
highest = {
    'y': np.array([0.0, 0.001953125, 0.00390625, 0.005859375, 0.0078125, 0.009765625, 0.01171875, 0.013671875, 0.015625, 0.017578125, 0.01953125, 0.021484375, 0.0234375, 0.025390625, 0.02734375, 0.000457763671875, 0.03125, 0.0087890625, 0.0390625, 0.0001678466796875, 0.046875, 0.05078125, 0.000213623046875, 0.234375, 0.0625, 0.0703125, 0.009765625, 0.0859375, 0.09375, 0.1015625, 28.0, 6.887662211849341e-40, 0.125, 0.140625, 0.15625, 0.171875, 0.1875, 0.203125, 0.00341796875, 0.0018310546875, 16.0, 0.28125, 0.3125, 0.34375, 0.375, 0.40625, 0.4375, 0.46875, 0.03125, 0.5625, 0.625, 0.00067138671875, 0.75, 0.0126953125, 0.875, 15.0, 1.0, 0.28125, 0.01953125, 0.021484375, 1.5, 0.05078125, 1.75, 0.46875, 2.0, 2.25, 10.0, 11.0, 3.0, 3.25, 3.5, 3.75, 4.0, 4608.0, 0.0048828125, 5.5, 6.0, 6.5, 0.21875, 0.029296875, 8.0, 9.0, 10.0, 11.0, 0.01171875, 13.0, 3.5, 0.234375, 16.0, 288.0, 20.0, 22.0, 24.0, 26.0, 28.0, 30.0, 32.0, 576.0, 40.0, 44.0, 48.0, 52.0, 56.0, 60.0, 64.0, 72.0, 80.0, 88.0, 96.0, 104.0, 112.0, 120.0, 128.0, 4.5, 2.5, 176.0, 192.0, 26624.0, 224.0, 15.0, 256.0, 288.0, 320.0, 4.137740114894452e-36, 2.8888949165808538e-34, 416.0, float("inf"), float("nan")], np.dtype(np.float64)).reshape((8, 16)),
}
# Where the specification says nothing, anything conforms.
left_open = {
}
nodes = [
    helper.make_node('DequantizeLinear', ['x', 'scale'], ['y'], output_dtype=1, axis=0, block_size=1),
]
graph = helper.make_graph(
    nodes,
    "reproducer",
    [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in inputs.items()
    ],
    [helper.make_tensor_value_info('y', helper.np_dtype_to_tensor_dtype(np.dtype(np.float32)), (8, 16))],
    [numpy_helper.from_array(array, name) for name, array in constants.items()],
)
imports = [helper.make_opsetid('', 24)]
model = helper.make_model(graph, opset_imports=imports, ir_version=12)

import openvino

core = openvino.Core()
compiled = core.compile_model(core.read_model(model.SerializeToString()), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
got = dict(zip([output.name for output in model.graph.output], compiled(inputs).to_tuple()))
print("openvino", openvino.__version__)

deviates = False
for declared in model.graph.output:
    name, dtype = declared.name, helper.tensor_dtype_to_np_dtype(declared.type.tensor_type.elem_type)
    output = np.asarray(got[name])
    if output.shape != lowest[name].shape or output.dtype != dtype:
        deviates = True
        print(name, "is", output.dtype, output.shape, "should be", dtype, lowest[name].shape)
        continue
    values = output.astype(np.float64)
    inside = (values >= lowest[name]) & (values <= highest[name])
    inside |= np.isnan(values) & np.isnan(lowest[name])
    if name in []:  # whose zeros have signs
        inside &= (values != 0) | (np.signbit(values) == np.signbit(lowest[name]))
    inside |= left_open.get(name, False)
    deviates |= not inside.all()
    for index in np.argwhere(~inside)[:8].tolist():
        at = tuple(index)
        print(name, index, "is", values[at], "should be from", lowest[name][at], "to", highest[name][at])
raise SystemExit(int(deviates))
