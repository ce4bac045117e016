"""qdq_lstm-u8-opset21: an LSTM of dequantized 8 bits is off by up to half of the range; should be: the nearest code"""

import ml_dtypes
import numpy as np
import onnx
from onnx import helper, numpy_helper

inputs = {
    'x': np.array([161.0, 113.0, 0.0, 2.0], np.dtype(np.float32)).reshape((1, 2, 2)),
}
constants = {
    'x_scale': np.array([1.0], np.dtype(np.float32)).reshape(()),
    'x_zero': np.array([0], np.dtype(np.uint8)).reshape(()),
    'w_scale': np.array([1.0], np.dtype(np.float32)).reshape(()),
    'w_zero': np.array([0], np.dtype(np.int8)).reshape(()),
    'w': np.array([*[0] * 29, 118, -128, -128], np.dtype(np.int8)).reshape((1, 16, 2)),
    'r_scale': np.array([1.0], np.dtype(np.float32)).reshape(()),
    'r_zero': np.array([0], np.dtype(np.int8)).reshape(()),
    'r': np.full((1, 16, 4), 0, np.dtype(np.int8)),
    'y_scale': np.array([0.001953125], np.dtype(np.float32)).reshape(()),
    'y_zero': np.array([0], np.dtype(np.uint8)).reshape(()),
}
# Every value from lowest to highest conforms; NaN stands for NaN.
lowest = {
    'y': np.array([-2.384185791015625e-07, -2.384185791015625e-07, 0.22851527575403452, -2.384185791015625e-07, -2.384185791015625e-07, -2.384185791015625e-07, 0.2304684016853571, -2.384185791015625e-07], np.dtype(np.float64)).reshape((1, 1, 2, 4)),
}
highest = {
    'y': np.array([2.384185791015625e-07, 2.384185791015625e-07, 0.23242222424596548, 2.384185791015625e-07, 2.384185791015625e-07, 2.384185791015625e-07, 0.2304690983146429, 2.384185791015625e-07], np.dtype(np.float64)).reshape((1, 1, 2, 4)),
}
nodes = [
    helper.make_node('QuantizeLinear', ['x', 'x_scale', 'x_zero'], ['x_quantized']),
    helper.make_node('DequantizeLinear', ['x_quantized', 'x_scale', 'x_zero'], ['x_dequantized']),
    helper.make_node('DequantizeLinear', ['w', 'w_scale', 'w_zero'], ['w_dequantized']),
    helper.make_node('DequantizeLinear', ['r', 'r_scale', 'r_zero'], ['r_dequantized']),
    helper.make_node('LSTM', ['x_dequantized', 'w_dequantized', 'r_dequantized'], ['sequence'], hidden_size=4),
    helper.make_node('QuantizeLinear', ['sequence', 'y_scale', 'y_zero'], ['y_quantized']),
    helper.make_node('DequantizeLinear', ['y_quantized', 'y_scale', 'y_zero'], ['y']),
]
graph = helper.make_graph(
    nodes,
    "reproducer",
    [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in inputs.items()
    ],
    [helper.make_tensor_value_info('y', helper.np_dtype_to_tensor_dtype(np.dtype(np.float32)), (1, 1, 2, 4))],
    [numpy_helper.from_array(array, name) for name, array in constants.items()],
)
imports = [helper.make_opsetid('', 21)]
model = helper.make_model(graph, opset_imports=imports, ir_version=10)

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
    deviates |= not inside.all()
    for index in np.argwhere(~inside)[:8].tolist():
        at = tuple(index)
        print(name, index, "is", values[at], "should be from", lowest[name][at], "to", highest[name][at])
raise SystemExit(int(deviates))
