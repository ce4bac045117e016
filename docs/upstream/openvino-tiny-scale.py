"""qdq_attention-u8-opset21: values whose scale is about 4e-9 or less count as 0 in a quantized attention, and come out right multiplied by 16; should be: the nearest code, whatever the scale"""

import ml_dtypes
import numpy as np
import onnx
from onnx import helper, numpy_helper

inputs = {
    'q': np.full((1, 5, 13), 0.0, np.dtype(np.float32)),
    'k': np.full((1, 13, 5), 0.0, np.dtype(np.float32)),
    'v': np.array([-9.313225746154785e-10, 1.1920928955078125e-07, -9.313225746154785e-10, 2.3655593395233154e-07, -9.313225746154785e-10, -9.313225746154785e-10, -9.313225746154785e-10, 7.450580596923828e-09, -9.313225746154785e-10, 2.3655593395233154e-07, -9.313225746154785e-10, -9.313225746154785e-10, 1.30385160446167e-08, 0.0, 0.0, -9.313225746154785e-10, 1.7695128917694092e-08, 2.3469328880310059e-07, -9.313225746154785e-10, 9.313225746154785e-10, -9.313225746154785e-10, 0.0, -9.313225746154785e-10, -9.313225746154785e-10, 2.3562461137771606e-07, 1.0244548320770264e-08, -9.313225746154785e-10, 4.377216100692749e-08, 9.872019290924072e-08, 1.3969838619232178e-08, 1.341104507446289e-07, 4.936009645462036e-08, 3.3527612686157227e-08, -9.313225746154785e-10, -9.313225746154785e-10, 8.66129994392395e-08, -9.313225746154785e-10, 5.3085386753082275e-08, 7.078051567077637e-08, -9.313225746154785e-10, -9.313225746154785e-10, -9.313225746154785e-10, 7.264316082000732e-08, 1.7508864402770996e-07, -9.313225746154785e-10, -9.313225746154785e-10, 9.220093488693237e-08, -9.313225746154785e-10, 7.636845111846924e-08, -9.313225746154785e-10, -9.313225746154785e-10, 2.1420419216156006e-07, -9.313225746154785e-10, 1.8067657947540283e-07, 4.470348358154297e-08, 6.239861249923706e-08, 1.648440957069397e-07, 1.4901161193847656e-07, 2.0023435354232788e-07, 4.842877388000488e-08, 9.96515154838562e-08, 1.685693860054016e-07, 1.685693860054016e-07, 8.381903171539307e-08, 1.862645149230957e-07], np.dtype(np.float32)).reshape((1, 5, 13)),
}
constants = {
    'q_scale': np.array([0.00390625], np.dtype(np.float32)).reshape(()),
    'q_zero': np.array([0], np.dtype(np.uint8)).reshape(()),
    'k_scale': np.array([0.00390625], np.dtype(np.float32)).reshape(()),
    'k_zero': np.array([0], np.dtype(np.uint8)).reshape(()),
    'v_scale': np.array([9.313225746154785e-10], np.dtype(np.float32)).reshape(()),
    'v_zero': np.array([1], np.dtype(np.uint8)).reshape(()),
    'factor': np.array([0.2773500978946686], np.dtype(np.float32)).reshape(()),
    'scaled_scale': np.array([0.0078125], np.dtype(np.float32)).reshape(()),
    'scaled_zero': np.array([0], np.dtype(np.uint8)).reshape(()),
    'shares_scale': np.array([0.0015626907115802169], np.dtype(np.float32)).reshape(()),
    'shares_zero': np.array([0], np.dtype(np.uint8)).reshape(()),
    'y_scale': np.array([1.1062155635954696e-09], np.dtype(np.float32)).reshape(()),
    'y_zero': np.array([0], np.dtype(np.uint8)).reshape(()),
}
# Every value from lowest to highest conforms; NaN stands for NaN.
lowest = {
    'y': np.array([-1.350360795404626e-13, 6.858519720278906e-08, 2.7655240866690056e-08, 8.075356260000768e-08, 1.415953895861008e-07, 3.8717391227797895e-08, 4.646089648057338e-08, 2.876145590280084e-08, 1.991173561391457e-08, 1.139400136833312e-07, 3.3186316047243976e-08, 7.411627238334298e-08, 9.845300317778022e-08, -1.350360795404626e-13, 6.858519720278906e-08, 2.7655240866690056e-08, 8.075356260000768e-08, 1.415953895861008e-07, 3.8717391227797895e-08, 4.646089648057338e-08, 2.876145590280084e-08, 1.991173561391457e-08, 1.139400136833312e-07, 3.3186316047243976e-08, 7.411627238334298e-08, 9.845300317778022e-08, -1.350360795404626e-13, 6.858519720278906e-08, 2.7655240866690056e-08, 8.075356260000768e-08, 1.415953895861008e-07, 3.8717391227797895e-08, 4.646089648057338e-08, 2.876145590280084e-08, 1.991173561391457e-08, 1.139400136833312e-07, 3.3186316047243976e-08, 7.411627238334298e-08, 9.845300317778022e-08, -1.350360795404626e-13, 6.858519720278906e-08, 2.7655240866690056e-08, 8.075356260000768e-08, 1.415953895861008e-07, 3.8717391227797895e-08, 4.646089648057338e-08, 2.876145590280084e-08, 1.991173561391457e-08, 1.139400136833312e-07, 3.3186316047243976e-08, 7.411627238334298e-08, 9.845300317778022e-08, -1.350360795404626e-13, 6.858519720278906e-08, 2.7655240866690056e-08, 8.075356260000768e-08, 1.415953895861008e-07, 3.8717391227797895e-08, 4.646089648057338e-08, 2.876145590280084e-08, 1.991173561391457e-08, 1.139400136833312e-07, 3.3186316047243976e-08, 7.411627238334298e-08, 9.845300317778022e-08], np.dtype(np.float64)).reshape((1, 5, 13)),
}
highest = {
    'y': np.array([1.350360795404626e-13, 6.858553268304917e-08, 2.7655537313083422e-08, 8.075390968493088e-08, 1.4159579469433942e-07, 3.8717698223884975e-08, 4.646121086144606e-08, 2.8761753404163578e-08, 1.9912024675522336e-08, 1.1394039241733553e-07, 3.31866177684842e-08, 7.411661313844994e-08, 9.845336714221336e-08, 1.350360795404626e-13, 6.858553268304917e-08, 2.7655537313083422e-08, 8.075390968493088e-08, 1.4159579469433942e-07, 3.8717698223884975e-08, 4.646121086144606e-08, 2.8761753404163578e-08, 1.9912024675522336e-08, 1.1394039241733553e-07, 3.31866177684842e-08, 7.411661313844994e-08, 9.845336714221336e-08, 1.350360795404626e-13, 6.858553268304917e-08, 2.7655537313083422e-08, 8.075390968493088e-08, 1.4159579469433942e-07, 3.8717698223884975e-08, 4.646121086144606e-08, 2.8761753404163578e-08, 1.9912024675522336e-08, 1.1394039241733553e-07, 3.31866177684842e-08, 7.411661313844994e-08, 9.845336714221336e-08, 1.350360795404626e-13, 6.858553268304917e-08, 2.7655537313083422e-08, 8.075390968493088e-08, 1.4159579469433942e-07, 3.8717698223884975e-08, 4.646121086144606e-08, 2.8761753404163578e-08, 1.9912024675522336e-08, 1.1394039241733553e-07, 3.31866177684842e-08, 7.411661313844994e-08, 9.845336714221336e-08, 1.350360795404626e-13, 6.858553268304917e-08, 2.7655537313083422e-08, 8.075390968493088e-08, 1.4159579469433942e-07, 3.8717698223884975e-08, 4.646121086144606e-08, 2.8761753404163578e-08, 1.9912024675522336e-08, 1.1394039241733553e-07, 3.31866177684842e-08, 7.411661313844994e-08, 9.845336714221336e-08], np.dtype(np.float64)).reshape((1, 5, 13)),
}
# Where the specification says nothing, anything conforms.
left_open = {
}
nodes = [
    helper.make_node('QuantizeLinear', ['q', 'q_scale', 'q_zero'], ['q_quantized']),
    helper.make_node('DequantizeLinear', ['q_quantized', 'q_scale', 'q_zero'], ['q_dequantized']),
    helper.make_node('QuantizeLinear', ['k', 'k_scale', 'k_zero'], ['k_quantized']),
    helper.make_node('DequantizeLinear', ['k_quantized', 'k_scale', 'k_zero'], ['k_dequantized']),
    helper.make_node('QuantizeLinear', ['v', 'v_scale', 'v_zero'], ['v_quantized']),
    helper.make_node('DequantizeLinear', ['v_quantized', 'v_scale', 'v_zero'], ['v_dequantized']),
    helper.make_node('MatMul', ['q_dequantized', 'k_dequantized'], ['scores']),
    helper.make_node('Mul', ['scores', 'factor'], ['scaled']),
    helper.make_node('QuantizeLinear', ['scaled', 'scaled_scale', 'scaled_zero'], ['scaled_quantized']),
    helper.make_node('DequantizeLinear', ['scaled_quantized', 'scaled_scale', 'scaled_zero'], ['scaled_dequantized']),
    helper.make_node('Softmax', ['scaled_dequantized'], ['shares'], axis=-1),
    helper.make_node('QuantizeLinear', ['shares', 'shares_scale', 'shares_zero'], ['shares_quantized']),
    helper.make_node('DequantizeLinear', ['shares_quantized', 'shares_scale', 'shares_zero'], ['shares_dequantized']),
    helper.make_node('MatMul', ['shares_dequantized', 'v_dequantized'], ['attended']),
    helper.make_node('QuantizeLinear', ['attended', 'y_scale', 'y_zero'], ['y_quantized']),
    helper.make_node('DequantizeLinear', ['y_quantized', 'y_scale', 'y_zero'], ['y']),
]
graph = helper.make_graph(
    nodes,
    "reproducer",
    [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in inputs.items()
    ],
    [helper.make_tensor_value_info('y', helper.np_dtype_to_tensor_dtype(np.dtype(np.float32)), (1, 5, 13))],
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
