"""cast-fp32_float8e8m0-up-saturate1-opset24: Cast of some scalars to float8e8m0 ends with an exception; should be: a scalar"""

import ml_dtypes
import numpy as np
import onnx
from onnx import helper, numpy_helper

inputs = {
    'x': np.array([0.0], np.dtype(np.float32)).reshape(()),
}
constants = {
}
# Every value from lowest to highest conforms; NaN stands for NaN.
lowest = {
    'y_wide': np.array([5.877471754111438e-39], np.dtype(np.float64)).reshape(()),
}
highest = {
    'y_wide': np.array([5.877471754111438e-39], np.dtype(np.float64)).reshape(()),
}
# Where the specification says nothing, anything conforms.
left_open = {
    'y_wide': np.array([False], np.dtype(np.bool)).reshape(()),
}
nodes = [
    helper.make_node('Cast', ['x'], ['y'], to=24, round_mode='up', saturate=1),
    helper.make_node('Cast', ['y'], ['y_wide'], to=1),
]
graph = helper.make_graph(
    nodes,
    "reproducer",
    [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in inputs.items()
    ],
    [helper.make_tensor_value_info('y_wide', helper.np_dtype_to_tensor_dtype(np.dtype(np.float32)), ())],
    [numpy_helper.from_array(array, name) for name, array in constants.items()],
)
imports = [helper.make_opsetid('', 24)]
model = helper.make_model(graph, opset_imports=imports, ir_version=12)

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
    if name in ['y_wide']:  # whose zeros have signs
        inside &= (values != 0) | (np.signbit(values) == np.signbit(lowest[name]))
    inside |= left_open.get(name, False)
    deviates |= not inside.all()
    for index in np.argwhere(~inside)[:8].tolist():
        at = tuple(index)
        print(name, index, "is", values[at], "should be from", lowest[name][at], "to", highest[name][at])
raise SystemExit(int(deviates))
