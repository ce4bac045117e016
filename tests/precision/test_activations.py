"""The bound of what activations take, by hand."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import onnx_ir
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from pytest_qparity.precision.activations import activation_bytes

FLOAT, INT8, HALF = TensorProto.FLOAT, TensorProto.INT8, TensorProto.FLOAT16
SHAPES = {"x": (2, 10)}
OPSET = [helper.make_opsetid("", 21)]


def model(*nodes: object, given: str = "y", kind: int = FLOAT, **weights: np.ndarray) -> ModelProto:
    """x ("n", 10) float32 through the nodes; weights of Q/DQ beside those that are stated."""
    constants = {"scale": np.float32(0.1), "zero": np.int8(0), **weights}
    graph = helper.make_graph(
        list(nodes),
        "g",
        [helper.make_tensor_value_info("x", FLOAT, ["n", 10])],
        [helper.make_tensor_value_info(given, kind, ["n", None])],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=OPSET, ir_version=10)


def quantized(name: str, gives: str) -> object:
    return helper.make_node("QuantizeLinear", [name, "scale", "zero"], [gives])


def dequantized(name: str, gives: str) -> object:
    return helper.make_node("DequantizeLinear", [name, "scale", "zero"], [gives])


WIDE = np.zeros((10, 1000), np.float32)
NARROW = np.zeros((1000, 5), np.float32)
ENDS = 4 * (20 + 10)
TWO = (helper.make_node("MatMul", ["x", "a"], ["h"]), helper.make_node("MatMul", ["h", "b"], ["y"]))


def test_the_widest_product_needs_what_it_takes_and_what_it_gives() -> None:
    assert activation_bytes(model(*TWO, a=WIDE, b=NARROW), SHAPES) == 4 * (20 + 2000)
    assert activation_bytes(model(*TWO, a=WIDE, b=NARROW), {"x": (4, 10)}) == 2 * 4 * (20 + 2000)


def test_weights_are_no_activations_however_they_are_stored() -> None:
    stored = np.zeros((10, 5), np.int8)
    weights = dequantized("stored", "a")

    assert (
        activation_bytes(model(weights, helper.make_node("MatMul", ["x", "a"], ["y"]), stored=stored), SHAPES) == ENDS
    )


def test_pairs_around_a_product_are_stored_as_integers() -> None:
    pairs = (
        helper.make_node("MatMul", ["x", "a"], ["h"]),
        helper.make_node("Relu", ["h"], ["r"]),
        quantized("r", "q"),
        dequantized("q", "d"),
        helper.make_node("MatMul", ["d", "b"], ["y"]),
    )

    assert activation_bytes(model(*pairs, a=WIDE, b=NARROW), SHAPES) == 4 * 20 + 2000


def test_what_somebody_else_takes_too_is_stored_as_it_is() -> None:
    both = (
        helper.make_node("MatMul", ["x", "a"], ["h"]),
        quantized("h", "q"),
        dequantized("q", "d"),
        helper.make_node("Add", ["d", "h"], ["s"]),
        helper.make_node("MatMul", ["s", "b"], ["y"]),
    )

    assert activation_bytes(model(*both, a=WIDE, b=NARROW), SHAPES) == 4 * (20 + 2000)


def test_without_a_product_what_goes_in_and_out_is_there_at_once() -> None:
    assert activation_bytes(model(helper.make_node("Relu", ["x"], ["y"])), SHAPES) == 4 * 40


def test_a_half_is_half_as_large() -> None:
    cast = helper.make_node("Cast", ["x"], ["c"], to=HALF)
    product = helper.make_node("MatMul", ["c", "a"], ["y"])

    assert activation_bytes(model(cast, product, a=WIDE.astype(np.float16), kind=HALF), SHAPES) == 4 * 20 + 2 * 2000


@pytest.mark.parametrize(
    "nodes",
    [
        pytest.param([helper.make_node("Mystery", ["x"], ["h"], domain="mine"), TWO[1]], id="an operator nobody knows"),
        pytest.param([helper.make_node("MatMul", ["x", "b"], ["y"])], id="shapes that do not fit"),
    ],
)
def test_what_cannot_be_told_is_no_number(nodes: list[object]) -> None:
    unknown = model(*nodes, b=NARROW)
    unknown.opset_import.append(helper.make_opsetid("mine", 1))

    assert isinstance(activation_bytes(unknown, SHAPES), str)


def test_an_element_has_the_bits_that_onnx_stores_it_in() -> None:
    stored = [kind for kind in onnx_ir.DataType if kind not in (onnx_ir.DataType.UNDEFINED, onnx_ir.DataType.STRING)]

    told = {kind.name: activation_bytes(_passed_on(int(kind)), {"x": (16,)}) for kind in stored}

    assert told == {kind.name: 2 * 16 * kind.bitwidth // 8 for kind in stored}
    assert isinstance(activation_bytes(_passed_on(TensorProto.STRING), {"x": (16,)}), str)


def test_what_a_worker_imports_for_it_is_little() -> None:
    asked = (
        "import sys; from onnx import parser; from pytest_qparity.precision.activations import activation_bytes;"
        'told = activation_bytes(parser.parse_model(\'<ir_version: 10, opset_import: ["" : 21]> g (float[16] x) => '
        "(float[16] y) {y = Identity(x)}'), {}); print(told, 'onnx_ir' in sys.modules)"
    )

    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout

    assert told.split() == ["128", "False"]


def _passed_on(kind: int) -> ModelProto:
    ends = [helper.make_tensor_value_info(name, kind, [16]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", ends[:1], ends[1:])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23)], ir_version=11)
