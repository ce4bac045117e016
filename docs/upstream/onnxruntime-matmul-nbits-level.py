"""qdq_gemm-u16s8-per_tensor-opset21: DequantizeLinear of weights and MatMul become MatMulNBits at accuracy level 4: activations are rounded to int8; should be: float32 activations, or the 16 bits they were quantized to (session.qdq_matmulnbits_accuracy_level = 0)"""

import ml_dtypes
import numpy as np
import onnx
from onnx import helper, numpy_helper

inputs = {
    'a': np.array([*[0.0] * 23, 2.7939677238464355e-09, 1.862645149230957e-09], np.dtype(np.float32)).reshape((1, 25)),
}
constants = {
    'a_scale': np.array([9.313225746154785e-10], np.dtype(np.float32)).reshape(()),
    'a_zero': np.array([0], np.dtype(np.uint16)).reshape(()),
    'b_scale': np.array([1.0], np.dtype(np.float32)).reshape(()),
    'b_zero': np.array([0], np.dtype(np.int8)).reshape(()),
    'b': np.array([*[0] * 24, 1], np.dtype(np.int8)).reshape((25, 1)),
    'y_scale': np.array([5.685035775471192e-14], np.dtype(np.float32)).reshape(()),
    'y_zero': np.array([0], np.dtype(np.uint16)).reshape(()),
}
# Every value from lowest to highest conforms; NaN stands for NaN.
lowest = {
    'y': np.array([1.8626424567232951e-09], np.dtype(np.float64)).reshape((1, 1)),
}
highest = {
    'y': np.array([1.8626477862274677e-09], np.dtype(np.float64)).reshape((1, 1)),
}
nodes = [
    helper.make_node('QuantizeLinear', ['a', 'a_scale', 'a_zero'], ['a_quantized']),
    helper.make_node('DequantizeLinear', ['a_quantized', 'a_scale', 'a_zero'], ['a_dequantized']),
    helper.make_node('DequantizeLinear', ['b', 'b_scale', 'b_zero'], ['b_dequantized']),
    helper.make_node('Gemm', ['a_dequantized', 'b_dequantized'], ['product'], transB=0),
    helper.make_node('QuantizeLinear', ['product', 'y_scale', 'y_zero'], ['y_quantized']),
    helper.make_node('DequantizeLinear', ['y_quantized', 'y_scale', 'y_zero'], ['y']),
]
graph = helper.make_graph(
    nodes,
    "reproducer",
    [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in inputs.items()
    ],
    [helper.make_tensor_value_info('y', helper.np_dtype_to_tensor_dtype(np.dtype(np.float32)), (1, 1))],
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
    deviates |= not inside.all()
    for index in np.argwhere(~inside)[:8].tolist():
        at = tuple(index)
        print(name, index, "is", values[at], "should be from", lowest[name][at], "to", highest[name][at])
raise SystemExit(int(deviates))
