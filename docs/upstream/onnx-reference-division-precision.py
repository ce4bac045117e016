"""quantize_linear-int32_int16-scale_fp32-per_axis-opset23: x and y_scale of two types are divided in the type that NumPy promotes both to; should be: the precision of y_scale's type (QuantizeLinear-23)"""

import ml_dtypes
import numpy as np
import onnx
from onnx import helper, numpy_helper

inputs = {
    'x': np.array([16, 0, -49, -497, -495, 4314, 8444, -7868, 360, -11854, 608, 6115, 800, 17235, -10021, -108344, -234856, 159048, 164168, -359848, 0, 0, 0, 0, 0, -13, -13, 11, -21, -13, 39660, -47008, -47007, 47006, 47006, 2048, 2048, -875, -665, -295, 289, -665, 531, -1826, 1727, 36, 4041, 1940, -12403, -6712, -2283, 7184, -14477, 5305, 19558, 316415, -171675, -291035, -216791, 318902, 0, 0, 0, 0, 0, 0, -2147483648, 0, 2147483647, -2147483648, 0, 0, -1, 0, -2147483648, 268435456, 4096, 0, 0, 0], np.dtype(np.int32)).reshape((1, 2, 8, 5)),
}
constants = {
    'scale': np.array([0.06348800659179688, 0.5, 0.6666666865348816, 16.0, 4.76837158203125e-07, 0.0009765625, 1.4345884323120117, 0.0625], np.dtype(np.float32)).reshape((8,)),
    'zero_point': np.array([0, 0, 0, 0, 0, 0, 0, 0], np.dtype(np.int16)).reshape((8,)),
}
# Every value from lowest to highest conforms; NaN stands for NaN.
lowest = {
    'y': np.array([252.0, 0.0, -772.0, -7828.0, -7797.0, 8628.0, 16888.0, -15736.0, 720.0, -23708.0, 912.0, 9172.0, 1200.0, 25852.0, -15032.0, -6772.0, -14678.0, 9940.0, 10260.0, -22490.0, 0.0, 0.0, 0.0, 0.0, 0.0, -13312.0, -13312.0, 11264.0, -21504.0, -13312.0, 27646.0, -32768.0, -32767.0, 32766.0, 32766.0, 32767.0, 32767.0, -14000.0, -10640.0, -4720.0, 4552.0, -10474.0, 8364.0, -28761.0, 27202.0, 72.0, 8082.0, 3880.0, -24806.0, -13424.0, -3424.0, 10776.0, -21716.0, 7958.0, 29337.0, 19776.0, -10730.0, -18190.0, -13549.0, 19931.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -32768.0, 0.0, 32767.0, -32768.0, 0.0, 0.0, -1.0, 0.0, -32768.0, 32767.0, 32767.0, 0.0, 0.0, 0.0], np.dtype(np.float64)).reshape((1, 2, 8, 5)),
}
highest = {
    'y': np.array([252.0, 0.0, -772.0, -7828.0, -7797.0, 8628.0, 16888.0, -15736.0, 720.0, -23708.0, 912.0, 9172.0, 1200.0, 25852.0, -15032.0, -6772.0, -14678.0, 9940.0, 10260.0, -22490.0, 0.0, 0.0, 0.0, 0.0, 0.0, -13312.0, -13312.0, 11264.0, -21504.0, -13312.0, 27646.0, -32768.0, -32767.0, 32766.0, 32766.0, 32767.0, 32767.0, -14000.0, -10640.0, -4720.0, 4552.0, -10474.0, 8364.0, -28761.0, 27202.0, 72.0, 8082.0, 3880.0, -24806.0, -13424.0, -3424.0, 10776.0, -21716.0, 7958.0, 29337.0, 19776.0, -10730.0, -18190.0, -13549.0, 19931.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -32768.0, 0.0, 32767.0, -32768.0, 0.0, 0.0, -1.0, 0.0, -32768.0, 32767.0, 32767.0, 0.0, 0.0, 0.0], np.dtype(np.float64)).reshape((1, 2, 8, 5)),
}
# Where the specification says nothing, anything conforms.
left_open = {
    'y': np.full((1, 2, 8, 5), False, np.dtype(np.bool)),
}
nodes = [
    helper.make_node('QuantizeLinear', ['x', 'scale', 'zero_point'], ['y'], axis=2),
]
graph = helper.make_graph(
    nodes,
    "reproducer",
    [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in inputs.items()
    ],
    [helper.make_tensor_value_info('y', helper.np_dtype_to_tensor_dtype(np.dtype(np.int16)), (1, 2, 8, 5))],
    [numpy_helper.from_array(array, name) for name, array in constants.items()],
)
imports = [helper.make_opsetid('', 23)]
model = helper.make_model(graph, opset_imports=imports, ir_version=11)

from onnx.reference import ReferenceEvaluator

got = dict(zip([output.name for output in model.graph.output], ReferenceEvaluator(model).run(None, inputs)))
print("onnx", onnx.__version__)

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
