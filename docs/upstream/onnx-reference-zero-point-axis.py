"""conv_integer-u8s8-per_channel-opset13: ConvInteger and MatMulInteger take zero points per output channel and per row along another axis, or refuse them; should be: zero points per output channel (ConvInteger-10) and per row (MatMulInteger-10)"""

import ml_dtypes
import numpy as np
import onnx
from onnx import helper, numpy_helper

inputs = {
    'x': np.array([0], np.dtype(np.uint8)).reshape((1, 1, 1)),
}
constants = {
    'zero0': np.array([0], np.dtype(np.uint8)).reshape(()),
    'zero1': np.array([0], np.dtype(np.int8)).reshape((1,)),
    'w': np.array([0], np.dtype(np.int8)).reshape((1, 1, 1)),
}
# Every value from lowest to highest conforms; NaN stands for NaN.
lowest = {
    'y': np.array([0.0], np.dtype(np.float64)).reshape((1, 1, 1)),
}
highest = {
    'y': np.array([0.0], np.dtype(np.float64)).reshape((1, 1, 1)),
}
# Where the specification says nothing, anything conforms.
left_open = {
}
nodes = [
    helper.make_node('ConvInteger', ['x', 'w', 'zero0', 'zero1'], ['y'], kernel_shape=[1], group=1, strides=[1], dilations=[1], pads=[0, 0]),
]
graph = helper.make_graph(
    nodes,
    "reproducer",
    [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in inputs.items()
    ],
    [helper.make_tensor_value_info('y', helper.np_dtype_to_tensor_dtype(np.dtype(np.int32)), (1, 1, 1))],
    [numpy_helper.from_array(array, name) for name, array in constants.items()],
)
imports = [helper.make_opsetid('', 13)]
model = helper.make_model(graph, opset_imports=imports, ir_version=7)

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
