"""qdq_conv_clip-u8s8-per_tensor-opset21: Clip before QuantizeLinear is dropped where the range of the output's type is beyond its ends by less than some absolute 2e-7, which is any number of steps of a tiny scale (dropped at 1.18e-7, kept at 4.7e-7); should be: what is beyond the ends of Clip becomes the ends"""

import ml_dtypes
import numpy as np
import onnx
from onnx import helper, numpy_helper

inputs = {
    'x': np.array([-1.0], np.dtype(np.float32)).reshape((1, 1, 1, 1)),
}
constants = {
    'x_scale': np.array([1.0], np.dtype(np.float32)).reshape(()),
    'x_zero': np.array([1], np.dtype(np.uint8)).reshape(()),
    'w_scale': np.array([9.313225746154785e-10], np.dtype(np.float32)).reshape(()),
    'w_zero': np.array([0], np.dtype(np.int8)).reshape(()),
    'w': np.array([-1], np.dtype(np.int8)).reshape((1, 1, 1, 1)),
    'low': np.array([0.0], np.dtype(np.float32)).reshape(()),
    'high': np.array([4.656612873077393e-10], np.dtype(np.float32)).reshape(()),
    'y_scale': np.array([3.638422896301563e-12], np.dtype(np.float32)).reshape(()),
    'y_zero': np.array([0], np.dtype(np.uint8)).reshape(()),
}
# Every value from lowest to highest conforms; NaN stands for NaN.
lowest = {
    'y': np.array([4.657174645114701e-10], np.dtype(np.float64)).reshape((1, 1, 1, 1)),
}
highest = {
    'y': np.array([4.6571879694173e-10], np.dtype(np.float64)).reshape((1, 1, 1, 1)),
}
# Where the specification says nothing, anything conforms.
left_open = {
}
nodes = [
    helper.make_node('QuantizeLinear', ['x', 'x_scale', 'x_zero'], ['x_quantized']),
    helper.make_node('DequantizeLinear', ['x_quantized', 'x_scale', 'x_zero'], ['x_dequantized']),
    helper.make_node('DequantizeLinear', ['w', 'w_scale', 'w_zero'], ['w_dequantized']),
    helper.make_node('Conv', ['x_dequantized', 'w_dequantized'], ['convolved'], kernel_shape=[1, 1], strides=[1, 1], dilations=[1, 1], pads=[0, 0, 0, 0], group=1),
    helper.make_node('Clip', ['convolved', 'low', 'high'], ['activated']),
    helper.make_node('QuantizeLinear', ['activated', 'y_scale', 'y_zero'], ['y_quantized']),
    helper.make_node('DequantizeLinear', ['y_quantized', 'y_scale', 'y_zero'], ['y']),
]
graph = helper.make_graph(
    nodes,
    "reproducer",
    [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in inputs.items()
    ],
    [helper.make_tensor_value_info('y', helper.np_dtype_to_tensor_dtype(np.dtype(np.float32)), (1, 1, 1, 1))],
    [numpy_helper.from_array(array, name) for name, array in constants.items()],
)
imports = [helper.make_opsetid('', 21)]
model = helper.make_model(graph, opset_imports=imports, ir_version=10)

import onnxruntime

options = onnxruntime.SessionOptions()
options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
got = dict(zip([output.name for output in session.get_outputs()], session.run(None, inputs)))
print("onnxruntime", onnxruntime.__version__)

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
