"""Whether int8 sums can saturate without VNNI: decided from the weights, in the order in which kernels add."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from pytest_qparity.precision.examination import Saturation, saturation
from pytest_qparity.precision.saturation import saturation_in, worst_pair
from pytest_qparity.verdict import CannotJudge, Code
from pytest_qparity.worker.in_process import InProcess
from pytest_qparity.worker.limits import Limits
from tests.models import mlp, save
from tests.precision.products import INT8, between_pairs, matmul_integer, qlinear_conv, with_two

MATMUL = (16, 8)
CONV = (16, 4, 3, 3)
ODD = (16, 3, 3, 3)  # channels that kernels pair across kernel positions, or pad at each


@pytest.fixture
def found(tmp_path):
    def of(model: onnx.ModelProto) -> Saturation:
        return saturation_in(save(model, tmp_path / "model.onnx"))

    return of


@pytest.mark.parametrize(
    ("first", "second", "worst", "saturates"),
    [
        (127, 127, 64_770, True),
        (64, 64, 32_640, False),
        (64, 65, 32_895, True),
        (-64, -64, -32_640, False),
        (-64, -65, -32_895, True),
        (-128, 0, -32_640, False),
        (127, -127, 32_385, False),
    ],
)
def test_two_neighbours_of_one_sign_saturate_where_they_add_up_to_129(found, first, second, worst, saturates):
    weights = np.zeros(MATMUL, np.int8)
    weights[6, 5], weights[7, 5] = first, second

    told = found(matmul_integer(weights))

    assert told == Saturation(1, int(saturates), 0, worst, "product", 5, "")


# Whether ONNX Runtime 1.32 saturates with QEMU's Haswell (AVX2, no VNNI), all activations at code 255.
PRODUCTS = {
    "neighbours": (matmul_integer(with_two(MATMUL, (0, 3), (1, 3))), True),
    "neighbours at the border": (matmul_integer(with_two(MATMUL, (2, 3), (3, 3), 65)), True),
    "neighbours below the border": (matmul_integer(with_two(MATMUL, (2, 3), (3, 3), 64)), False),
    "negative neighbours at the border": (matmul_integer(with_two(MATMUL, (2, 3), (3, 3), -65)), True),
    "next to each other in two pairs": (matmul_integer(with_two(MATMUL, (1, 3), (2, 3))), False),
    "one in between": (matmul_integer(with_two(MATMUL, (0, 3), (2, 3))), False),
    "two channels of one position": (qlinear_conv(with_two(CONV, (5, 0, 1, 1), (5, 1, 1, 1))), True),
    "two channels in two pairs": (qlinear_conv(with_two(CONV, (5, 1, 1, 1), (5, 2, 1, 1))), False),
    "one channel at two positions": (qlinear_conv(with_two(CONV, (5, 0, 0, 0), (5, 0, 0, 1))), False),
    "odd channels across two positions": (qlinear_conv(with_two(ODD, (5, 2, 0, 0), (5, 0, 0, 1))), True),
    "odd channels of the first position": (qlinear_conv(with_two(ODD, (5, 0, 0, 0), (5, 1, 0, 0))), True),
    "one channel": (qlinear_conv(with_two((16, 1, 3, 3), (5, 0, 0, 0), (5, 0, 0, 1))), True),
    "depthwise": (qlinear_conv(with_two((16, 1, 3, 3), (5, 0, 0, 0), (5, 0, 0, 1)), group=16), False),
    "depth multiplier": (qlinear_conv(with_two((32, 1, 3, 3), (5, 0, 0, 0), (5, 0, 0, 1)), group=16), True),
    "groups": (qlinear_conv(with_two((16, 2, 3, 3), (5, 0, 0, 0), (5, 1, 0, 0)), group=4), True),
    "int8 activations": (qlinear_conv(with_two(CONV, (5, 0, 1, 1), (5, 1, 1, 1)), activation=INT8), False),
    "pairs": (between_pairs(with_two(MATMUL, (0, 3), (1, 3))), True),
    "pairs, int8 activations": (between_pairs(with_two(MATMUL, (0, 3), (1, 3)), np.int8), True),
    "pairs, uint8 weights": (between_pairs(with_two(MATMUL, (0, 3), (1, 3)).astype(np.uint8)), False),
    "pairs around a Gemm": (between_pairs(with_two((8, 16), (3, 0), (3, 1)), operator="Gemm", transB=1), True),
    "pairs around a Gemm, the other axis": (
        between_pairs(with_two((8, 16), (2, 3), (3, 3)), operator="Gemm", transB=1),
        False,
    ),
    "pairs around a Conv": (
        between_pairs(with_two(CONV, (5, 0, 1, 1), (5, 1, 1, 1)), operator="Conv", shape=(1, 4, 3, 3)),
        True,
    ),
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_neighbours_are_those_of_onnxruntime_s_kernels(found, name):
    model, saturates = PRODUCTS[name]

    told = found(model)

    assert told.saturating == int(saturates)
    assert told.unknown == 0


RUN = """
import sys
import numpy as np
import onnxruntime
settings = onnxruntime.SessionOptions()
settings.intra_op_num_threads, settings.log_severity_level = 1, 4
for path in sys.argv[1:]:
    session = onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])
    (x,) = session.get_inputs()
    shape = [4 if isinstance(size, str) else size for size in x.shape]
    kind = {"tensor(uint8)": np.uint8, "tensor(int8)": np.int8, "tensor(float)": np.float32}[x.type]
    fed = np.full(shape, 127 if kind is np.int8 else 255, kind)
    np.save(path + ".npy", session.run(None, {"x": fed})[0])
