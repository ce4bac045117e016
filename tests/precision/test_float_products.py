"""A file in 16-bit floats is held to what its products compute in, as one in 8 bits is."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from pytest_qparity.precision.cache import VariantCache
from pytest_qparity.precision.content import content_of, holds, other_products, quantized_nodes
from pytest_qparity.precision.variants import Workshop, variant_for
from pytest_qparity.worker.in_process import InProcess
from pytest_qparity.worker.limits import Limits
from tests.models import mlp, save
from tests.precision.graphs import FLOAT, function_inside, model_of, request_for, samples_for, weights

HALF, BFLOAT16 = TensorProto.FLOAT16, TensorProto.BFLOAT16
TYPE_OF = {"fp16": HALF, "bf16": BFLOAT16}


def content(model, tmp_path):
    return content_of(save(model, tmp_path / "model.onnx"))


def made(tmp_path, precision, **spec):
    request = request_for(mlp(features=32), tmp_path, precision, **spec)
    workshop = Workshop(InProcess(Limits()), VariantCache(tmp_path / "cache"))
    return content_of(variant_for(request, lambda: samples_for(request.model, 8), workshop).path)


def half_around(type_):
    """Sums and weights in 16 bits, and the only product between casts to float32."""
    nodes = [
        helper.make_node("Cast", ["x"], ["xh"], to=type_),
        helper.make_node("Add", ["xh", "xh"], ["sum"]),
        helper.make_node("Cast", ["sum"], ["wide"], to=FLOAT),
        helper.make_node("Cast", ["wh"], ["w"], to=FLOAT),
        helper.make_node("MatMul", ["wide", "w"], ["y"], name="product"),
    ]
    model = model_of(nodes, [("x", FLOAT, ["N", 8])], [("y", FLOAT, ["N", 4])], {}, opset=22)
    model.graph.initializer.append(helper.make_tensor("wh", type_, [8, 4], weights(8, 4).ravel()))
    return model


def scores(type_):
    """x · xᵀ in 16 bits: a product without a constant, whose type no value of the file states."""
    nodes = [
        helper.make_node("Cast", ["x"], ["half"], to=type_),
        helper.make_node("Relu", ["half"], ["active"]),
        helper.make_node("Transpose", ["active"], ["turned"], perm=[1, 0]),
        helper.make_node("MatMul", ["active", "turned"], ["product"], name="product"),
        helper.make_node("Cast", ["product"], ["y"], to=FLOAT),
    ]
    return model_of(nodes, [("x", FLOAT, [3, 8])], [("y", FLOAT, [3, 3])], {}, opset=22)


@pytest.mark.parametrize("base", ["fp16", "bf16"])
def test_a_file_whose_products_compute_in_float32_is_not_of_16_bits(tmp_path, base):
    found = content(half_around(TYPE_OF[base]), tmp_path)

    assert found.typed[TYPE_OF[base]] == 1
    assert not holds(found, base)
    assert other_products(found, base) == ("y",)


@pytest.mark.parametrize("base", ["fp16", "bf16"])
def test_the_type_of_a_product_is_inferred_where_no_value_states_it(tmp_path, base):
    found = content(scores(TYPE_OF[base]), tmp_path)

    assert holds(found, base)
    assert other_products(found, base) == ()


def test_a_product_in_a_local_function_has_the_types_of_its_call(tmp_path):
    model = function_inside()
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.elem_type = HALF
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(weights(8, 4).astype(np.float16), "w"))

    found = content(model, tmp_path)

    assert holds(found, "fp16")
    assert other_products(found, "fp16") == ()
    assert other_products(found, "bf16") == ("y",)


@pytest.mark.parametrize("base", ["fp16", "bf16"])
def test_a_mixed_file_is_of_its_precision_and_what_stays_float32_is_told(tmp_path, base):
    found = made(tmp_path, base, keep_float=("second",))

    assert holds(found, base)
    assert other_products(found, base) == ("logits",)


def test_a_file_without_products_is_of_the_type_of_its_nodes(tmp_path):
    model = half_around(HALF)
    del model.graph.node[3:]
    model.graph.node[-1].output[0] = "y"
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 8

    assert holds(content(model, tmp_path), "fp16")


def test_products_on_integers_make_no_file_of_16_bits(tmp_path):
    """Dequantized to float16, and multiplied: an int8 file."""
    nodes = [
        helper.make_node("DequantizeLinear", ["w", "s"], ["wh"]),
        helper.make_node("MatMul", ["x", "wh"], ["y"], name="product"),
    ]
    constants = {"w": np.ones((8, 4), np.int8), "s": np.array(0.1, np.float16)}
    found = content(model_of(nodes, [("x", HALF, ["N", 8])], [("y", HALF, ["N", 4])], constants, opset=19), tmp_path)

    assert quantized_nodes(found, "fp16") == 0
    assert other_products(found, "fp16") == ("y",)
    assert holds(found, "int8")


def test_a_product_that_no_inference_goes_through_is_none_of_16_bits(tmp_path):
    model = scores(HALF)
    model.graph.node[1].domain = model.graph.node[2].domain = "own"
    model.opset_import.append(onnx.helper.make_opsetid("own", 1))

    found = content(model, tmp_path)

    assert not holds(found, "fp16")
    assert other_products(found, "fp16") == ("product",)
