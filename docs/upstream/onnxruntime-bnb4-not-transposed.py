"""matmul_bnb4-nf4-block32-not_transposed-opset21: MatMulBnb4 with transB = 0 multiplies by the transpose all the same, and would read beyond the weights where K > N; should be: A · B, as the operator's documentation has it"""

import ml_dtypes
import numpy as np
import onnx
from onnx import helper, numpy_helper

inputs = {
    'a': np.array([*[0.0] * 15, -0.05000000074505806], np.dtype(np.float32)).reshape((1, 16)),
}
constants = {
    'b': np.array([*[0] * 15, 1], np.dtype(np.uint8)).reshape((16,)),
    'absmax': np.array([1.0], np.dtype(np.float32)).reshape((1,)),
}
# Every value from lowest to highest conforms; NaN stands for NaN.
lowest = {
    'y': np.array([0.04999994412059015, 0.03480960114709152], np.dtype(np.float64)).reshape((1, 2)),
}
highest = {
    'y': np.array([0.05000005736952597, 0.03480967999018537], np.dtype(np.float64)).reshape((1, 2)),
}
# Where the specification says nothing, anything conforms.
left_open = {
}
nodes = [
    helper.make_node('MatMulBnb4', ['a', 'b', 'absmax'], ['y'], domain='com.microsoft', transB=0, K=2, N=16, block_size=32, quant_type=1),
]
graph = helper.make_graph(
    nodes,
    "reproducer",
    [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in inputs.items()
    ],
    [helper.make_tensor_value_info('y', helper.np_dtype_to_tensor_dtype(np.dtype(np.float32)), (1, 2))],
    [numpy_helper.from_array(array, name) for name, array in constants.items()],
)
imports = [helper.make_opsetid('', 21), helper.make_opsetid('com.microsoft', 1)]
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
