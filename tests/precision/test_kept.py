"""What a case keeps float is float in the file, by every recipe; and a maker that does not keep it is found out."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from pytest_qparity.precision import library
from pytest_qparity.precision.cache import VariantCache
from pytest_qparity.precision.content import computes_on_integers
from pytest_qparity.precision.kept import require_kept
from pytest_qparity.precision.table import PRECISIONS
from pytest_qparity.precision.variants import Workshop, variant_for
from pytest_qparity.verdict import CannotJudge, Code
from pytest_qparity.worker.in_process import InProcess
from pytest_qparity.worker.limits import Limits
from tests.models import mlp, small_cnn
from tests.precision.graphs import FLOAT, lstm, model_of, request_for, samples_for, weights

QOPERATOR = {"format": "qoperator", "target": "ort"}
RECIPES = [
    *((name, {}) for name, each in PRECISIONS.items() if each.made.method != "float-model"),
    ("int8", {"target": "ort"}),
    ("int8", QOPERATOR),
    ("int8", {"recipe": "dynamic"}),
    ("int8", {"recipe": "dynamic", "granularity": "channel"}),
    ("int4", {"format": "qoperator"}),
]
CHOICES = [{"keep_float": ("op:Gemm",)}, {"only": ("op:Conv",)}]


def made(model, tmp_path, precision, **spec):
    request = request_for(model, tmp_path, precision, **spec)
    workshop = Workshop(InProcess(Limits()), VariantCache(tmp_path / "cache"))
    return onnx.load(variant_for(request, lambda: samples_for(request.model, 8), workshop).path)


def initializers(model):
    return {tensor.name: tensor for tensor in model.graph.initializer}


@pytest.mark.parametrize("choice", CHOICES, ids=["keep_float", "only"])
@pytest.mark.parametrize(("precision", "spec"), RECIPES, ids=[f"{name}-{'-'.join(s.values())}" for name, s in RECIPES])
def test_a_product_that_is_kept_float_multiplies_by_its_own_weights(tmp_path, precision, spec, choice):
    variant = made(small_cnn(), tmp_path, precision, **spec, **choice)

    floats = {name: numpy_helper.to_array(each) for name, each in initializers(variant).items() if each.data_type == 1}
    [product] = [node for node in variant.graph.node if node.op_type in ("Gemm", "MatMul")]
    np.testing.assert_array_equal(floats[product.input[1]], numpy_helper.to_array(initializers(small_cnn())["w"]))


def test_edges_are_float_where_products_are_quantized_dynamically(tmp_path):
    variant = made(small_cnn(), tmp_path, "int8", recipe="dynamic", edges_float=True)

    kinds = [node.op_type for node in variant.graph.node]
    assert (kinds.count("Conv"), kinds.count("ConvInteger"), kinds.count("MatMulInteger")) == (1, 1, 0)


def test_only_leaves_every_other_operator_float_where_it_is_quantized_dynamically(tmp_path):
    both = made(lstm(), tmp_path, "int8", recipe="dynamic", operators=("LSTM", "MatMul"))
    only = made(lstm(), tmp_path, "int8", recipe="dynamic", operators=("LSTM", "MatMul"), only=("op:MatMul",))

    assert "DynamicQuantizeLSTM" in {node.op_type for node in both.graph.node}
    assert {"LSTM", "MatMulInteger"} <= {node.op_type for node in only.graph.node}


def test_a_maker_that_does_not_know_the_names_is_found_out(tmp_path, monkeypatch):
    monkeypatch.setattr(library, "_later_names", lambda model, kept: list(kept))

    with pytest.raises(CannotJudge) as stop:
        made(mlp(), tmp_path, "int8", recipe="dynamic", keep_float=("second",))

    assert stop.value.failure.code is Code.VARIANT_RECIPE
    assert "got 1 nodes that its recipe did not leave float (second (Gemm): computes on integers)" in (
        stop.value.failure.sentence
    )
    assert not list((tmp_path / "cache").glob("*.onnx"))


def one_product(operator="MatMul", *, name="fc", weight="w", opset=23):
    nodes = [
        helper.make_node(operator, ["x", weight], ["y"], name=name),
        helper.make_node("Relu", ["y"], ["z"], name="relu"),
    ]
    model = model_of(nodes, [("x", FLOAT, ["N", 8])], [("z", FLOAT, ["N", 4])], {"w": weights(8, 4)}, opset=opset)
    model.graph.initializer.append(numpy_helper.from_array(np.array(0.1, np.float32), "s"))
    model.graph.initializer.append(numpy_helper.from_array(np.zeros((8, 4), np.int8), "codes"))
    return model


def with_nodes(model, *nodes):
    for node in reversed(nodes):
        model.graph.node.insert(0, node)
    return model


def dequantized(name="fc"):
    return with_nodes(
        one_product(name=name, weight="real"), helper.make_node("DequantizeLinear", ["codes", "s"], ["real"])
    )


def behind_a_pair():
    """A weight that is quantized in the file itself."""
    pair = [
        helper.make_node("QuantizeLinear", ["w", "s"], ["c"]),
        helper.make_node("DequantizeLinear", ["c", "s"], ["d"]),
        helper.make_node("Transpose", ["d"], ["t"]),
        helper.make_node("Transpose", ["t"], ["real"]),
    ]
    return with_nodes(one_product(weight="real"), *pair)


def half():
    casts = [
        helper.make_node("Cast", ["x"], ["x16"], to=TensorProto.FLOAT16),
        helper.make_node("Cast", ["w"], ["w16"], to=TensorProto.FLOAT16),
        helper.make_node("Cast", ["y16"], ["y"], to=TensorProto.FLOAT),
    ]
    model = with_nodes(one_product(), *casts)
    model.graph.node[3].input[:], model.graph.node[3].output[:] = ["x16", "w16"], ["y16"]
    return model


def packed():
    model = one_product()
    model.graph.node[0].CopyFrom(
        helper.make_node("MatMulNBits", ["x", "w", "s"], ["y"], name="fc_Q4", domain="com.microsoft")
    )
    return model


def without():
    model = one_product(name="other")
    model.graph.node[0].output[0] = model.graph.node[1].input[0] = "elsewhere"
    return model


@pytest.mark.parametrize(
    ("variant", "what"),
    [
        (dequantized(), "has a quantized weight"),
        (dequantized("fc_quant"), "has a quantized weight"),
        (behind_a_pair(), "has a quantized weight"),
        (half(), "takes 16 bits"),
        (packed(), "computes on integers"),
        (without(), "is gone"),
    ],
    ids=["dequantized", "renamed", "behind a pair", "half", "packed", "gone"],
)
def test_a_node_that_is_not_float_is_named_with_what_became_of_it(variant, what):
    with pytest.raises(CannotJudge, match=rf"int8: got 1 nodes .*\(fc \(MatMul\): {what}\)"):
        require_kept(variant, one_product(), ("fc",), "int8")
    require_kept(variant, one_product(), ("relu",), "int8")


def test_a_float_node_between_quantized_ones_is_kept():
    """It takes what was dequantized, and what it gives is quantized: both for its neighbours."""
    pairs = [
        helper.make_node("QuantizeLinear", ["x", "s"], ["xc"]),
        helper.make_node("DequantizeLinear", ["xc", "s"], ["xd"]),
        helper.make_node("QuantizeLinear", ["y_float", "s"], ["yc"]),
        helper.make_node("DequantizeLinear", ["yc", "s"], ["y"]),
    ]
    model = with_nodes(one_product(), *pairs)
    model.graph.node[4].input[0], model.graph.node[4].output[0] = "xd", "y_float"

    require_kept(model, one_product(), ("fc", "relu"), "int8")
    assert not any(map(computes_on_integers, model.graph.node))
