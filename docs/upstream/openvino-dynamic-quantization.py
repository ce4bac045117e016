"""matmul_nbits-uint4-block32-level0-symmetric-opset21: activations before packed weights are rounded to int8 (DYNAMIC_QUANTIZATION_GROUP_SIZE is 32 by default); should be: float32 activations at accuracy levels 0 and 1"""

import ml_dtypes
import numpy as np
import onnx
from onnx import helper, numpy_helper

inputs = {
    'a': np.array([0.0, 0.0, 0.0, 6.400000095367432, *[0.0] * 11, 0.25, 0.0, 0.0, 0.0, 0.0, 0.3499999940395355, 0.0, 0.0, -6.400000095367432, *[0.0] * 10, -0.6499999761581421, *[0.0] * 25, -1.0499999523162842, *[0.0] * 12, -6.074999809265137, -3.174999952316284, 1.2999999523162842, *[0.0] * 11, -1.5, *[0.0] * 12, -1.5749999284744263, -1.75, 0.0, 0.0, -1.7999999523162842, 0.0, -1.850000023841858, 0.0, 0.0, 0.0, 0.02500000223517418, *[0.0] * 11, -2.0999999046325684, 0.0, 2.1500000953674316, 0.0, 2.200000047683716, 0.0, 0.0, 0.0, 0.0, 0.0, 0.02500000223517418, 0.0, 0.0, 0.0, 0.0, 0.0, -6.487500190734863, 0.0, 0.0, 0.0, 0.0, -2.5999999046325684, 6.262499809265137, *[0.0] * 10, -6.474999904632568, 2.950000047683716, 0.0, -6.449999809265137, 0.0, 0.0, 0.0, 1.9038281440734863, 0.0, 0.0, 0.0, 3.1500000953674316, 0.0, 0.0, 0.0, -0.8807812333106995, 0.0, 0.0, -5.376953125, *[0.0] * 12, -0.8807812333106995, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.19226574897766113, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -5.376953125, 0.0, 0.0, -4.050000190734863, 0.0, 1.9038281440734863, 0.0, 0.0, 4.150000095367432, *[0.0] * 16, -5.659902095794678, 0.0, -4.550000190734863, 0.19226574897766113, 0.0, 0.0, 4.650000095367432, 1.9038281440734863, 0.0, 0.0, 0.0, 0.0, -4.800000190734863, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 4.900000095367432, *[0.0] * 13, -5.376953125, 0.0, -5.25, -2.0748199436749354e-13, -8.0, 8.0, -0.003235514974221587, -8.0, -1.0430503032468619e-12, 1.5414283107572988e-44, 0.000282319204416126, 0.000282319204416126, -3.984617339417649e-36, -4.6781745482140765e-18, -8.0, 8.0, -7.29523748077554e-08, 1.208858428122152e-21, -2.3518046797166735e-17, 6.3655569704224035e-09, -1.0548056063392092e-22, -1.0548056063392092e-22, 8.0, -8.0, 8.0, -1.644884640820965e-12, -8.0, -4.516553106334604e-40, 8.0, 1.401298464324817e-45, 1.1754943508222875e-38, 1.1754943508222875e-38, 8.0, -8.0, 1.0, 1.0, -1.0, -1.0, -0.0, 8.0, -8.0, -8.0, 8.0, 8.0, -8.0, 8.0, 8.0, 8.0, 8.0, 8.0, 8.0, 8.0, *[0.0] * 9], np.dtype(np.float32)).reshape((2, 160)),
}
constants = {
    'b': np.full((9, 5, 16), 0, np.dtype(np.uint8)),
    'scales': np.full((45,), 1.0, np.dtype(np.float32)),
}
# Every value from lowest to highest conforms; NaN stands for NaN.
lowest = {
    'y': np.array([*[224.1943626818531] * 9, -293.94923263819555, -293.94923263819555, -293.94923263819555, -293.94923263819555, -293.94923263819555, -293.94923263819555, -293.94923263819555, -293.94923263819555, -293.9492326381956], np.dtype(np.float64)).reshape((2, 9)),
}
highest = {
    'y': np.array([*[224.20562704230613] * 9, -293.90710110372015, -293.90710110372015, -293.90710110372015, -293.90710110372015, -293.90710110372015, -293.90710110372015, -293.90710110372015, -293.90710110372015, -293.9071011037202], np.dtype(np.float64)).reshape((2, 9)),
}
nodes = [
    helper.make_node('MatMulNBits', ['a', 'b', 'scales'], ['y'], domain='com.microsoft', K=160, N=9, bits=4, block_size=32, accuracy_level=0),
]
graph = helper.make_graph(
    nodes,
    "reproducer",
    [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in inputs.items()
    ],
    [helper.make_tensor_value_info('y', helper.np_dtype_to_tensor_dtype(np.dtype(np.float32)), (2, 9))],
    [numpy_helper.from_array(array, name) for name, array in constants.items()],
)
imports = [helper.make_opsetid('', 21), helper.make_opsetid('com.microsoft', 1)]
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
    deviates |= not inside.all()
    for index in np.argwhere(~inside)[:8].tolist():
        at = tuple(index)
        print(name, index, "is", values[at], "should be from", lowest[name][at], "to", highest[name][at])
raise SystemExit(int(deviates))
