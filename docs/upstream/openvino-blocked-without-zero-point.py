"""quantize_linear-fp32_uint8-no_zero_point-blocked-opset25: some blocked QuantizeLinear without a zero point are refused: a shape is said to be incompatible; should be: a session (y_zero_point is optional)"""

import ml_dtypes
import numpy as np
import onnx
from onnx import helper, numpy_helper

inputs = {
    'x': np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], np.dtype(np.float32)).reshape((8,)),
}
constants = {
    'scale': np.array([1.0, 1.0, 1.0, 1.0], np.dtype(np.float32)).reshape((4,)),
}
# Every value from lowest to highest conforms; NaN stands for NaN.
lowest = {
    'y': np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], np.dtype(np.float64)).reshape((8,)),
}
highest = {
    'y': np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], np.dtype(np.float64)).reshape((8,)),
}
# Where the specification says nothing, anything conforms.
left_open = {
    'y': np.array([False, False, False, False, False, False, False, False], np.dtype(np.bool)).reshape((8,)),
}
nodes = [
    helper.make_node('QuantizeLinear', ['x', 'scale'], ['y'], axis=0, block_size=2),
]
graph = helper.make_graph(
    nodes,
    "reproducer",
    [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in inputs.items()
    ],
    [helper.make_tensor_value_info('y', helper.np_dtype_to_tensor_dtype(np.dtype(np.uint8)), (8,))],
    [numpy_helper.from_array(array, name) for name, array in constants.items()],
)
imports = [helper.make_opsetid('', 25)]
model = helper.make_model(graph, opset_imports=imports, ir_version=13)

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
