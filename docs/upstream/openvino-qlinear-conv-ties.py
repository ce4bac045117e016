"""qlinear_conv-u8s8-per_tensor-opset13: QLinearConv adds the zero point before it rounds: ties are 1 LSB off where it is odd; should be: round half to even, then the zero point (QLinearConv-10)"""

import ml_dtypes
import numpy as np
import onnx
from onnx import helper, numpy_helper

inputs = {
    'x': np.array([0, 255, 0, 181, 239, 119, 0, 253, 0, 246, 17, 255, 26, 254, 254, 97, 220, 98, 62, 136, 2, 171, 2, 233], np.dtype(np.uint8)).reshape((1, 2, 3, 4)),
}
constants = {
    'x_scale': np.array([1.0], np.dtype(np.float32)).reshape(()),
    'x_zero': np.array([220], np.dtype(np.uint8)).reshape(()),
    'w': np.array([-51, 51, 92, -6, -16, 127, 125, -118, 127, -29, -78, -33, 108, 28, 94, -17], np.dtype(np.int8)).reshape((8, 1, 2, 1)),
    'w_scale': np.array([1.0], np.dtype(np.float32)).reshape(()),
    'w_zero': np.array([0], np.dtype(np.int8)).reshape(()),
    'y_scale': np.array([256.0], np.dtype(np.float32)).reshape(()),
    'y_zero': np.array([39], np.dtype(np.uint8)).reshape(()),
}
# Every value from lowest to highest conforms; NaN stands for NaN.
lowest = {
    'y': np.array([39.0, 37.0, 42.0, 54.0, 0.0, 51.0, 0.0, 24.0, 0.0, 50.0, 0.0, 59.0, 33.0, 44.0, 25.0, 4.0, 0.0, 61.0, 81.0, 0.0, 126.0, 35.0, 57.0, 75.0, 0.0, 48.0, 29.0, 0.0, 0.0, 55.0, 66.0, 0.0], np.dtype(np.float64)).reshape((1, 8, 1, 4)),
}
highest = {
    'y': np.array([39.0, 37.0, 42.0, 54.0, 0.0, 51.0, 0.0, 24.0, 0.0, 50.0, 0.0, 59.0, 33.0, 44.0, 25.0, 4.0, 0.0, 61.0, 81.0, 0.0, 126.0, 35.0, 57.0, 75.0, 0.0, 48.0, 29.0, 0.0, 0.0, 55.0, 66.0, 0.0], np.dtype(np.float64)).reshape((1, 8, 1, 4)),
}
# Where the specification says nothing, anything conforms.
left_open = {
}
nodes = [
    helper.make_node('QLinearConv', ['x', 'x_scale', 'x_zero', 'w', 'w_scale', 'w_zero', 'y_scale', 'y_zero'], ['y'], kernel_shape=[2, 1], group=2, strides=[1, 1], dilations=[2, 1], pads=[0, 0, 0, 0]),
]
graph = helper.make_graph(
    nodes,
    "reproducer",
    [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in inputs.items()
    ],
    [helper.make_tensor_value_info('y', helper.np_dtype_to_tensor_dtype(np.dtype(np.uint8)), (1, 8, 1, 4))],
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
