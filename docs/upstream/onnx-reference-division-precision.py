"""quantize_linear-int32_int16-scale_fp32-per_axis-opset23: x and y_scale of two types are divided in the type that NumPy promotes both to; should be: the precision of y_scale's type (QuantizeLinear-23)"""

import ml_dtypes
import numpy as np
import onnx
from onnx import helper, numpy_helper

inputs = {
    'x': np.array([*[0] * 14, -1, *[0] * 25], np.dtype(np.int32)).reshape((8, 5)),
}
constants = {
    'scale': np.array([1.0, 1.0, 0.6666666865348816, 1.0, 1.0, 1.0, 1.0, 1.0], np.dtype(np.float32)).reshape((8,)),
    'zero_point': np.array([0, 0, 0, 0, 0, 0, 0, 0], np.dtype(np.int16)).reshape((8,)),
}
# Every value from lowest to highest conforms; NaN stands for NaN.
lowest = {
    'y': np.array([*[0.0] * 14, -2.0, *[0.0] * 25], np.dtype(np.float64)).reshape((8, 5)),
}
highest = {
    'y': np.array([*[0.0] * 14, -2.0, *[0.0] * 25], np.dtype(np.float64)).reshape((8, 5)),
}
# Where the specification says nothing, anything conforms.
left_open = {
    'y': np.full((8, 5), False, np.dtype(np.bool)),
}
nodes = [
    helper.make_node('QuantizeLinear', ['x', 'scale', 'zero_point'], ['y'], axis=0),
]
graph = helper.make_graph(
    nodes,
    "reproducer",
    [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in inputs.items()
    ],
    [helper.make_tensor_value_info('y', helper.np_dtype_to_tensor_dtype(np.dtype(np.int16)), (8, 5))],
    [numpy_helper.from_array(array, name) for name, array in constants.items()],
)
imports = [helper.make_opsetid('', 23)]
model = helper.make_model(graph, opset_imports=imports, ir_version=11)

from onnx.reference import ReferenceEvaluator

got = dict(zip([output.name for output in model.graph.output], ReferenceEvaluator(model).run(None, inputs)))
print("onnx", onnx.__version__)

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
