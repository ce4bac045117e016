"""The weights of files that quantizers made, held against the float model: by place, by name, by likeness."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from pytest_qparity.precision.weights.examining import weights_in
from pytest_qparity.precision.weights.found import WeightsFound, weights_found
from pytest_qparity.worker.in_process import InProcess
from pytest_qparity.worker.limits import Limits

quantization = pytest.importorskip("onnxruntime.quantization", reason="its quantizers make the files")

UINT8 = quantization.QuantType.QUInt8
SHAPES = {"conv.w": (8, 3, 3, 3), "norm.scale": (8,), "fc.w": (12, 8), "last.w": (12, 16)}


def float_model() -> onnx.ModelProto:
    """Conv, BatchNormalization, a mean, Gemm with its weight turned, MatMul."""
    random = np.random.default_rng(0)
    constants = {name: random.standard_normal(shape).astype(np.float32) for name, shape in SHAPES.items()}
    constants["norm.scale"] = np.abs(constants["norm.scale"]) + 0.5
    constants |= {"norm.b": np.zeros(8, np.float32), "norm.mean": np.zeros(8, np.float32)}
    constants["norm.var"] = np.linspace(0.5, 2, 8, dtype=np.float32)
    make = helper.make_node
    nodes = [
        make("Conv", ["x", "conv.w"], ["c"], "conv"),
        make("BatchNormalization", ["c", "norm.scale", "norm.b", "norm.mean", "norm.var"], ["n"], "norm"),
        make("ReduceMean", ["n"], ["m"], "mean", axes=[2, 3], keepdims=0),
        make("Gemm", ["m", "fc.w"], ["g"], "fc", transB=1),
        make("MatMul", ["g", "last.w"], ["y"], "last"),
    ]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 16])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


class Samples(quantization.CalibrationDataReader):
    def __init__(self):
        random = np.random.default_rng(1)
        self._left = iter([{"x": random.standard_normal((4, 3, 8, 8)).astype(np.float32)} for _ in range(2)])

    def get_next(self):
        return next(self._left, None)


def static(source: Path, target: Path, **options) -> None:
    quantization.quantize_static(source, target, Samples(), **options)


def prepared(source: Path, target: Path) -> None:
    """Through ONNX Runtime's own optimizer, which folds the norm, and names nodes anew."""
    quantization.quant_pre_process(source, source.with_name("prepared.onnx"), skip_symbolic_shape=True)
    static(source.with_name("prepared.onnx"), target, per_channel=True)


def dynamic(source: Path, target: Path) -> None:
    quantization.quantize_dynamic(source, target, weight_type=quantization.QuantType.QInt8)


def packed(source: Path, target: Path, *, is_symmetric: bool = False) -> None:
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    quantizer = MatMulNBitsQuantizer(onnx.load(source), block_size=16, is_symmetric=is_symmetric)
    quantizer.process()
    onnx.save(quantizer.model.model, target)


MAKERS = {
    "qdq": (static, 3),
    "by channel": (lambda *files: static(*files, per_channel=True), 3),
    "uint8": (lambda *files: static(*files, activation_type=UINT8, weight_type=UINT8), 3),
    "qoperator": (lambda *files: static(*files, quant_format=quantization.QuantFormat.QOperator), 3),
    "prepared": (prepared, 3),
    "dynamic": (dynamic, 3),
    "packed": (packed, 1),
    "packed, with signs in the scales": (partial(packed, is_symmetric=True), 1),
}


def found(folder: Path, model: onnx.ModelProto, variant: onnx.ModelProto | None = None, maker=static) -> WeightsFound:
    source, target = folder / "float.onnx", folder / "int8.onnx"
    onnx.save(model, source)
    maker(source, target) if variant is None else onnx.save(variant, target)
    return weights_in(source, target)


def made(folder: Path, model: onnx.ModelProto, maker=static) -> onnx.ModelProto:
    found(folder, model, maker=maker)
    return onnx.load(folder / "int8.onnx")


