"""dequantize_linear-uint8_bf16-per_axis-opset19: a bfloat16 DequantizeLinear is computed in float32, and its output is not rounded to bfloat16; should be: bfloat16 values"""

import ml_dtypes
import numpy as np
import onnx
from onnx import helper, numpy_helper

inputs = {
}
constants = {
    'x': np.array([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10, 255, 0, 255, 0, 0, 255, 0, 0, 0, 0, 0, 0, 2, 1, 2, 0, 0, 253, 0, 0, 1, 27, 0, 0, 1, 0, 0, 0, 0, 0, 254, 253, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 49, 179, 33, 0, 0, 107, 0, 0, 57, 0, 0, 0, 0, 0, 0, 0, 0, 0, 183, 0, 92, 0, 0, 0, 0, 68, 221, 75, 0, 0, 0, 0, 73, 204, 0, 0, 77, 242, 0, 151, 0, 0, 0, 0, 0, 0, 87, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 98, 0, 100, 0, 0, 0, 0, 0, 0, 30, 250, 0, 0, 0, 0, 0, 109, 68, 0, 0, 112, 142, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 163, 0, 0, 0, 0, 0, 0, 0], np.dtype(np.uint8)).reshape((5, 33)),
    'scale': np.array([1.0, 1.0, 1.0, 1.0, 0.333984375], np.dtype(ml_dtypes.bfloat16)).reshape((5,)),
    'zero_point': np.array([0, 0, 0, 0, 0], np.dtype(np.uint8)).reshape((5,)),
}
# Every value from lowest to highest conforms; NaN stands for NaN.
lowest = {
    'y_wide': np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 10.0, 255.0, 0.0, 255.0, 0.0, 0.0, 255.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0, 1.0, 2.0, 0.0, 0.0, 253.0, 0.0, 0.0, 1.0, 27.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 254.0, 253.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 49.0, 179.0, 33.0, 0.0, 0.0, 107.0, 0.0, 0.0, 57.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 183.0, 0.0, 92.0, 0.0, 0.0, 0.0, 0.0, 68.0, 221.0, 75.0, 0.0, 0.0, 0.0, 0.0, 73.0, 204.0, 0.0, 0.0, 77.0, 242.0, 0.0, 151.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 87.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 98.0, 0.0, 100.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 30.0, 250.0, 0.0, 0.0, 0.0, 0.0, 0.0, 36.5, 22.75, 0.0, 0.0, 37.5, 47.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 54.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], np.dtype(np.float64)).reshape((5, 33)),
}
highest = {
    'y_wide': np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 10.0, 255.0, 0.0, 255.0, 0.0, 0.0, 255.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0, 1.0, 2.0, 0.0, 0.0, 253.0, 0.0, 0.0, 1.0, 27.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 254.0, 253.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 49.0, 179.0, 33.0, 0.0, 0.0, 107.0, 0.0, 0.0, 57.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 183.0, 0.0, 92.0, 0.0, 0.0, 0.0, 0.0, 68.0, 221.0, 75.0, 0.0, 0.0, 0.0, 0.0, 73.0, 204.0, 0.0, 0.0, 77.0, 242.0, 0.0, 151.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 87.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 98.0, 0.0, 100.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 30.0, 250.0, 0.0, 0.0, 0.0, 0.0, 0.0, 36.5, 22.75, 0.0, 0.0, 37.5, 47.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 54.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], np.dtype(np.float64)).reshape((5, 33)),
}
nodes = [
    helper.make_node('DequantizeLinear', ['x', 'scale', 'zero_point'], ['y'], axis=0),
    helper.make_node('Cast', ['y'], ['y_wide'], to=1),
]
graph = helper.make_graph(
    nodes,
    "reproducer",
    [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in inputs.items()
    ],
    [helper.make_tensor_value_info('y_wide', helper.np_dtype_to_tensor_dtype(np.dtype(np.float32)), (5, 33))],
    [numpy_helper.from_array(array, name) for name, array in constants.items()],
)
imports = [helper.make_opsetid('', 19)]
model = helper.make_model(graph, opset_imports=imports, ir_version=9)

import openvino

core = openvino.Core()
compiled = core.compile_model(core.read_model(model.SerializeToString()), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
got = dict(zip([output.name for output in model.graph.output], compiled(inputs).to_tuple()))
print("openvino", openvino.__version__)

deviates = False
for name in lowest:
    values = np.asarray(got[name]).astype(np.float64)
    inside = values.shape == lowest[name].shape and np.all(
        (np.isnan(values) & np.isnan(lowest[name])) | ((values >= lowest[name]) & (values <= highest[name]))
    )
    deviates = deviates or not inside
    print(name, "is", values.tolist())
    print("  should be from", lowest[name].tolist())
    print("              to", highest[name].tolist())
raise SystemExit(int(deviates))
