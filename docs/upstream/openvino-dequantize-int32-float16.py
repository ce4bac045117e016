"""dequantize_linear-int32_fp16-no_zero_point-per_tensor-opset21: int32 is converted to float16 with saturation before it is multiplied: what is beyond 65,504 becomes 65,504; should be: the product, or infinity as Cast gives"""

import ml_dtypes
import numpy as np
import onnx
from onnx import helper, numpy_helper

inputs = {
}
constants = {
    'x': np.array([-2147483646, -2147483646, 929, -89, 2147483646, -2000679318, 1877359100, 501672183, 1071809159, 125, -1240657599, 767030701, 1161834197, -865, 280, 1838684437, 155, 115606036, 2147483646, -74802649, -770363850, 2147483646, -578505806, 2147483646, 367, 1927808775, -372661636, 552318476, 734554949, 1076329137, 1531212118, 692793189, 446497673, 564118205, -206761348, 831671359, -596840009, -2147483648, -2147483646, -217, 682811338, 725670416, 1355878638, 855434479, 2147483647, 1604548930, -101857723, 120871291, 745822497, 398381579, 249, 61315748, -902322549, 170952447, 2147483645, 349569642, 658507798, 314, -976, 1223011000, -2147483647, 150, 2147483645, -2147483648, 213443006, 599689293, 812796736, -2147483648, -529, -103495461, 1499088407, 747, 239400762, -352526033, 1872454125, 309805900, -715729760, -776, 212714207, -592115174, 216702004, 2147483645, 2147483647, 1911480829, -893, 2147483647, 1161662296, 423995533, -377, 652874024, 108, 926781512, -800489543, -1173134701, 295, 1326096747, 357913755, 2147483646, 853076181, 594415799, 1249689316, -248, 486777118, 969624112, -186, -2147483648, 951461810, 1830160184, 810421960, 1753384234, 645979270, 456, 1688399774, 877756479, -186625745, -2054044189, -68464793, -701, 2147483646, 2147483645, 1214847027, -2147483647, 1053483195, -246877131, 1711638952, -533485048, -2147483648, -220747474, 1118099136, -745, 160987074, 1403970015, 252, 730018493, -155943154, 895018081, 541607826, 897384618, -1854382452, 423790676, 31746953, 2147483645, 1885514834, 893363865, -2147483648, 1452978570, 1937430346, 1387994110, -562161382, -2042064320, 558500909, 2147483647, -2571394, 2147483647, -707, 2147483645, 883038212, -2147483648, -708466487, -2132638017, -50482631, 271, 786462222, 851266542, 376608238, 1119892297, 705149816, -299, 828936303, 1504885843, 386, 210707950, 1013891354, 2147483645, -2147483648, -370851997, 944927336, 2147483647, 476819984, 259904884, -74810888, 646691591, 1171447529, -154, 268797656, 1457162985, 318698672, 1577125337, 467, 463005759, 302731006, -2147483648, -39059660, 1657356903, 2147483646, 1796218595, 1372026444, -2147483646, 435950685, 181114438, 2014214535, 1142058874, -239, 1209745434, 675032362, -673615959, 480087221, 523650381, 608582065, -2147483648, 213786808, 1148036450, 362818730, 1571868321, 934945485, 641426336, 1808190225, -1302175, 135561499, 1088874143, 45716601, 913155666, 1064177367, 571184860, 1850492405, 414193822, -212755402, 60, -2147483646, 786634123, 1604900971, 727651956, 355923976, -868561100, -2147483647, 526540860, -2147483648, 302018685, -2147483648, 2147483645], np.dtype(np.int32)).reshape((1, 16, 3, 5)),
    'scale': np.array([0.7001953125], np.dtype(np.float16)).reshape(()),
}
# Every value from lowest to highest conforms; NaN stands for NaN.
lowest = {
    'y': np.array([-float("inf"), -float("inf"), 650.5, -62.3125, float("inf"), -float("inf"), float("inf"), float("inf"), float("inf"), 87.5, -float("inf"), float("inf"), float("inf"), -605.5, 196.0, float("inf"), 108.5, float("inf"), float("inf"), -float("inf"), -float("inf"), float("inf"), -float("inf"), float("inf"), 257.0, float("inf"), -float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), -float("inf"), float("inf"), -float("inf"), -float("inf"), -float("inf"), -152.0, float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), -float("inf"), float("inf"), float("inf"), float("inf"), 174.375, float("inf"), -float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), 219.875, -683.5, float("inf"), -float("inf"), 105.0, float("inf"), -float("inf"), float("inf"), float("inf"), float("inf"), -float("inf"), -370.5, -float("inf"), float("inf"), 523.0, float("inf"), -float("inf"), float("inf"), float("inf"), -float("inf"), -543.5, float("inf"), -float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), -625.5, float("inf"), float("inf"), float("inf"), -264.0, float("inf"), 75.625, float("inf"), -float("inf"), -float("inf"), 206.5, float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), -173.625, float("inf"), float("inf"), -130.25, -float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), 319.25, float("inf"), float("inf"), -float("inf"), -float("inf"), -float("inf"), -490.75, float("inf"), float("inf"), float("inf"), -float("inf"), float("inf"), -float("inf"), float("inf"), -float("inf"), -float("inf"), -float("inf"), float("inf"), -521.5, float("inf"), float("inf"), 176.5, float("inf"), -float("inf"), float("inf"), float("inf"), float("inf"), -float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), -float("inf"), float("inf"), float("inf"), float("inf"), -float("inf"), -float("inf"), float("inf"), float("inf"), -float("inf"), float("inf"), -495.0, float("inf"), float("inf"), -float("inf"), -float("inf"), -float("inf"), -float("inf"), 189.75, float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), -209.375, float("inf"), float("inf"), 270.25, float("inf"), float("inf"), float("inf"), -float("inf"), -float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), -float("inf"), float("inf"), float("inf"), -107.8125, float("inf"), float("inf"), float("inf"), float("inf"), 327.0, float("inf"), float("inf"), -float("inf"), -float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), -float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), -167.375, float("inf"), float("inf"), -float("inf"), float("inf"), float("inf"), float("inf"), -float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), -float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), -float("inf"), 42.0, -float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), -float("inf"), -float("inf"), float("inf"), -float("inf"), float("inf"), -float("inf"), float("inf")], np.dtype(np.float64)).reshape((1, 16, 3, 5)),
}
highest = {
    'y': np.array([-float("inf"), -float("inf"), 650.5, -62.3125, float("inf"), -float("inf"), float("inf"), float("inf"), float("inf"), 87.5, -float("inf"), float("inf"), float("inf"), -605.5, 196.0, float("inf"), 108.5, float("inf"), float("inf"), -float("inf"), -float("inf"), float("inf"), -float("inf"), float("inf"), 257.0, float("inf"), -float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), -float("inf"), float("inf"), -float("inf"), -float("inf"), -float("inf"), -152.0, float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), -float("inf"), float("inf"), float("inf"), float("inf"), 174.375, float("inf"), -float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), 219.875, -683.5, float("inf"), -float("inf"), 105.0, float("inf"), -float("inf"), float("inf"), float("inf"), float("inf"), -float("inf"), -370.5, -float("inf"), float("inf"), 523.0, float("inf"), -float("inf"), float("inf"), float("inf"), -float("inf"), -543.5, float("inf"), -float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), -625.5, float("inf"), float("inf"), float("inf"), -264.0, float("inf"), 75.625, float("inf"), -float("inf"), -float("inf"), 206.5, float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), -173.625, float("inf"), float("inf"), -130.25, -float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), 319.25, float("inf"), float("inf"), -float("inf"), -float("inf"), -float("inf"), -490.75, float("inf"), float("inf"), float("inf"), -float("inf"), float("inf"), -float("inf"), float("inf"), -float("inf"), -float("inf"), -float("inf"), float("inf"), -521.5, float("inf"), float("inf"), 176.5, float("inf"), -float("inf"), float("inf"), float("inf"), float("inf"), -float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), -float("inf"), float("inf"), float("inf"), float("inf"), -float("inf"), -float("inf"), float("inf"), float("inf"), -float("inf"), float("inf"), -495.0, float("inf"), float("inf"), -float("inf"), -float("inf"), -float("inf"), -float("inf"), 189.75, float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), -209.375, float("inf"), float("inf"), 270.25, float("inf"), float("inf"), float("inf"), -float("inf"), -float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), -float("inf"), float("inf"), float("inf"), -107.8125, float("inf"), float("inf"), float("inf"), float("inf"), 327.0, float("inf"), float("inf"), -float("inf"), -float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), -float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), -167.375, float("inf"), float("inf"), -float("inf"), float("inf"), float("inf"), float("inf"), -float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), -float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), -float("inf"), 42.0, -float("inf"), float("inf"), float("inf"), float("inf"), float("inf"), -float("inf"), -float("inf"), float("inf"), -float("inf"), float("inf"), -float("inf"), float("inf")], np.dtype(np.float64)).reshape((1, 16, 3, 5)),
}
# Where the specification says nothing, anything conforms.
left_open = {
}
nodes = [
    helper.make_node('DequantizeLinear', ['x', 'scale'], ['y']),
]
graph = helper.make_graph(
    nodes,
    "reproducer",
    [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in inputs.items()
    ],
    [helper.make_tensor_value_info('y', helper.np_dtype_to_tensor_dtype(np.dtype(np.float16)), (1, 16, 3, 5))],
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