def with_weight(model: onnx.ModelProto, name: str, change) -> onnx.ModelProto:
    tensor = next(each for each in model.graph.initializer if each.name == name)
    before = numpy_helper.to_array(tensor)
    tensor.CopyFrom(numpy_helper.from_array(change(before.copy()).astype(before.dtype), name))
    return model


def with_type(model: onnx.ModelProto, name: str, dtype: type) -> onnx.ModelProto:
    tensor = next(each for each in model.graph.initializer if each.name == name)
    tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(dtype), name))
    return model


@pytest.mark.parametrize("name", MAKERS)
def test_weights_of_every_form_are_found_and_rounded(tmp_path, name):
    maker, weights = MAKERS[name]

    told = found(tmp_path, float_model(), maker=maker)

    assert (told.quantized, told.compared, told.rounded + told.near) == (weights, weights, weights), told
    assert told.others == told.few_levels == ()


@pytest.mark.parametrize("name", [name for name in MAKERS if "packed" not in name])
def test_another_checkpoint_is_seen_in_every_form_of_8_bits(tmp_path, name):
    random = np.random.default_rng(3)
    other = float_model()
    for weight in ("conv.w", "fc.w", "last.w"):
        other = with_weight(other, weight, lambda w: w * (1 + 0.05 * random.standard_normal(w.shape)))

    told = found(tmp_path, float_model(), made(tmp_path, other, MAKERS[name][0]))

    assert len(told.others) == 3


@pytest.mark.parametrize("is_symmetric", [True, False])
def test_another_weight_is_seen_in_packed_blocks(tmp_path, is_symmetric):
    other = with_weight(float_model(), "last.w", lambda w: w[::-1])

    told = found(tmp_path, float_model(), made(tmp_path, other, partial(packed, is_symmetric=is_symmetric)))

    assert [(each.name, round(each.cosine) == 1) for each in told.others] == [("last.w_Q4", False)]


def test_a_packed_block_of_zeros_has_the_scale_0_and_is_compared(tmp_path):
    def without_a_block(w: np.ndarray) -> np.ndarray:
        return w * (np.arange(w.shape[1]) != 3)

    pruned = with_weight(float_model(), "last.w", without_a_block)
    symmetric = partial(packed, is_symmetric=True)

    sound = found(tmp_path, pruned, maker=symmetric)
    variant = onnx.load(tmp_path / "int8.onnx")
    packed_node = next(node for node in variant.graph.node if node.op_type == "MatMulNBits")
    scales = next(each for each in variant.graph.initializer if each.name == packed_node.input[2])
    lost = found(tmp_path, float_model(), variant)

    assert (numpy_helper.to_array(scales) == 0).any()
    assert (sound.compared, sound.rounded) == (1, 1)
    assert [each.zeroed_outputs for each in lost.others] == [(3,)]


@pytest.mark.parametrize("per_channel", [True, False])
def test_weights_of_operators_that_are_not_read_are_counted_and_named(tmp_path, per_channel):
    random = np.random.default_rng(0)
    shapes = {"W": (1, 32, 4), "R": (1, 32, 8)}
    node = helper.make_node("LSTM", ["x", "W", "R"], ["y"], "lstm", hidden_size=8)
    graph = helper.make_graph(
        [node],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [5, 1, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [5, 1, 1, 8])],
        [numpy_helper.from_array(random.standard_normal(s).astype(np.float32), name) for name, s in shapes.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)

    told = found(tmp_path, model, maker=partial(quantization.quantize_dynamic, per_channel=per_channel))

    assert [node.op_type for node in onnx.load(tmp_path / "int8.onnx").graph.node] == ["DynamicQuantizeLSTM"]
    assert (told.quantized, told.compared) == (2, 0)
    assert told.not_compared == ("W_quantized", "R_quantized")


def test_a_packed_weight_with_float_zero_points_is_counted(tmp_path):
    variant = made(tmp_path, float_model(), packed)
    points = next(node for node in variant.graph.node if node.op_type == "MatMulNBits").input[3]

    told = found(tmp_path, float_model(), with_type(variant, points, np.float32))

    assert (told.quantized, told.compared, len(told.not_compared)) == (1, 0, 1)


