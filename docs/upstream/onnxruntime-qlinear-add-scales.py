"""qdq_add-s8-opset21: int8 becomes uint8, whose zero point of 128 is multiplied out: its product with the larger scale swallows the smaller one; should be: the nearest code"""

import ml_dtypes
import numpy as np
import onnx
from onnx import helper, numpy_helper

inputs = {
    'a': np.array([*[0.0] * 10, 0.12700000405311584, *[0.0] * 455, -0.12800000607967377, *[0.0] * 45], np.dtype(np.float32)).reshape((8, 64)),
    'b': np.full((8, 64), 0.0, np.dtype(np.float32)),
}
constants = {
    'a_scale': np.array([0.0010000000474974513], np.dtype(np.float32)).reshape(()),
    'a_zero': np.array([0], np.dtype(np.int8)).reshape(()),
    'b_scale': np.array([128.0], np.dtype(np.float32)).reshape(()),
    'b_zero': np.array([0], np.dtype(np.int8)).reshape(()),
    'y_scale': np.array([0.0010020752670243382], np.dtype(np.float32)).reshape(()),
    'y_zero': np.array([0], np.dtype(np.int8)).reshape(()),
}
# Every value from lowest to highest conforms; NaN stands for NaN.
lowest = {
    'y': np.array([*[-1.2232364099418191e-07] * 10, 0.1272633759044562, *[-1.2232364099418191e-07] * 455, -0.1282658176645768, *[-1.2232364099418191e-07] * 45], np.dtype(np.float64)).reshape((8, 64)),
}
highest = {
    'y': np.array([*[1.2232364099418191e-07] * 10, 0.12726374191972573, *[1.2232364099418191e-07] * 455, -0.1282654506936538, *[1.2232364099418191e-07] * 45], np.dtype(np.float64)).reshape((8, 64)),
}
nodes = [
    helper.make_node('QuantizeLinear', ['a', 'a_scale', 'a_zero'], ['a_quantized']),
    helper.make_node('DequantizeLinear', ['a_quantized', 'a_scale', 'a_zero'], ['a_dequantized']),
    helper.make_node('QuantizeLinear', ['b', 'b_scale', 'b_zero'], ['b_quantized']),
    helper.make_node('DequantizeLinear', ['b_quantized', 'b_scale', 'b_zero'], ['b_dequantized']),
    helper.make_node('Add', ['a_dequantized', 'b_dequantized'], ['combined']),
    helper.make_node('QuantizeLinear', ['combined', 'y_scale', 'y_zero'], ['y_quantized']),
    helper.make_node('DequantizeLinear', ['y_quantized', 'y_scale', 'y_zero'], ['y']),
]
graph = helper.make_graph(
    nodes,
    "reproducer",
    [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in inputs.items()
    ],
    [helper.make_tensor_value_info('y', helper.np_dtype_to_tensor_dtype(np.dtype(np.float32)), (8, 64))],
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
