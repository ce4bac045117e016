"""What is lowered, what stays as it was, and what is refused."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from pytest_qparity.precision.emulation import lowered, with_tf32
from pytest_qparity.quantmath import blocks, floats
from pytest_qparity.quantmath.floats import BF16, E4M3FN
from pytest_qparity.quantmath.layout import Blocked, PerTensor
from pytest_qparity.verdict import CannotJudge
from tests.precision.emulation.models import (
    BFLOAT16,
    FOREIGN,
    Array,
    differing,
    model,
    on_onnxruntime,
    quantize_dequantize,
    tensor,
)
from tests.precision.graphs import function_inside

FLOAT, INT8, FP8 = TensorProto.FLOAT, TensorProto.INT8, TensorProto.FLOAT8E4M3FN
SCALE = np.array(0.25, np.float32)
ZERO_FP8 = np.zeros((), ml_dtypes.float8_e4m3fn)
RNG = np.random.default_rng(3)
X = RNG.standard_normal((2, 4, 32)).astype(np.float32) * np.float32(4)


def fake_float8(x: Array) -> Array:
    return floats.dequantize_float(floats.quantize_float(x, SCALE, E4M3FN), SCALE)


def bfloat16(x: Array) -> Array:
    return floats.cast(x, BF16).astype(np.float32)


def run(made: onnx.ModelProto, x: Array = X) -> Array:
    onnx.checker.check_model(onnx.shape_inference.infer_shapes(made), full_check=True)
    (got,) = on_onnxruntime(made, optimized=True)({"x": x})
    return got


def around(*between: onnx.NodeProto, output: str = "moved") -> onnx.ModelProto:
    """x → Q (float8) → nodes from `q` to `output` → DQ → y."""
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"], "quantize"),
        *between,
        helper.make_node("DequantizeLinear", [output, "s", "z"], ["y"], "dequantize"),
    ]
    return model(nodes, {"x": (FLOAT, (2, 4, 32))}, {"y": FLOAT}, {"s": SCALE, "z": ZERO_FP8})


def op_types(made: onnx.ModelProto) -> set[str]:
    return {node.op_type for node in made.graph.node}


def test_a_model_without_such_types_comes_back_itself() -> None:
    original = quantize_dequantize(X.shape, SCALE, E4M3FN, PerTensor())

    made, counts = lowered(original, {TensorProto.INT4})

    assert made is original
    assert counts == {}


def test_pairs_of_other_types_stay() -> None:
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z8"], ["q8"], "native"),
        helper.make_node("DequantizeLinear", ["q8", "s", "z8"], ["d8"], "native_back"),
        helper.make_node("QuantizeLinear", ["d8", "s", "z"], ["q"], "quantize"),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"], "dequantize"),
    ]
    constants = {"s": SCALE, "z": ZERO_FP8, "z8": np.zeros((), np.int8)}
    original = model(nodes, {"x": (FLOAT, X.shape)}, {"y": FLOAT}, constants)

    made, counts = lowered(original, {FP8})

    assert counts == {"float8e4m3fn": 2}
    assert [node for node in made.graph.node if node.name.startswith("native")] == list(original.graph.node[:2])


def test_types_can_be_told_by_a_predicate() -> None:
    original = quantize_dequantize(X.shape, SCALE, E4M3FN, PerTensor())

    made, counts = lowered(original, lambda type_: type_ == FP8)

    assert counts == {"float8e4m3fn": 2}
    assert not differing(run(made), fake_float8(X)).any()


@pytest.mark.parametrize(
    ("node", "moved"),
    [
        (helper.make_node("Transpose", ["q"], ["moved"], perm=[2, 0, 1]), lambda y: y.transpose(2, 0, 1)),
        (helper.make_node("Flatten", ["q"], ["moved"]), lambda y: y.reshape(2, -1)),
        (helper.make_node("Concat", ["q", "q"], ["moved"], axis=1), lambda y: np.concatenate([y, y], axis=1)),
        (
            helper.make_node("MaxPool", ["q"], ["moved"], kernel_shape=[2], strides=[2]),
            lambda y: y.reshape(2, 4, 16, 2).max(axis=-1),
        ),
    ],
    ids=lambda each: each.op_type if isinstance(each, onnx.NodeProto) else "",
)
def test_what_moves_elements_may_stand_between(node: onnx.NodeProto, moved: object) -> None:
    made, _ = lowered(around(node), {FP8})

    assert callable(moved)
    assert not differing(run(made), np.ascontiguousarray(moved(fake_float8(X)))).any()


@pytest.mark.parametrize("operator", ["Relu", "Add"])
def test_what_computes_on_codes_is_refused(operator: str) -> None:
    inputs = ["q"] * (2 if operator == "Add" else 1)

    with pytest.raises(CannotJudge, match=f"codes as input of {operator}"):
        lowered(around(helper.make_node(operator, inputs, ["moved"], "culprit")), {FP8})


def test_codes_as_an_output_of_the_graph_are_refused() -> None:
    original = around(helper.make_node("Identity", ["q"], ["moved"]))
    original.graph.output.append(helper.make_tensor_value_info("q", FP8, X.shape))

    with pytest.raises(CannotJudge, match="at the graph's border"):
        lowered(original, {FP8})


def test_names_of_what_stays_stay() -> None:
    original = around(helper.make_node("Flatten", ["q"], ["moved"], "flatten"))

    made, _ = lowered(original, {FP8})

    assert [value.name for value in made.graph.output] == ["y"]
    assert next(node for node in made.graph.node if node.name == "flatten").output == ["moved"]
    assert {"q", "y"} <= {output for node in made.graph.node for output in node.output}


def test_a_shared_weight_is_one_initializer() -> None:
    codes = floats.quantize_float(RNG.standard_normal((32, 8)).astype(np.float32), SCALE, E4M3FN)
    nodes = [
        helper.make_node("DequantizeLinear", ["w", "s"], ["w1"], "first"),
        helper.make_node("DequantizeLinear", ["w", "s"], ["w2"], "second"),
        helper.make_node("MatMul", ["x", "w1"], ["a"], "a"),
        helper.make_node("MatMul", ["x", "w2"], ["b"], "b"),
        helper.make_node("Add", ["a", "b"], ["y"], "add"),
    ]
    made, counts = lowered(model(nodes, {"x": (FLOAT, X.shape)}, {"y": FLOAT}, {"w": codes, "s": SCALE}), {FP8})

    assert counts == {"float8e4m3fn": 2}
    (weight,) = made.graph.initializer
    assert np.array_equal(numpy_helper.to_array(weight), floats.dequantize_float(codes, SCALE))


def test_two_levels_of_scales_of_a_weight_are_folded() -> None:
    weight = RNG.standard_normal((8, 32)).astype(np.float32)
    made_of = blocks.quantize_nvfp4(weight, blocks.nvfp4_tensor_scale(float(np.abs(weight).max())))
    nodes = [
        helper.make_node("DequantizeLinear", ["b", "t"], ["scales"], "scales"),
        helper.make_node("DequantizeLinear", ["w", "scales"], ["weight"], "weight", axis=-1, block_size=16),
        helper.make_node("Transpose", ["weight"], ["turned"], "turn", perm=[1, 0]),
        helper.make_node("MatMul", ["x", "turned"], ["y"], "matmul"),
    ]
    scale = np.array(made_of.tensor_scale, np.float32)
    constants = {"w": made_of.elements, "b": made_of.block_scales, "t": scale}
    original = model(nodes, {"x": (FLOAT, X.shape)}, {"y": FLOAT}, constants)
    original.graph.input.extend(
        helper.make_tensor_value_info(each.name, each.data_type, each.dims) for each in original.graph.initializer
    )  # as NVIDIA ModelOpt lists them

    made, counts = lowered(original, {TensorProto.FLOAT4E2M1, FP8})

    assert counts == {"float4e2m1": 1, "float8e4m3fn": 1}
    (folded,) = made.graph.initializer
    scales = floats.dequantize_float(made_of.block_scales, scale)
    assert np.array_equal(
        numpy_helper.to_array(folded), floats.dequantize_float(made_of.elements, scales, Blocked(-1, 16))
    )


def test_a_constant_that_is_quantized_in_the_file_is_folded() -> None:
    weight = RNG.standard_normal((32, 8)).astype(np.float32)
    nodes = [
        helper.make_node("QuantizeLinear", ["w", "s", "z"], ["q"], "quantize"),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["d"], "dequantize"),
        helper.make_node("MatMul", ["x", "d"], ["y"], "matmul"),
    ]
    constants = {"w": weight, "s": SCALE, "z": ZERO_FP8}

    made, _ = lowered(model(nodes, {"x": (FLOAT, X.shape)}, {"y": FLOAT}, constants), {FP8})

    assert "Round" not in op_types(made)
    assert np.array_equal(run(made), run_matmul(X, fake_float8(weight)))


def test_branches_and_local_functions_are_lowered() -> None:
    pair = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"], "quantize"),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["d"], "dequantize"),
    ]
    then = helper.make_graph(pair, "then", [], [helper.make_tensor_value_info("d", FLOAT, X.shape)])
    other = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["e"])], "else", [], [helper.make_tensor_value_info("e", FLOAT, X.shape)]
    )
    nodes = [
        helper.make_node("If", ["c"], ["i"], "if", then_branch=then, else_branch=other),
        helper.make_node("Fake", ["i", "s", "z"], ["y"], "call", domain="local"),
    ]
    inner = [
        helper.make_node("QuantizeLinear", ["a", "b", "c"], ["q"], "inner_quantize"),
        helper.make_node("DequantizeLinear", ["q", "b", "c"], ["r"], "inner_dequantize"),
    ]
    constants = {"s": SCALE, "z": ZERO_FP8, "c": np.array(True)}
    original = model(nodes, {"x": (FLOAT, X.shape)}, {"y": FLOAT}, constants)
    original.functions.append(
        helper.make_function("local", "Fake", ["a", "b", "c"], ["r"], inner, [helper.make_opsetid("", 25)])
    )

    made, counts = lowered(original, {FP8})

    assert counts == {"float8e4m3fn": 4}
    assert not differing(run(made), fake_float8(X)).any()


def test_a_cast_to_a_type_and_back_rounds_once() -> None:
    nodes = [
        helper.make_node("Cast", ["x"], ["h"], "there", to=FP8),
        helper.make_node("Cast", ["h"], ["y"], "back", to=FLOAT),
    ]

    made, counts = lowered(model(nodes, {"x": (FLOAT, X.shape)}, {"y": FLOAT}), {FP8})

    assert counts == {"float8e4m3fn": 2}
    assert not differing(run(made), floats.cast(X, E4M3FN).astype(np.float32)).any()


def bfloat16_model() -> tuple[onnx.ModelProto, Array, Array]:
    weight = RNG.standard_normal((32, 8)).astype(BFLOAT16)
    bias = RNG.standard_normal(8).astype(BFLOAT16)
    nodes = [
        helper.make_node("Cast", ["x"], ["h"], "there", to=TensorProto.BFLOAT16),
        helper.make_node("MatMul", ["h", "w"], ["m"], "matmul"),
        helper.make_node("Relu", ["m"], ["r"], "relu"),
        helper.make_node("Add", ["r", "b"], ["a"], "add"),
        helper.make_node("Cast", ["a"], ["y"], "back", to=FLOAT),
    ]
    return model(nodes, {"x": (FLOAT, X.shape)}, {"y": FLOAT}, {"w": weight, "b": bias}), weight, bias


def test_a_bfloat16_graph_rounds_after_each_node_that_computes() -> None:
    original, weight, bias = bfloat16_model()

    made, counts = lowered(original, {TensorProto.BFLOAT16})

    assert counts == {"bfloat16": 4}
    product = bfloat16(run_matmul(bfloat16(X), weight.astype(np.float32)))
    assert not differing(run(made), bfloat16(np.maximum(product, 0) + bias.astype(np.float32))).any()
    assert {each.data_type for each in made.graph.initializer} == {FLOAT}


def run_matmul(x: Array, weight: Array) -> Array:
    """The product as the engine sums it up."""
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    return run(model(nodes, {"x": (FLOAT, x.shape)}, {"y": FLOAT}, {"w": weight}), x)


def test_bfloat16_inputs_and_outputs_become_float32() -> None:
    nodes = [helper.make_node("Mul", ["x", "x"], ["y"], "square")]

    made, _ = lowered(
        model(nodes, {"x": (TensorProto.BFLOAT16, X.shape)}, {"y": TensorProto.BFLOAT16}), {TensorProto.BFLOAT16}
    )

    assert made.graph.input[0].type.tensor_type.elem_type == FLOAT
    assert not differing(run(made), bfloat16(bfloat16(X) * bfloat16(X))).any()


def test_an_output_of_unknown_type_is_refused() -> None:
    """Whether it is to be rounded could not be told."""
    original, *_ = bfloat16_model()
    unknown = helper.make_node("Unknown", ["m"], ["u"], "culprit", domain="somewhere")
    original.graph.node.insert(2, unknown)
    original.graph.node[3].input[0] = "u"
    original.opset_import.append(helper.make_opsetid("somewhere", 1))

    with pytest.raises(CannotJudge, match="'culprit' with an output of unknown type"):
        lowered(original, {TensorProto.BFLOAT16})


def test_dynamic_blocks_that_do_not_fill_their_axis_are_refused() -> None:
    node = helper.make_node(
        "TRT_MXFP8DynamicQuantize", ["x"], ["q", "s"], "culprit", domain=FOREIGN, axis=-1, block_size=32
    )
    back = helper.make_node("TRT_MXFP8DequantizeLinear", ["q", "s"], ["y"], "d", domain=FOREIGN, axis=-1, block_size=32)

    with pytest.raises(CannotJudge, match="blocks of 32 on an axis of 33"):
        lowered(model([node, back], {"x": (FLOAT, (2, 33))}, {"y": FLOAT}, opset=17), {FP8})


def test_float16_weights_of_four_bits_keep_their_type() -> None:
    codes = RNG.integers(-8, 8, (32, 8)).astype(ml_dtypes.int4)
    scale = RNG.uniform(0.1, 1, (2, 8)).astype(np.float16)
    nodes = [
        helper.make_node("DequantizeLinear", ["w", "s"], ["d"], "dequantize", axis=0, block_size=16),
        helper.make_node("Cast", ["d"], ["wide"], "cast", to=FLOAT),
        helper.make_node("MatMul", ["x", "wide"], ["y"], "matmul"),
    ]

    made, counts = lowered(
        model(nodes, {"x": (FLOAT, X.shape)}, {"y": FLOAT}, {"w": codes, "s": scale}), {TensorProto.INT4}
    )

    assert counts == {"int4": 1}
    (weight,) = made.graph.initializer
    assert weight.data_type == TensorProto.FLOAT16
    assert np.array_equal(numpy_helper.to_array(weight), codes.astype(np.float16) * np.repeat(scale, 16, axis=0))


def test_blocked_scales_of_a_type_that_is_native_otherwise_are_lowered_alone() -> None:
    scale = RNG.uniform(0.1, 1, (2, 4, 2)).astype(np.float32)
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s"], ["q"], "q", axis=2, block_size=16, output_dtype=INT8),
        helper.make_node("DequantizeLinear", ["q", "s"], ["d"], "d", axis=2, block_size=16),
        helper.make_node("QuantizeLinear", ["d", "t", "z"], ["n"], "native"),
        helper.make_node("DequantizeLinear", ["n", "t", "z"], ["y"], "native_back"),
    ]
    constants = {"s": scale, "t": SCALE, "z": np.zeros((), np.int8)}
    original = model(nodes, {"x": (FLOAT, X.shape)}, {"y": FLOAT}, constants)

    made, counts = lowered(original, (), blocked={INT8})

    assert counts == {"int8": 2}
    assert np.array_equal(run(made), run(original))


def test_older_exports_of_tensorrt_are_read() -> None:
    nodes = [
        helper.make_node("TRT_FP8QuantizeLinear", ["x", "s"], ["q"], "q", domain=FOREIGN),
        helper.make_node("TRT_FP8DequantizeLinear", ["q", "s"], ["d"], "d", domain=FOREIGN),
        helper.make_node("MatMul", ["d", "weight"], ["y"], "matmul"),
        helper.make_node(
            "TRT_MXFP8DequantizeLinear", ["w", "e"], ["weight"], "w", domain=FOREIGN, axis=0, block_size=32
        ),
    ]
    nodes = [nodes[3], *nodes[:3]]
    made_of = blocks.quantize_mx(RNG.standard_normal((32, 8)).astype(np.float32), E4M3FN, axis=0)
    constants = {"s": SCALE, "w": made_of.elements, "e": made_of.scales.view(np.uint8)}

    made, counts = lowered(model(nodes, {"x": (FLOAT, X.shape)}, {"y": FLOAT}, constants, opset=17), {FP8})

    assert counts == {"float8e4m3fn": 3}
    assert np.array_equal(run(made), run_matmul(fake_float8(X), blocks.dequantize_mx(made_of)))


@pytest.mark.parametrize("narrow", [FLOAT, TensorProto.FLOAT16], ids=["float32", "float16"])
def test_layers_of_dynamic_quantization_know_their_shapes(narrow: int) -> None:
    nodes = []
    for layer, (source, target) in enumerate([("x", "a"), ("a", "y")]):
        q, s, d, h = f"q{layer}", f"s{layer}", f"d{layer}", f"h{layer}"
        nodes += [
            helper.make_node("Cast", [source], [h], h, to=narrow),
            helper.make_node("TRT_MXFP8DynamicQuantize", [h], [q, s], q, domain=FOREIGN, axis=-1, block_size=32),
            helper.make_node("TRT_MXFP8DequantizeLinear", [q, s], [d], d, domain=FOREIGN, axis=-1, block_size=32),
            helper.make_node("MatMul", [d, "w"], [target], f"matmul{layer}"),
        ]
    weight = RNG.standard_normal((32, 32)).astype(np.float32)

    made, counts = lowered(model(nodes, {"x": (FLOAT, ("n", 4, 32))}, {"y": FLOAT}, {"w": weight}, opset=17), {FP8})

    def layer(x: Array) -> Array:
        taken = x.astype(helper.tensor_dtype_to_np_dtype(narrow))
        rounded = blocks.dequantize_mx(blocks.quantize_mx(taken, E4M3FN, blocks.ScaleRule.CEIL))
        return run_matmul(rounded, weight)

    assert counts == {"float8e4m3fn": 4}
    assert np.array_equal(run(made), layer(layer(X)))


def test_an_opset_without_the_operators_is_refused() -> None:
    original = quantize_dequantize(X.shape, SCALE, E4M3FN, PerTensor())
    original.opset_import[0].version = 12

    with pytest.raises(CannotJudge, match="opset 12"):
        lowered(original, {FP8})


def test_tf32_rounds_what_is_multiplied() -> None:
    weight = RNG.standard_normal((32, 8)).astype(np.float32)
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"], "matmul")]

    made, counts = with_tf32(model(nodes, {"x": (FLOAT, X.shape)}, {"y": FLOAT}, {"w": weight}))

    def tf32(x: Array) -> Array:
        bits = x.view(np.uint32)
        return (bits + 0xFFF + ((bits >> 13) & 1) & 0xFFFFE000).astype(np.uint32).view(np.float32)

    assert counts == {"tf32": 1}
    assert np.array_equal(run(made), run_matmul(tf32(X), tf32(weight)))


def test_tf32_rounds_inside_local_functions_too() -> None:
    made, counts = with_tf32(function_inside())

    assert counts == {"tf32": 1}
    assert not made.functions


def test_the_model_that_is_given_stays_as_it_is() -> None:
    original = around(helper.make_node("Flatten", ["q"], ["moved"], "flatten"))
    before = original.SerializeToString(deterministic=True)

    lowered(original, {FP8})

    assert original.SerializeToString(deterministic=True) == before


def test_helpers_write_small_types() -> None:
    assert tensor(ZERO_FP8, "z").data_type == FP8