def test_a_product_with_a_bias_that_became_a_gemm_has_its_weight_compared(tmp_path):
    """ONNX Runtime's own workflow: quant_pre_process makes one Gemm of MatMul and Add."""
    model = float_model()
    model.graph.node[-1].output[0] = "product"
    model.graph.node.append(helper.make_node("Add", ["product", "last.b"], ["y"], "sum"))
    model.graph.initializer.append(numpy_helper.from_array(np.ones(16, np.float32), "last.b"))

    told = found(tmp_path, model, maker=prepared)

    assert "Gemm" in {node.op_type for node in onnx.load(tmp_path / "prepared.onnx").graph.node}
    assert (told.quantized, told.compared, told.rounded) == (3, 3, 3)


def test_a_norm_of_its_own_behind_a_convolution_is_not_taken_for_folded(tmp_path):
    """Its scales (0.5 to 1.5 and more) would be factors of channels that nothing takes back."""
    whole = found(tmp_path, float_model(), maker=static)
    without = found(tmp_path, float_model(), maker=prepared)

    assert "BatchNormalization" in {node.op_type for node in onnx.load(tmp_path / "float.onnx").graph.node}
    assert (whole.rounded, without.rounded, whole.others, without.others) == (3, 3, (), ())


def test_a_defect_of_the_comparison_is_told_and_ends_nothing(tmp_path, monkeypatch):
    found(tmp_path, float_model())

    def broken(*_: object) -> WeightsFound:
        raise KeyError("m1")

    monkeypatch.setattr("pytest_qparity.precision.weights.examining.weights_in", broken)
    told = weights_found(tmp_path / "float.onnx", tmp_path / "int8.onnx", InProcess(Limits()))

    assert told.quantized == 0
    assert "KeyError" in told.broken


def test_weights_that_carry_no_name_are_found_by_likeness(tmp_path):
    variant = made(tmp_path, float_model())
    for node in variant.graph.node:  # as an optimizer that names everything anew leaves it
        node.name = f"n_{node.name}"
        node.input[:] = [name if name in ("x", "y") else f"t_{name}" if name else "" for name in node.input]
        node.output[:] = [name if name in ("x", "y") else f"t_{name}" for name in node.output]
    for tensor in variant.graph.initializer:
        tensor.name = f"t_{tensor.name}"
    del variant.graph.value_info[:]

    told = found(tmp_path, float_model(), variant)

    assert (told.quantized, told.rounded) == (3, 3)


def test_what_no_float_weight_resembles_is_not_compared(tmp_path):
    variant = made(tmp_path, float_model())
    bare = float_model()
    for node in bare.graph.node:
        node.name = f"n_{node.name}"
        node.input[:] = [name if name == "x" else f"t_{name}" for name in node.input]
        node.output[:] = [name if name == "y" else f"t_{name}" for name in node.output]
    for tensor in bare.graph.initializer:
        tensor.name = f"t_{tensor.name}"
    for weight in ("t_conv.w", "t_fc.w"):
        bare = with_weight(bare, weight, lambda w: w[::-1])

    told = found(tmp_path, bare, variant)

    assert (told.quantized, told.compared) == (3, 1)
    assert set(told.not_compared) == {"conv.w_quantized", "fc.w_quantized"}
    assert told.others == ()


def test_16_levels_of_256_are_seen(tmp_path):
    model = float_model()
    wide = np.random.default_rng(2).standard_normal((12, 64)).astype(np.float32)
    next(each for each in model.graph.initializer if each.name == "last.w").CopyFrom(
        numpy_helper.from_array(wide, "last.w")
    )
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 64
    coarse = with_weight(made(tmp_path, model), "last.w_quantized", lambda q: np.clip(np.rint(q / 16) * 16, -128, 127))

    told = found(tmp_path, model, coarse)

    assert [each.name for each in told.few_levels] == [each.name for each in told.others] == ["last.w_quantized"]


def test_a_worker_tells_the_same(tmp_path):
    told = found(tmp_path, float_model())

    assert weights_found(tmp_path / "float.onnx", tmp_path / "int8.onnx", InProcess(Limits())) == told
