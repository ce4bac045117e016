"""qlinear_matmul-u8s8-per_tensor-bf16_scales-opset21: QLinearMatMul with bfloat16 scales is 1 LSB off, beyond what bfloat16 products of the scales make of it; should be: sums of 32-bit integers (QLinearMatMul-21)"""

import ml_dtypes
import numpy as np
import onnx
from onnx import helper, numpy_helper

inputs = {
    'a': np.array([1, 168, 1, 89, 199, 255, 175, 93, 164, 120, 59, 253, 220, 1, 234, 98, 8, 254, 0, 236], np.dtype(np.uint8)).reshape((10, 2)),
}
constants = {
    'a_scale': np.array([1.0], np.dtype(ml_dtypes.bfloat16)).reshape(()),
    'a_zero': np.array([0], np.dtype(np.uint8)).reshape(()),
    'b_scale': np.array([1.0], np.dtype(ml_dtypes.bfloat16)).reshape(()),
    'b_zero': np.array([0], np.dtype(np.int8)).reshape(()),
    'y_scale': np.array([344.0], np.dtype(ml_dtypes.bfloat16)).reshape(()),
    'y_zero': np.array([55], np.dtype(np.uint8)).reshape(()),
    'b': np.array([*[0] * 9, -128, 4, -128, 22, 127, -126, -73, -112, -128, 0, 19, -76, -99, 122, 124, -73, 18], np.dtype(np.int8)).reshape((2, 13)),
}
# Every value from lowest to highest conforms; NaN stands for NaN.
lowest = {
    'y': np.array([117.0, 0.0, 19.0, 0.0, 0.0, 55.0, 64.0, 18.0, 6.0, 114.0, 115.0, 19.0, 64.0, 88.0, 22.0, 36.0, 26.0, 22.0, 55.0, 60.0, 35.0, 29.0, 86.0, 87.0, 36.0, 60.0, 148.0, 0.0, 0.0, 0.0, 0.0, 55.0, 69.0, 0.0, 0.0, 71.0, 148.0, 0.0, 81.0, 89.0, 21.0, 35.0, 24.0, 20.0, 55.0, 60.0, 34.0, 28.0, 23.0, 90.0, 0.0, 71.0, 99.0, 11.0, 29.0, 16.0, 10.0, 55.0, 62.0, 28.0, 20.0, 36.0, 100.0, 0.0, 72.0, 148.0, 0.0, 1.0, 0.0, 0.0, 55.0, 69.0, 0.0, 0.0, 122.0, 146.0, 0.0, 72.0, *[55.0] * 9, 0.0, 58.0, 0.0, 69.0, 91.0, 19.0, 34.0, 23.0, 18.0, 55.0, 60.0, 33.0, 27.0, 2.0, 93.0, 0.0, 75.0, 148.0, 0.0, 1.0, 0.0, 0.0, 55.0, 69.0, 0.0, 0.0, 141.0, 146.0, 0.0, 69.0, 141.0, 0.0, 5.0, 0.0, 0.0, 55.0, 68.0, 2.0, 0.0, 138.0, 139.0, 5.0, 67.0], np.dtype(np.float64)).reshape((10, 13)),
}
highest = {
    'y': np.array([118.0, 0.0, 20.0, 1.0, 0.0, 55.0, 64.0, 18.0, 7.0, 115.0, 116.0, 19.0, 64.0, 88.0, 23.0, 36.0, 26.0, 22.0, 55.0, 60.0, 35.0, 30.0, 86.0, 87.0, 36.0, 60.0, 150.0, 0.0, 1.0, 0.0, 0.0, 55.0, 69.0, 0.0, 0.0, 72.0, 150.0, 0.0, 81.0, 90.0, 21.0, 35.0, 25.0, 21.0, 55.0, 60.0, 35.0, 28.0, 23.0, 91.0, 0.0, 71.0, 100.0, 11.0, 30.0, 16.0, 11.0, 55.0, 62.0, 29.0, 21.0, 37.0, 101.0, 0.0, 72.0, 149.0, 0.0, 2.0, 0.0, 0.0, 55.0, 69.0, 0.0, 0.0, 123.0, 148.0, 0.0, 72.0, *[55.0] * 9, 0.0, 58.0, 0.0, 69.0, 91.0, 19.0, 34.0, 23.0, 19.0, 55.0, 60.0, 34.0, 27.0, 3.0, 93.0, 0.0, 75.0, 150.0, 0.0, 2.0, 0.0, 0.0, 55.0, 69.0, 0.0, 0.0, 143.0, 147.0, 0.0, 69.0, 143.0, 0.0, 5.0, 0.0, 0.0, 55.0, 68.0, 3.0, 0.0, 139.0, 141.0, 5.0, 67.0], np.dtype(np.float64)).reshape((10, 13)),
}
# Where the specification says nothing, anything conforms.
left_open = {
}
nodes = [
    helper.make_node('QLinearMatMul', ['a', 'a_scale', 'a_zero', 'b', 'b_scale', 'b_zero', 'y_scale', 'y_zero'], ['y']),
]
graph = helper.make_graph(
    nodes,
    "reproducer",
    [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in inputs.items()
    ],
    [helper.make_tensor_value_info('y', helper.np_dtype_to_tensor_dtype(np.dtype(np.uint8)), (10, 13))],
    [numpy_helper.from_array(array, name) for name, array in constants.items()],
)
imports = [helper.make_opsetid('', 21)]
model = helper.make_model(graph, opset_imports=imports, ir_version=10)

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
