"""dequantize_linear-float8e4m3fn_fp32-scale_float8e8m0-no_zero_point-blocked-opset24: subnormal float32 values are flushed to zero, 2⁻¹²⁷ of float8e8m0 among them; should be: 2⁻¹²⁷ and its multiples"""

import ml_dtypes
import numpy as np
import onnx
from onnx import helper, numpy_helper

inputs = {
}
constants = {
    'x': np.array([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113, 114, 115, 116, 117, 118, 119, 120, 121, 122, 123, 124, 125, 126, 127, 128, 129], np.uint8).view(np.dtype(ml_dtypes.float8_e4m3fn)).reshape((8, 8, 2)),
    'scale': np.array([127, 120, 129, 132, 131, 254, 133, 130, 129, 127, 131, 120, 123, 131, 121, 125, 127, 125, 122, 125, 121, 117, 130, 133, 123, 134, 119, 129, 1, 118, 129, 123, 126, 133, 125, 124, 118, 132, 127, 126, 121, 121, 132, 7, 129, 134, 130, 133, 117, 7, 119, 135, 124, 137, 128, 119, 254, 122, 137, 127, 7, 122, 133, 126, 119, 119, 120, 120, 118, 7, 120, 118, 126, 134, 118, 135, 125, 129, 137, 119, 126, 125, 254, 122, 133, 133, 127, 127, 124, 125, 125, 117, 134, 127, 122, 133, 131, 124, 133, 124, 137, 133, 117, 129, 0, 119, 134, 0, 126, 129, 122, 127, 133, 119, 254, 254, 120, 118, 137, 131, 127, 128, 122, 121, 119, 254, 131, 0], np.uint8).view(np.dtype(ml_dtypes.float8_e8m0fnu)).reshape((8, 8, 2)),
}
# Every value from lowest to highest conforms; NaN stands for NaN.
lowest = {
    'y': np.array([0.00390625, 4.57763671875e-05, 0.03125, 0.3125, 0.1875, 2.3261489926236028e+36, 1.0, 0.140625, 0.078125, 0.021484375, 0.375, 0.0001983642578125, 0.001708984375, 0.46875, 0.00048828125, 0.0087890625, 0.0390625, 0.0107421875, 0.00146484375, 0.0126953125, 0.0008544921875, 5.7220458984375e-05, 0.5, 4.5, 0.0048828125, 11.0, 0.0003662109375, 0.40625, 1.285696946211877e-39, 0.0002288818359375, 0.5, 0.0087890625, 0.078125, 11.0, 0.046875, 0.025390625, 0.00042724609375, 7.5, 0.25, 0.140625, 0.0048828125, 0.00537109375, 12.0, 3.0562853121379475e-37, 1.75, 60.0, 4.0, 36.0, 0.0006103515625, 5.172175143618065e-37, 0.0029296875, 208.0, 0.109375, 960.0, 2.0, 0.00439453125, 2.1267647932558654e+38, 0.04296875, 1536.0, 1.625, 1.316553672920962e-36, 0.05859375, 128.0, 1.125, 0.009765625, 0.0107421875, 0.0234375, 0.025390625, 0.0068359375, 2.82118644197349e-36, 0.03125, 0.0087890625, 2.5, 704.0, 0.01171875, 1664.0, 1.75, 30.0, 8192.0, 0.03515625, 5.0, 2.75, float("inf"), 0.40625, 896.0, 960.0, 16.0, 18.0, 2.5, 5.5, 6.0, 0.025390625, 3584.0, 30.0, 1.0, 2304.0, 640.0, 5.5, 3072.0, 6.5, 57344.0, 3840.0, 0.0625, 288.0, 4.70197740328915e-37, 0.34375, 12288.0, 6.112570624275895e-37, 56.0, 480.0, 4.0, 144.0, 10240.0, 0.6875, float("inf"), float("inf"), 1.75, 0.46875, 262144.0, 4608.0, 320.0, 704.0, 12.0, 6.5, 1.75, float("nan"), -0.0, -1.1479437019748901e-41], np.dtype(np.float64)).reshape((8, 8, 2)),
}
highest = {
    'y': np.array([0.00390625, 4.57763671875e-05, 0.03125, 0.3125, 0.1875, 2.3261489926236028e+36, 1.0, 0.140625, 0.078125, 0.021484375, 0.375, 0.0001983642578125, 0.001708984375, 0.46875, 0.00048828125, 0.0087890625, 0.0390625, 0.0107421875, 0.00146484375, 0.0126953125, 0.0008544921875, 5.7220458984375e-05, 0.5, 4.5, 0.0048828125, 11.0, 0.0003662109375, 0.40625, 1.285696946211877e-39, 0.0002288818359375, 0.5, 0.0087890625, 0.078125, 11.0, 0.046875, 0.025390625, 0.00042724609375, 7.5, 0.25, 0.140625, 0.0048828125, 0.00537109375, 12.0, 3.0562853121379475e-37, 1.75, 60.0, 4.0, 36.0, 0.0006103515625, 5.172175143618065e-37, 0.0029296875, 208.0, 0.109375, 960.0, 2.0, 0.00439453125, 2.1267647932558654e+38, 0.04296875, 1536.0, 1.625, 1.316553672920962e-36, 0.05859375, 128.0, 1.125, 0.009765625, 0.0107421875, 0.0234375, 0.025390625, 0.0068359375, 2.82118644197349e-36, 0.03125, 0.0087890625, 2.5, 704.0, 0.01171875, 1664.0, 1.75, 30.0, 8192.0, 0.03515625, 5.0, 2.75, float("inf"), 0.40625, 896.0, 960.0, 16.0, 18.0, 2.5, 5.5, 6.0, 0.025390625, 3584.0, 30.0, 1.0, 2304.0, 640.0, 5.5, 3072.0, 6.5, 57344.0, 3840.0, 0.0625, 288.0, 4.70197740328915e-37, 0.34375, 12288.0, 6.112570624275895e-37, 56.0, 480.0, 4.0, 144.0, 10240.0, 0.6875, float("inf"), float("inf"), 1.75, 0.46875, 262144.0, 4608.0, 320.0, 704.0, 12.0, 6.5, 1.75, float("nan"), -0.0, -1.1479437019748901e-41], np.dtype(np.float64)).reshape((8, 8, 2)),
}
# Where the specification says nothing, anything conforms.
left_open = {
}
nodes = [
    helper.make_node('DequantizeLinear', ['x', 'scale'], ['y'], output_dtype=1, axis=2, block_size=1),
]
graph = helper.make_graph(
    nodes,
    "reproducer",
    [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in inputs.items()
    ],
    [helper.make_tensor_value_info('y', helper.np_dtype_to_tensor_dtype(np.dtype(np.float32)), (8, 8, 2))],
    [numpy_helper.from_array(array, name) for name, array in constants.items()],
)
imports = [helper.make_opsetid('', 24)]
model = helper.make_model(graph, opset_imports=imports, ir_version=12)

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
