"""qlinear_conv-u8s8-per_tensor-opset18: a QLinearConv whose windows have a stride along the last axis, and one place there, is at times wrong in single elements; should be: the nearest code"""

import ml_dtypes
import numpy as np
import onnx
from onnx import helper, numpy_helper

inputs = {
    'x': np.array([17, 97, 111, 255, 0, 254, 1, 253, 59, 2, 43, 144, 253, 2, 48, 253, 236, 60, 210, 94, 0, 0, 0, 0, 106, 254, 227, 101, 126, 149, 54, 177, 0, 192, 208, 151, 15, 253, 254, 30, 146, 253, 1, 92, 44, 93, 65, 71, 1, 1, 0, 254, 185, 223, 0, 0, 207, 21, 86, 0, 2, 146, 0, 1, 114, 192, 254, 141, 2, 13, 0, 1, 28, 137, 186, 2, 70, 144, 161, 255, 72, 174, 1, 0, 84, 147, 23, 37, 0, 255, 187, 255, 253, 109, 255, 88, 255, 41, 255, 247, 26, 157, 62, 32, 65, 255, 54, 1, 206, 255, 37, 53, 75, 0, 8, 161, 0, 0, 18, 214, 255, 36, 253, 159, 1, 31, 2, 255, 96, 68, 92, 188, 231, 33, 147, 255, 40, 110, 254, 91, 206, 44, 254, 80, 209, 17, 255, 20, 148, 253, 69, 107, 182, 166, 254, 255, 131, 0, 254, 0, 92, 255, 109, 3, 255, 72, 232, 231, 255, 242, 39, 91, 178, 145, 238, 246, 230, 2, 20, 164, 105, 0, 255, 17, 18, 215, 204, 0, 119, 240, 143, 2, 44, 74, 106, 0, 201, 119, 255, 141, 96, 173, 168, 145, 1, 94, 0, 49, 109, 237, 127, 0, 205, 218, 255, 239, 255, 11, 2, 79, 254, 189, 214, 229, 59, 58, 253, 159, 0, 3, 174, 10, 36, 213, 150, 137, 254, 191, 176, 255, 96, 146, 165, 253, 255, 86, 0, 142, 253, 152, 217, 23, 179, 240, 0, 255, 0, 248, 255, 121, 214, 128, 186, 255, 199, 200, 212, 255, 32, 83, 255, 151, 255, 255, 115, 1, 0, 13, 249, 122, 222, 253, 255, 153, 136, 135, 23, 101, 255, 33, 225, 1, 120, 76, 142, 203, 0, 13, 133, 236, 131, 58, 255, 236, 206, 191, 182, 151, 254, 193, 196, 0, 132, 2, 0, 181, 255, 81, 255, 68, 151, 46, 255, 81, 68, 3, 255, 118, 0, 132, 253, 51, 187, 96, 148, 202], np.dtype(np.uint8)).reshape((2, 4, 6, 7)),
}
constants = {
    'x_scale': np.array([1.0], np.dtype(np.float32)).reshape(()),
    'x_zero': np.array([0], np.dtype(np.uint8)).reshape(()),
    'w': np.array([49, 114, -100, -13, -128, 106, -73, -82, -86, 127, 127, 127, 125, -115, -21, -126, -126, -126, -95, -67, -28, 127, 39, -53, -128, 98, -128, 54, 78, -105, 104, -126, 127, 127, 95, 127, -128, 126, 125, -121, -85, -128, 127, 31, -126, 69, -56, 97, 127, 127, 127, 87, 127, -128, 78, -109, 17, -109, -22, 56, 7, -128, 127, -54, -41, 107, 126, 127, 125, -39, 125, 22, -78, 110, -8, -127, -114, -128, 127, -7, 48, -16, 102, 126, -128, 11, -126, -52, -126, 40, 34, -8, 26, 68, 127, -118], np.dtype(np.int8)).reshape((16, 1, 2, 3)),
    'w_scale': np.array([1.0], np.dtype(np.float32)).reshape(()),
    'w_zero': np.array([0], np.dtype(np.int8)).reshape(()),
    'y_scale': np.array([875.5678100585938], np.dtype(np.float32)).reshape(()),
    'y_zero': np.array([0], np.dtype(np.uint8)).reshape(()),
}
# Every value from lowest to highest conforms; NaN stands for NaN.
lowest = {
    'y': np.array([25.0, 16.0, 8.0, 0.0, 6.0, 0.0, 5.0, 64.0, 76.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 4.0, 7.0, 0.0, 23.0, 42.0, 0.0, 42.0, 5.0, 17.0, 3.0, 50.0, 0.0, 0.0, 0.0, 0.0, 0.0, 11.0, 30.0, 20.0, 0.0, 29.0, 14.0, 0.0, 83.0, 127.0, 97.0, 128.0, 37.0, 0.0, 0.0, 0.0, 0.0, 0.0, 7.0, 0.0, 0.0, 0.0, 0.0, 57.0, 99.0, 89.0, 102.0, 37.0, 0.0, 0.0, 0.0, 0.0, 0.0, 55.0, 41.0, 52.0, 70.0, 42.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 22.0, 31.0, 13.0, 0.0, 6.0, 25.0, 46.0, 10.0, 32.0, 19.0, 21.0, 31.0, 0.0, 0.0, 0.0, 0.0, 0.0, 6.0, 0.0, 9.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 12.0, 0.0, 72.0, 43.0, 88.0, 51.0, 37.0, 0.0, 24.0, 0.0, 8.0, 32.0, 3.0, 0.0, 22.0, 0.0, 0.0, 96.0, 81.0, 121.0, 86.0, 58.0, 0.0, 0.0, 0.0, 12.0, 1.0, 15.0, 2.0, 9.0, 12.0, 0.0, 108.0, 65.0, 91.0, 84.0, 57.0, 0.0, 0.0, 0.0, 0.0, 0.0, 23.0, 48.0, 33.0, 75.0, 37.0, 0.0, 0.0, 0.0, 0.0, 0.0, 29.0, 50.0, 30.0, 16.0, 10.0], np.dtype(np.float64)).reshape((2, 16, 5, 1)),
}
highest = {
    'y': np.array([25.0, 16.0, 8.0, 0.0, 6.0, 0.0, 5.0, 64.0, 76.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 4.0, 7.0, 0.0, 23.0, 42.0, 0.0, 42.0, 5.0, 17.0, 3.0, 50.0, 0.0, 0.0, 0.0, 0.0, 0.0, 11.0, 30.0, 20.0, 0.0, 29.0, 14.0, 0.0, 83.0, 127.0, 97.0, 128.0, 37.0, 0.0, 0.0, 0.0, 0.0, 0.0, 7.0, 0.0, 0.0, 0.0, 0.0, 57.0, 99.0, 89.0, 102.0, 37.0, 0.0, 0.0, 0.0, 0.0, 0.0, 55.0, 41.0, 52.0, 70.0, 42.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 22.0, 31.0, 13.0, 0.0, 6.0, 25.0, 46.0, 10.0, 32.0, 19.0, 21.0, 31.0, 0.0, 0.0, 0.0, 0.0, 0.0, 6.0, 0.0, 9.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 12.0, 0.0, 72.0, 43.0, 88.0, 51.0, 37.0, 0.0, 24.0, 0.0, 8.0, 32.0, 3.0, 0.0, 22.0, 0.0, 0.0, 96.0, 81.0, 121.0, 86.0, 58.0, 0.0, 0.0, 0.0, 12.0, 1.0, 15.0, 2.0, 9.0, 12.0, 0.0, 108.0, 65.0, 91.0, 84.0, 57.0, 0.0, 0.0, 0.0, 0.0, 0.0, 23.0, 48.0, 33.0, 75.0, 37.0, 0.0, 0.0, 0.0, 0.0, 0.0, 29.0, 50.0, 30.0, 16.0, 10.0], np.dtype(np.float64)).reshape((2, 16, 5, 1)),
}
# Where the specification says nothing, anything conforms.
left_open = {
}
nodes = [
    helper.make_node('QLinearConv', ['x', 'x_scale', 'x_zero', 'w', 'w_scale', 'w_zero', 'y_scale', 'y_zero'], ['y'], kernel_shape=[2, 3], group=4, strides=[1, 2], dilations=[2, 3], pads=[0, 0, 1, 0]),
]
graph = helper.make_graph(
    nodes,
    "reproducer",
    [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in inputs.items()
    ],
    [helper.make_tensor_value_info('y', helper.np_dtype_to_tensor_dtype(np.dtype(np.uint8)), (2, 16, 5, 1))],
    [numpy_helper.from_array(array, name) for name, array in constants.items()],
)
imports = [helper.make_opsetid('', 18)]
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
