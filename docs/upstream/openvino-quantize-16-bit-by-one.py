"""quantize_linear-fp32_uint16-no_zero_point-output_dtype-per_axis-opset23: QuantizeLinear to 16 bits with scales of 1 and zero points of 0 becomes a bare conversion: values are cut off and wrap; should be: round half to even and saturation (QuantizeLinear-21)"""

import ml_dtypes
import numpy as np
import onnx
from onnx import helper, numpy_helper

inputs = {
    'x': np.array([26477.498046875, 34800.5, -1.25, 4657.57421875, 32809.875, 47400.53125], np.dtype(np.float32)).reshape((3, 2)),
}
constants = {
    'scale': np.array([1.0, 1.0, 1.0], np.dtype(np.float32)).reshape((3,)),
}
# Every value from lowest to highest conforms; NaN stands for NaN.
lowest = {
    'y': np.array([26477.0, 34800.0, 0.0, 4658.0, 32810.0, 47401.0], np.dtype(np.float64)).reshape((3, 2)),
}
highest = {
    'y': np.array([26477.0, 34800.0, 0.0, 4658.0, 32810.0, 47401.0], np.dtype(np.float64)).reshape((3, 2)),
}
# Where the specification says nothing, anything conforms.
left_open = {
    'y': np.array([False, False, False, False, False, False], np.dtype(np.bool)).reshape((3, 2)),
}
nodes = [
    helper.make_node('QuantizeLinear', ['x', 'scale'], ['y'], output_dtype=4, axis=0),
]
graph = helper.make_graph(
    nodes,
    "reproducer",
    [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in inputs.items()
    ],
    [helper.make_tensor_value_info('y', helper.np_dtype_to_tensor_dtype(np.dtype(np.uint16)), (3, 2))],
    [numpy_helper.from_array(array, name) for name, array in constants.items()],
)
imports = [helper.make_opsetid('', 23)]
model = helper.make_model(graph, opset_imports=imports, ir_version=11)

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
