"""qdq_layer_norm-u8-opset21: a quantized LayerNormalization is off by up to the whole range; should be: the nearest code"""

import ml_dtypes
import numpy as np
import onnx
from onnx import helper, numpy_helper

inputs = {
    'x': np.array([90.0, 242.0, 1.0, 249.0, 224.0, 219.0, 245.0, 231.0, 123.0, 0.0, 86.0, 112.0, 248.0, 15.0, 46.0, 238.0, 185.0, 59.0, 160.0, 255.0, 85.0, 253.0, 24.0, 58.0, 1.0, 204.0, 246.0, 6.0, 254.0, 47.0, 5.0, 203.0, 255.0, 168.0, 0.0, 0.0, 255.0, 0.0, 20.0, 0.0, 255.0, 99.0, 16.0, 126.0, 253.0, 0.0, 159.0, 95.0], np.dtype(np.float32)).reshape((2, 24)),
}
constants = {
    'x_scale': np.array([1.0], np.dtype(np.float32)).reshape(()),
    'x_zero': np.array([0], np.dtype(np.uint8)).reshape(()),
    'gain_scale': np.array([1.0], np.dtype(np.float32)).reshape(()),
    'gain_zero': np.array([0], np.dtype(np.int8)).reshape(()),
    'gain': np.array([-1, -1, -1, -1, -1, -1, 127, -1, -1, -1, 127, *[-1] * 13], np.dtype(np.int8)).reshape((24,)),
    'y_scale': np.array([1.090956449508667], np.dtype(np.float32)).reshape(()),
    'y_zero': np.array([0], np.dtype(np.uint8)).reshape(()),
}
# Every value from lowest to highest conforms; NaN stands for NaN.
lowest = {
    'y': np.array([1.0908227559053785, -0.00013317339471541345, 1.0908227559053785, -0.00013317339471541345, -0.00013317339471541345, -0.00013317339471541345, 139.6422257770173, -0.00013317339471541345, -0.00013317339471541345, 1.0908227559053785, -0.00013317339471541345, -0.00013317339471541345, -0.00013317339471541345, 1.0908227559053785, 1.0908227559053785, -0.00013317339471541345, -0.00013317339471541345, 1.0908227559053785, -0.00013317339471541345, -0.00013317339471541345, 1.0908227559053785, -0.00013317339471541345, 1.0908227559053785, 1.0908227559053785, 1.0908227559053785, -0.00013317339471541345, -0.00013317339471541345, 1.0908227559053785, -0.00013317339471541345, 1.0908227559053785, -0.00013317339471541345, -0.00013317339471541345, -0.00013317339471541345, -0.00013317339471541345, -0.00013317339471541345, 1.0908227559053785, -0.00013317339471541345, 1.0908227559053785, 1.0908227559053785, 1.0908227559053785, -0.00013317339471541345, -0.00013317339471541345, 1.0908227559053785, -0.00013317339471541345, -0.00013317339471541345, 1.0908227559053785, -0.00013317339471541345, -0.00013317339471541345], np.dtype(np.float64)).reshape((2, 24)),
}
highest = {
    'y': np.array([1.0910901431119555, 0.00013317339471541345, 1.0910901431119555, 0.00013317339471541345, 0.00013317339471541345, 0.00013317339471541345, 139.64262529720145, 0.00013317339471541345, 0.00013317339471541345, 1.0910901431119555, 0.00013317339471541345, 0.00013317339471541345, 0.00013317339471541345, 1.0910901431119555, 1.0910901431119555, 0.00013317339471541345, 0.00013317339471541345, 1.0910901431119555, 0.00013317339471541345, 0.00013317339471541345, 1.0910901431119555, 0.00013317339471541345, 1.0910901431119555, 1.0910901431119555, 1.0910901431119555, 0.00013317339471541345, 0.00013317339471541345, 1.0910901431119555, 0.00013317339471541345, 1.0910901431119555, 0.00013317339471541345, 0.00013317339471541345, 0.00013317339471541345, 0.00013317339471541345, 0.00013317339471541345, 1.0910901431119555, 0.00013317339471541345, 1.0910901431119555, 1.0910901431119555, 1.0910901431119555, 0.00013317339471541345, 0.00013317339471541345, 1.0910901431119555, 0.00013317339471541345, 0.00013317339471541345, 1.0910901431119555, 0.00013317339471541345, 0.00013317339471541345], np.dtype(np.float64)).reshape((2, 24)),
}
nodes = [
    helper.make_node('QuantizeLinear', ['x', 'x_scale', 'x_zero'], ['x_quantized']),
    helper.make_node('DequantizeLinear', ['x_quantized', 'x_scale', 'x_zero'], ['x_dequantized']),
    helper.make_node('DequantizeLinear', ['gain', 'gain_scale', 'gain_zero'], ['gain_dequantized']),
    helper.make_node('LayerNormalization', ['x_dequantized', 'gain_dequantized'], ['normalized'], axis=-1, epsilon=0.0009765625),
    helper.make_node('QuantizeLinear', ['normalized', 'y_scale', 'y_zero'], ['y_quantized']),
    helper.make_node('DequantizeLinear', ['y_quantized', 'y_scale', 'y_zero'], ['y']),
]
graph = helper.make_graph(
    nodes,
    "reproducer",
    [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in inputs.items()
    ],
    [helper.make_tensor_value_info('y', helper.np_dtype_to_tensor_dtype(np.dtype(np.float32)), (2, 24))],
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
