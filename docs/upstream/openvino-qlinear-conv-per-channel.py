"""qlinear_conv-u8s8-per_axis-opset13: QLinearConv refuses scales per output channel where there are not as many input channels; should be: scales per output channel (QLinearConv-10)"""

import ml_dtypes
import numpy as np
import onnx
from onnx import helper, numpy_helper

inputs = {
    'x': np.array([0], np.dtype(np.uint8)).reshape((1, 1, 1)),
}
constants = {
    'x_scale': np.array([1.0], np.dtype(np.float32)).reshape(()),
    'x_zero': np.array([0], np.dtype(np.uint8)).reshape(()),
    'w': np.array([0, 0], np.dtype(np.int8)).reshape((2, 1, 1)),
    'w_scale': np.array([1.0, 1.0], np.dtype(np.float32)).reshape((2,)),
    'w_zero': np.array([0, 0], np.dtype(np.int8)).reshape((2,)),
    'y_scale': np.array([0.007813453674316406], np.dtype(np.float32)).reshape(()),
    'y_zero': np.array([0], np.dtype(np.uint8)).reshape(()),
}
# Every value from lowest to highest conforms; NaN stands for NaN.
lowest = {
    'y': np.array([0.0, 0.0], np.dtype(np.float64)).reshape((1, 2, 1)),
}
highest = {
    'y': np.array([0.0, 0.0], np.dtype(np.float64)).reshape((1, 2, 1)),
}
# Where the specification says nothing, anything conforms.
left_open = {
}
nodes = [
    helper.make_node('QLinearConv', ['x', 'x_scale', 'x_zero', 'w', 'w_scale', 'w_zero', 'y_scale', 'y_zero'], ['y'], kernel_shape=[1], group=1, strides=[1], dilations=[1], pads=[0, 0]),
]
graph = helper.make_graph(
    nodes,
    "reproducer",
    [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in inputs.items()
    ],
    [helper.make_tensor_value_info('y', helper.np_dtype_to_tensor_dtype(np.dtype(np.uint8)), (1, 2, 1))],
    [numpy_helper.from_array(array, name) for name, array in constants.items()],
)
imports = [helper.make_opsetid('', 13)]
model = helper.make_model(graph, opset_imports=imports, ir_version=7)

import openvino

core = openvino.Core()
compiled = core.compile_model(core.read_model(model.SerializeToString()), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
got = dict(zip([output.name for output in model.graph.output], compiled(inputs).to_tuple()))
print("openvino", openvino.__version__)

deviates = False
for name in lowest:
    values = np.asarray(got[name]).astype(np.float64)
    if values.shape != lowest[name].shape:
        deviates = True
        print(name, "has shape", values.shape, "should be", lowest[name].shape)
        continue
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
