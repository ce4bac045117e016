"""A file is of the precision in which its nodes compute: blocks, the types of scales and of the other operand count."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from pytest_qparity.precision.cache import VariantCache
from pytest_qparity.precision.content import content_of, holds, other_products
from pytest_qparity.precision.operands import Operand, precisions_of
from pytest_qparity.precision.table import PRECISIONS
from pytest_qparity.precision.variants import Workshop, variant_for
from pytest_qparity.worker.in_process import InProcess
from pytest_qparity.worker.limits import Limits
from tests.models import mlp, save
from tests.precision.graphs import FLOAT, model_of, request_for, samples_for, weights

E4M3, E5M2, E8M0 = TensorProto.FLOAT8E4M3FN, TensorProto.FLOAT8E5M2, TensorProto.FLOAT8E8M0
FP4, INT4, UINT8, INT8, INT16 = (
    TensorProto.FLOAT4E2M1,
    TensorProto.INT4,
    TensorProto.UINT8,
    TensorProto.INT8,
    TensorProto.INT16,
)
TWINS = (
    {"int8", "uint8"},
    {"int4", "uint4"},
    {"fp8", "fp8-e4m3"},
    *({name} for name in ("int16", "fp8-e5m2", "mxfp8", "mxfp4", "nvfp4", "fp16", "bf16")),
)
MADE = [(name, twins) for twins in TWINS for name in sorted(twins)]


def made(model, tmp_path, precision, **spec):
    request = request_for(model, tmp_path, precision, **spec)
    workshop = Workshop(InProcess(Limits()), VariantCache(tmp_path / "cache"))
    return variant_for(request, lambda: samples_for(request.model, 8), workshop).path


@pytest.mark.parametrize(("precision", "twins"), MADE, ids=[name for name, _ in MADE])
def test_a_made_file_holds_its_precision_and_none_of_another_kind(tmp_path, precision, twins):
    found = content_of(made(mlp(features=32), tmp_path, precision))

    assert {name for name in PRECISIONS if holds(found, name)} == twins | {"fp32", "tf32"}
    for name in twins - {"fp16", "bf16"}:
        assert other_products(found, name) == ()


@pytest.mark.parametrize(
    ("operands", "precisions"),
    [
        ([Operand(UINT8), Operand(INT8)], {"int8", "uint8"}),
        ([Operand(INT8)], {"int8", "uint8"}),
        ([Operand(INT16), Operand(INT8)], {"int16"}),
        ([Operand(INT16), Operand(INT16)], {"int16"}),
        ([Operand(INT8), Operand(INT4, 32)], {"int4", "uint4"}),
        ([Operand(INT16), Operand(INT4, 32)], {"int4", "uint4"}),
        ([Operand(E4M3), Operand(E4M3)], {"fp8", "fp8-e4m3"}),
        ([Operand(E4M3, 128), Operand(E4M3, 128)], {"fp8", "fp8-e4m3"}),
        ([Operand(E4M3), Operand(E5M2)], set()),
        ([Operand(E4M3), Operand(INT8)], set()),
        ([Operand(E4M3, 32, E8M0)], {"mxfp8"}),
        ([Operand(E5M2, 32, E8M0)], {"mxfp8"}),
        ([Operand(E4M3, 64, E8M0)], set()),
        ([Operand(E4M3, 32)], {"fp8", "fp8-e4m3"}),
        ([Operand(FP4, 32, E8M0)], {"mxfp4"}),
        ([Operand(E4M3, 32, E8M0), Operand(FP4, 32, E8M0)], {"mxfp4"}),
        ([Operand(FP4, 16, E8M0)], set()),
        ([Operand(FP4, 16, E4M3)], {"nvfp4"}),
        ([Operand(FP4, 32, E4M3)], set()),
        ([Operand(FP4, 16)], set()),
        ([Operand(FP4, 16, E4M3), Operand(FP4, 32, E8M0)], set()),
        ([Operand(TensorProto.UNDEFINED), Operand(INT8)], {"int8", "uint8"}),
        ([Operand(TensorProto.UNDEFINED)], set()),
        ([], set()),
    ],
)
def test_the_precision_of_a_node_is_that_of_its_operands(operands, precisions):
    assert precisions_of(operands) == precisions


def mixed():
    """A product of float8, and a sum of int8 codes."""
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z8"], ["xc"]),
        helper.make_node("DequantizeLinear", ["xc", "s", "z8"], ["xd"]),
        helper.make_node("DequantizeLinear", ["w", "s", "z8"], ["wd"]),
        helper.make_node("MatMul", ["xd", "wd"], ["m"], name="product"),
        helper.make_node("QuantizeLinear", ["m", "s", "zi"], ["mc"]),
        helper.make_node("DequantizeLinear", ["mc", "s", "zi"], ["md"]),
        helper.make_node("Add", ["md", "md"], ["y"], name="sum"),
    ]
    constants = {"s": np.array(0.1, np.float32), "zi": np.array(0, np.int8)}
    model = model_of(nodes, [("x", FLOAT, ["N", 8])], [("y", FLOAT, ["N", 4])], constants, opset=23)
    model.graph.initializer.append(helper.make_tensor("z8", E4M3, [], [0.0]))
    model.graph.initializer.append(helper.make_tensor("w", E4M3, [8, 4], weights(8, 4).ravel()))
    return model


def test_where_products_are_quantized_they_decide(tmp_path):
    found = content_of(save(mixed(), tmp_path / "model.onnx"))

    assert {name for name in PRECISIONS if holds(found, name)} == {"fp32", "tf32", "fp8", "fp8-e4m3"}
    assert other_products(found, "int8") == ("m",)


def test_what_a_layout_stands_behind_is_an_operand_still(tmp_path):
    model = mixed()
    model.graph.node[2].output[0] = "wt"
    for index, (operator, taken, given) in enumerate([("Transpose", "wt", "wu"), ("Transpose", "wu", "wd")]):
        model.graph.node.insert(3 + index, helper.make_node(operator, [taken], [given]))

    found = content_of(save(model, tmp_path / "model.onnx"))

    assert holds(found, "fp8")
    assert not holds(found, "int8")


def test_scales_of_blocks_are_known_where_the_file_states_no_types(tmp_path):
    """As exporters write them whose models no inference goes through."""
    model = onnx.load(made(mlp(features=32), tmp_path, "nvfp4"))
    del model.graph.value_info[:]

    found = content_of(save(model, tmp_path / "bare.onnx"))

    assert {name for name in PRECISIONS if holds(found, name)} == {"fp32", "tf32", "nvfp4"}


def test_products_of_another_precision_are_named(tmp_path):
    """Quantized to int8 first, the rest to nvfp4."""
    int8 = onnx.load(made(mlp(features=32), tmp_path, "int8", keep_float=("second",)))

    found = content_of(made(int8, tmp_path, "nvfp4", extend=True))

    assert holds(found, "nvfp4")
    assert holds(found, "int8")
    assert other_products(found, "nvfp4") == ("hidden",)
    assert other_products(found, "int8") == ("logits",)


def test_a_folded_scale_of_blocks_is_none_of_nvfp4(tmp_path):
    model = onnx.load(made(mlp(features=32), tmp_path, "nvfp4"))
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    scales = [node for node in model.graph.node if node.op_type == "DequantizeLinear" and node.input[0] in tensors]
    for node in scales:
        if tensors[node.input[0]].data_type == E4M3:
            shape = tensors[node.input[0]].dims
            folded = numpy_helper.from_array(np.full(shape, 0.1, np.float32), node.output[0])
            model.graph.initializer.append(folded)
            model.graph.node.remove(node)
    for node in list(model.graph.node):  # activations float: weights alone decide
        if node.op_type == "Gemm":
            node.input[0] = {"first": "input", "second": "active"}[node.name]

    found = content_of(save(model, tmp_path / "folded.onnx"))

    assert not holds(found, "nvfp4")
