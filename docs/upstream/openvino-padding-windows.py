"""qdq_conv_relu-u8s8-padding_windows-opset21: a convolution with padding as large as its kernel reads what is not its own: wrong at times, SIGSEGV at times; should be: zeros from the padding"""

import ml_dtypes
import numpy as np
import onnx
from onnx import helper, numpy_helper

inputs = {
    'x': np.array([-3.09375, -1.84375, -1.5, -3.09375, 0.25, -1.40625, -2.234375, 0.390625, 0.859375, 0.59375, 0.859375, -2.265625, 0.875, 0.3125, 0.265625, 0.859375, 0.03125, -0.1875, -1.71875, -1.65625, -3.0625, -1.890625, -2.125, 0.890625], np.dtype(np.float32)).reshape((2, 2, 2, 3)),
}
constants = {
    'x_scale': np.array([0.015625], np.dtype(np.float32)).reshape(()),
    'x_zero': np.array([198], np.dtype(np.uint8)).reshape(()),
    'w_scale': np.array([0.12605133652687073], np.dtype(np.float32)).reshape(()),
    'w_zero': np.array([0], np.dtype(np.int8)).reshape(()),
    'w': np.array([16, 4, -99, -25, 127, 125, 28, -93, -25, 118, -43, 126], np.dtype(np.int8)).reshape((6, 1, 2, 1)),
    'y_scale': np.array([0.25], np.dtype(np.float32)).reshape(()),
    'y_zero': np.array([0], np.dtype(np.uint8)).reshape(()),
}
# Every value from lowest to highest conforms; NaN stands for NaN.
lowest = {
    'y': np.array([*[-3.0517578125e-05] * 25, 9.749964833259583, 5.749966740608215, 4.7499672174453735, -3.0517578125e-05, -3.0517578125e-05, -3.0517578125e-05, 48.24994647502899, 22.249958872795105, 23.249958395957947, *[-3.0517578125e-05] * 27, 26.249956965446472, -3.0517578125e-05, -3.0517578125e-05, -3.0517578125e-05, -3.0517578125e-05, -3.0517578125e-05, -3.0517578125e-05, -3.0517578125e-05, 29.499955415725708, *[-3.0517578125e-05] * 10, 5.749966740608215, 12.749963402748108, -3.0517578125e-05, -3.0517578125e-05, -3.0517578125e-05, 15.749961972236633, 11.499963998794556, *[-3.0517578125e-05] * 11, 6.249966502189636, 13.74996292591095, -3.0517578125e-05, -3.0517578125e-05, -3.0517578125e-05, 21.499959230422974, 11.499963998794556, *[-3.0517578125e-05] * 10, 0.4999692440032959, 0.24996936321258545, 0.24996936321258545, -3.0517578125e-05, -3.0517578125e-05, -3.0517578125e-05, 2.249968409538269, 0.7499691247940063, 0.4999692440032959, *[-3.0517578125e-05] * 27, 13.74996292591095, 4.999967098236084, 4.249967455863953, -3.0517578125e-05, -3.0517578125e-05, -3.0517578125e-05, 27.499956369400024, 5.499966859817505, 1.2499688863754272, *[-3.0517578125e-05] * 9, 20.24995982646942, 19.49996018409729, 35.99995231628418, -3.0517578125e-05, -3.0517578125e-05, -3.0517578125e-05, 15.999961853027344, 18.99996042251587, *[-3.0517578125e-05] * 18, 22.999958515167236, *[-3.0517578125e-05] * 17, 30.74995481967926, -3.0517578125e-05, -3.0517578125e-05], np.dtype(np.float64)).reshape((2, 6, 3, 6)),
}
highest = {
    'y': np.array([*[3.0517578125e-05] * 25, 9.750035166740417, 5.750033259391785, 4.7500327825546265, 3.0517578125e-05, 3.0517578125e-05, 3.0517578125e-05, 48.25005352497101, 22.250041127204895, 23.250041604042053, *[3.0517578125e-05] * 27, 26.250043034553528, 3.0517578125e-05, 3.0517578125e-05, 3.0517578125e-05, 3.0517578125e-05, 3.0517578125e-05, 3.0517578125e-05, 3.0517578125e-05, 29.500044584274292, *[3.0517578125e-05] * 10, 5.750033259391785, 12.750036597251892, 3.0517578125e-05, 3.0517578125e-05, 3.0517578125e-05, 15.750038027763367, 11.500036001205444, *[3.0517578125e-05] * 11, 6.250033497810364, 13.75003707408905, 3.0517578125e-05, 3.0517578125e-05, 3.0517578125e-05, 21.500040769577026, 11.500036001205444, *[3.0517578125e-05] * 10, 0.5000307559967041, 0.25003063678741455, 0.25003063678741455, 3.0517578125e-05, 3.0517578125e-05, 3.0517578125e-05, 2.250031590461731, 0.7500308752059937, 0.5000307559967041, *[3.0517578125e-05] * 27, 13.75003707408905, 5.000032901763916, 4.250032544136047, 3.0517578125e-05, 3.0517578125e-05, 3.0517578125e-05, 27.500043630599976, 5.500033140182495, 1.2500311136245728, *[3.0517578125e-05] * 9, 20.25004017353058, 19.50003981590271, 36.00004768371582, 3.0517578125e-05, 3.0517578125e-05, 3.0517578125e-05, 16.000038146972656, 19.00003957748413, *[3.0517578125e-05] * 18, 23.000041484832764, *[3.0517578125e-05] * 17, 30.75004518032074, 3.0517578125e-05, 3.0517578125e-05], np.dtype(np.float64)).reshape((2, 6, 3, 6)),
}
nodes = [
    helper.make_node('QuantizeLinear', ['x', 'x_scale', 'x_zero'], ['x_quantized']),
    helper.make_node('DequantizeLinear', ['x_quantized', 'x_scale', 'x_zero'], ['x_dequantized']),
    helper.make_node('DequantizeLinear', ['w', 'w_scale', 'w_zero'], ['w_dequantized']),
    helper.make_node('Conv', ['x_dequantized', 'w_dequantized'], ['convolved'], kernel_shape=[2, 1], strides=[1, 1], dilations=[1, 1], pads=[2, 1, 0, 2], group=2),
    helper.make_node('Relu', ['convolved'], ['activated']),
    helper.make_node('QuantizeLinear', ['activated', 'y_scale', 'y_zero'], ['y_quantized']),
    helper.make_node('DequantizeLinear', ['y_quantized', 'y_scale', 'y_zero'], ['y']),
]
graph = helper.make_graph(
    nodes,
    "reproducer",
    [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in inputs.items()
    ],
    [helper.make_tensor_value_info('y', helper.np_dtype_to_tensor_dtype(np.dtype(np.float32)), (2, 6, 3, 6))],
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
    deviates |= not inside.all()
    for index in np.argwhere(~inside)[:8].tolist():
        at = tuple(index)
        print(name, index, "is", values[at], "should be from", lowest[name][at], "to", highest[name][at])
raise SystemExit(int(deviates))