"""


@pytest.mark.skipif(
    shutil.which("qemu-x86_64") is None, reason="needs QEMU's user-mode emulation of a CPU without VNNI"
)
def test_onnxruntime_without_vnni_gives_other_outputs_exactly_where_it_is_told(tmp_path):
    paths = [save(model, tmp_path / f"{index}.onnx") for index, (model, _) in enumerate(PRODUCTS.values())]
    with_vnni, without = tmp_path / "with", tmp_path / "without"
    command = [str(Path(sys.executable).resolve()), "-c", RUN, *map(str, paths)]
    environment = os.environ | {"PYTHONPATH": ":".join(path for path in sys.path if path)}
    for folder, emulator in ((with_vnni, []), (without, [shutil.which("qemu-x86_64"), "-cpu", "Haswell"])):
        done = subprocess.run([*emulator, *command], env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        folder.mkdir()
        for path in paths:
            shutil.move(f"{path}.npy", folder / f"{path.name}.npy")

    differ = {
        name
        for name, path in zip(PRODUCTS, paths, strict=True)
        if not np.array_equal(np.load(with_vnni / f"{path.name}.npy"), np.load(without / f"{path.name}.npy"))
    }

    assert differ == {name for name, (_, saturates) in PRODUCTS.items() if saturates}


def test_channels_of_one_position_are_neighbours_where_kernels_pad_them(found):
    told = found(qlinear_conv(with_two(ODD, (5, 0, 0, 1), (5, 1, 0, 1))))

    assert (told.saturating, told.worst_sum, told.channel) == (1, 64_770, 5)


def test_the_worst_of_several_products_is_named(found):
    model = between_pairs(with_two((16, 16), (0, 3), (1, 3), 65))
    second = onnx.compose.add_prefix(between_pairs(with_two((16, 16), (0, 9), (1, 9), 100)), "b_")

    told = found(onnx.compose.merge_models(model, second, [("y", "b_x")]))

    assert told == Saturation(2, 2, 0, 51_000, "b_product", 9, "")


def test_weights_that_are_no_constants_are_unknown(found):
    model = matmul_integer(np.zeros(MATMUL, np.int8))
    del model.graph.initializer[:]
    model.graph.input.append(helper.make_tensor_value_info("w", INT8, list(MATMUL)))

    assert found(model) == Saturation(1, 0, 1, 0, "", 0, "product")


def test_activations_of_int8_are_no_product_that_saturates(found):
    assert found(matmul_integer(with_two(MATMUL, (0, 3), (1, 3)), INT8)).products == 0


def test_weights_of_uint8_are_no_product_that_saturates(found):
    assert found(matmul_integer(np.full(MATMUL, 255, np.uint8))).products == 0


def test_dynamically_quantized_activations_are_uint8(found):
    model = matmul_integer(with_two(MATMUL, (0, 3), (1, 3)))
    model.graph.node.insert(0, helper.make_node("DynamicQuantizeLinear", ["x"], ["xq", "xs", "xz"]))
    model.graph.node[1].input[:] = ["xq", "w", "xz"]
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.FLOAT

    assert found(model).saturating == 1


def test_weights_behind_a_transpose_are_seen_as_the_product_takes_them(found):
    model = between_pairs(with_two((8, 16), (3, 0), (3, 1)))
    model.graph.node.insert(3, helper.make_node("Transpose", ["dw"], ["wt"], perm=[1, 0]))
    model.graph.node[4].input[1] = "wt"

    told = found(model)

    assert (told.saturating, told.channel) == (1, 3)


@pytest.mark.parametrize(("scale", "saturating"), [(np.float32(0.01), 1), (np.float32(0.02), 0)])
def test_float_weights_behind_a_quantizer_are_quantized_for_it(found, scale, saturating):
    """As quantization-aware training exports them: 1.27 is code 127 by 0.01, and 64 by 0.02."""
    model = between_pairs(np.zeros(MATMUL, np.int8))
    weights = np.zeros(MATMUL, np.float32)
    weights[:2, 3] = 1.27
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(weights, "float_w"))
    model.graph.initializer.append(numpy_helper.from_array(scale, "sw"))
    model.graph.node.insert(2, helper.make_node("QuantizeLinear", ["float_w", "sw", "zw"], ["w"]))

    assert found(model).saturating == saturating


def test_products_in_local_functions_count(found):
    model = matmul_integer(with_two(MATMUL, (0, 3), (1, 3)))
    body = [helper.make_node("MatMulInteger", ["a", "b"], ["c"], name="inside")]
    model.functions.append(helper.make_function("own", "Product", ["a", "b"], ["c"], body, model.opset_import))
    model.opset_import.append(helper.make_opsetid("own", 1))
    model.graph.node[0].CopyFrom(helper.make_node("Product", ["x", "w"], ["y"], domain="own", name="product"))

    assert found(model).saturating == 1


def test_products_in_branches_count(found):
    inside = matmul_integer(with_two(MATMUL, (0, 3), (1, 3))).graph
    del inside.input[:]
    model = matmul_integer(np.zeros(MATMUL, np.int8))
    model.graph.input.append(helper.make_tensor_value_info("c", onnx.TensorProto.BOOL, []))
    model.graph.node[0].CopyFrom(helper.make_node("If", ["c"], ["y"], then_branch=inside, else_branch=inside))

    assert found(model).saturating == 2


def test_a_product_that_leads_nowhere_does_not_count(found):
    model = matmul_integer(np.zeros(MATMUL, np.int8))
    model.graph.initializer.append(numpy_helper.from_array(with_two(MATMUL, (0, 3), (1, 3)), "other"))
    model.graph.node.append(helper.make_node("MatMulInteger", ["x", "other"], ["nowhere"]))

    assert found(model).saturating == 0


def test_a_product_counts_wherever_it_stands(found):
    """ONNX Runtime's quantizer leaves a branch in front of what it takes, and ONNX Runtime runs that."""
    model = between_pairs(with_two(MATMUL, (0, 3), (1, 3)))
    model.graph.node.insert(0, model.graph.node.pop())

    assert found(model).saturating == 1


