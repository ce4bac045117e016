"""dynamic_quantize_matmul-s8-per_tensor-opset21: DynamicQuantizeMatMul multiplies the float activations: they are not quantized; should be: activations quantized as DynamicQuantizeLinear does"""

import ml_dtypes
import numpy as np
import onnx
from onnx import helper, numpy_helper

inputs = {
    'a': np.array([-12.699999809265137, -12.699999809265137, 9.699999809265137, -9.399999618530273, -12.449999809265137, 0.3499999940395355, -5.949999809265137, 3.75, -2.6500000953674316, -8.850000381469727, 0.8500000238418579, -2.249999761581421, 4.149999618530273, 4.250000476837158, -2.049999713897705, 7.65000057220459, 12.699999809265137, -12.699999809265137, 6.5, 10.231544494628906, 5.657782077789307, 8.799332618713379, -7.023168087005615, -10.883049011230469, 2.744030237197876, 10.132887840270996, -8.288554191589355, -4.367701530456543, 9.088104248046875, -8.554036140441895, -1.1354421340240432e-19, 20.0, 0.0014192707603797317, -2.3518046797166735e-17, 20.0, 20.0, 20.0, 12.574999809265137, 0.0, -5.250000476837158, 7.5500006675720215, -12.600000381469727, 12.675000190734863, 6.155510425567627, -8.4553804397583, -5.363157749176025, -0.8387235403060913, 2.4092841148376465, 20.0, -3.299999952316284, -2.9000000953674316, 6.900000095367432, 0.9315877556800842, 1.1754943508222875e-38], np.dtype(np.float32)).reshape((6, 9)),
}
constants = {
    'b': np.array([*[0] * 89, -1], np.dtype(np.int8)).reshape((9, 10)),
    'b_scale': np.array([1.0], np.dtype(np.float32)).reshape(()),
    'b_zero': np.array([0], np.dtype(np.int8)).reshape(()),
}
# Every value from lowest to highest conforms; NaN stands for NaN.
lowest = {
    'y': np.array([*[-1.401298464324817e-44] * 9, 2.6929376724517904, *[-1.401298464324817e-44] * 9, 12.695277598701297, *[-1.401298464324817e-44] * 9, 8.335283271874589, *[-1.401298464324817e-44] * 9, -20.00473231695747, *[-1.401298464324817e-44] * 9, 8.463518399134198, *[-1.401298464324817e-44] * 10], np.dtype(np.float64)).reshape((6, 10)),
}
highest = {
    'y': np.array([*[1.401298464324817e-44] * 9, 2.6929447349750437, *[1.401298464324817e-44] * 9, 12.695310893453778, *[1.401298464324817e-44] * 9, 8.335305132065612, *[1.401298464324817e-44] * 9, -20.004679852499013, *[1.401298464324817e-44] * 9, 8.463540595635852, *[1.401298464324817e-44] * 10], np.dtype(np.float64)).reshape((6, 10)),
}
nodes = [
    helper.make_node('DynamicQuantizeMatMul', ['a', 'b', 'b_scale', 'b_zero'], ['y'], domain='com.microsoft'),
]
graph = helper.make_graph(
    nodes,
    "reproducer",
    [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in inputs.items()
    ],
    [helper.make_tensor_value_info('y', helper.np_dtype_to_tensor_dtype(np.dtype(np.float32)), (6, 10))],
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
