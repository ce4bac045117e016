"""qdq_lstm-s8-opset21: an LSTM of dequantized int8 is off by up to half of the range; should be: the nearest code"""

import ml_dtypes
import numpy as np
import onnx
from onnx import helper, numpy_helper

inputs = {
    'x': np.array([127.0, -17.0, -104.0, 126.0, -9.0, -33.0, 125.0, 125.0, 9.0, 46.0, -53.0, -52.0, 127.0, 61.0, 87.0], np.dtype(np.float32)).reshape((3, 1, 5)),
}
constants = {
    'x_scale': np.array([1.0], np.dtype(np.float32)).reshape(()),
    'x_zero': np.array([0], np.dtype(np.int8)).reshape(()),
    'w_scale': np.array([1.0], np.dtype(np.float32)).reshape(()),
    'w_zero': np.array([0], np.dtype(np.int8)).reshape(()),
    'w': np.array([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -33, -127, 0, 0, -126, 126, 30, -128, 0, -128, 46, -23, 106, 15, 0, 34, -112, -93, 0, 0, 0, 0, -55, -91, 74, -128, 74, 59, -32, -68, -104, 0, -30, -66, 44, 0, 118, -128, 0, 98, 65, -81, 29, -128, 104, -43, -128, -109, 50, 0, -77, -39, 126, -111, 54, 73], np.dtype(np.int8)).reshape((1, 16, 5)),
    'r_scale': np.array([1.0], np.dtype(np.float32)).reshape(()),
    'r_zero': np.array([0], np.dtype(np.int8)).reshape(()),
    'r': np.array([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], np.dtype(np.int8)).reshape((1, 16, 4)),
    'y_scale': np.array([0.0037914218846708536], np.dtype(np.float32)).reshape(()),
    'y_zero': np.array([0], np.dtype(np.int8)).reshape(()),
}
# Every value from lowest to highest conforms; NaN stands for NaN.
lowest = {
    'y': np.array([0.45117851546942267, -0.0037918865126159718, -0.0037918865126159718, -4.6282005428111006e-07, -4.6282005428111006e-07, -0.4739284243902656, -4.6282005428111006e-07, 0.447387091776861, -4.6282005428111006e-07, -0.4777198480828273, 0.4473870935847518, -0.4777198480828273], np.dtype(np.float64)).reshape((3, 1, 1, 4)),
}
highest = {
    'y': np.array([0.4739284243902656, 0.0037918865126159718, 0.0037918865126159718, 4.6282005428111006e-07, 4.6282005428111006e-07, -0.45117851546942267, 4.6282005428111006e-07, 0.4777198480828273, 4.6282005428111006e-07, -0.4435956698921901, 0.4739284243902656, -0.447387091776861], np.dtype(np.float64)).reshape((3, 1, 1, 4)),
}
nodes = [
    helper.make_node('QuantizeLinear', ['x', 'x_scale', 'x_zero'], ['x_quantized']),
    helper.make_node('DequantizeLinear', ['x_quantized', 'x_scale', 'x_zero'], ['x_dequantized']),
    helper.make_node('DequantizeLinear', ['w', 'w_scale', 'w_zero'], ['w_dequantized']),
    helper.make_node('DequantizeLinear', ['r', 'r_scale', 'r_zero'], ['r_dequantized']),
    helper.make_node('LSTM', ['x_dequantized', 'w_dequantized', 'r_dequantized'], ['sequence'], hidden_size=4),
    helper.make_node('QuantizeLinear', ['sequence', 'y_scale', 'y_zero'], ['y_quantized']),
    helper.make_node('DequantizeLinear', ['y_quantized', 'y_scale', 'y_zero'], ['y']),
]
graph = helper.make_graph(
    nodes,
    "reproducer",
    [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in inputs.items()
    ],
    [helper.make_tensor_value_info('y', helper.np_dtype_to_tensor_dtype(np.dtype(np.float32)), (3, 1, 1, 4))],
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