def test_activations_whose_type_is_only_that_of_their_zero_point_count(found):
    model = between_pairs(with_two(MATMUL, (0, 3), (1, 3)))
    model.graph.node[0].domain = model.graph.node[0].op_type = "own"
    model.opset_import.append(helper.make_opsetid("own", 1))

    assert found(model).saturating == 1


def test_activations_that_are_moved_behind_their_pair_count(found):
    model = between_pairs(with_two(MATMUL, (0, 3), (1, 3)))
    model.graph.node.insert(3, helper.make_node("Flatten", ["d"], ["flat"]))
    model.graph.node[4].input[0] = "flat"

    assert found(model).saturating == 1


def test_weights_that_are_reshaped_behind_their_pair_are_unknown(found):
    model = between_pairs(np.zeros((128,), np.int8))
    model.graph.initializer.append(numpy_helper.from_array(np.array(MATMUL), "shape"))
    model.graph.node.insert(3, helper.make_node("Reshape", ["dw", "shape"], ["reshaped"]))
    model.graph.node[4].input[1] = "reshaped"

    assert found(model).unknown == 1


def test_external_data_are_read(tmp_path):
    path = tmp_path / "model.onnx"
    onnx.save(
        matmul_integer(with_two(MATMUL, (0, 3), (1, 3))),
        path,
        save_as_external_data=True,
        size_threshold=0,
        location="w",
    )

    assert saturation(path, InProcess(Limits())).saturating == 1

    (tmp_path / "w").unlink()
    with pytest.raises(CannotJudge) as caught:
        saturation_in(path)
    assert caught.value.failure.code is Code.MODEL_EXTERNAL_DATA


def test_a_file_of_floats_has_no_such_product(found):
    assert found(mlp()).products == 0


def test_an_odd_one_out_stands_alone():
    weights = np.array([[100, 0], [100, 0], [127, 0]], np.int8)

    assert worst_pair(weights, 0) == (51_000, 0)
    assert worst_pair(weights[1:], 0) == (255 * 227, 0)
    assert worst_pair(weights[2:], 0) == (255 * 127, 0)
