"""What an ONNX file holds of quantization: counted nodes, and scales that no sound quantizer writes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto, inliner, shape_inference

from pytest_qparity.precision.large import without_weights
from pytest_qparity.precision.operands import MOVING, TYPES, is_product, operand_of, operands_of, precisions_of
from pytest_qparity.precision.table import HALVES
from pytest_qparity.precision.values import (
    MICROSOFT,
    STANDARD,
    all_nodes,
    load_graph,
    loaded,
    quantized_type,
    values_in,
)

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

    from pytest_qparity.precision.values import Scope

QUANTIZE = frozenset({"QuantizeLinear", "DequantizeLinear"})

# Operators that compute on integers or on packed weights themselves, without Q/DQ around them.
_INTEGER_STANDARD = frozenset({"ConvInteger", "DynamicQuantizeLinear", "MatMulInteger", "QLinearConv", "QLinearMatMul"})
# Not every name with a Q: QuickGelu and GroupQueryAttention are float.
_INTEGER_MICROSOFT = re.compile(
    r"QLinear\w+|QOrdered\w+|QGemm|QAttention|QEmbedLayerNormalization|DynamicQuantize\w+|\w*Integer\w*"
)
_PACKED_MICROSOFT = re.compile(r"MatMulNBits\w*|MatMulBnb4|MatMulFpQ4|GatherBlockQuantized|QMoE")
_BITS = frozenset({"bits", "expert_weight_bits"})  # of packed operators; 4 where none is stated

# Where operators take scales, by index of input.
_SCALES: Mapping[str, tuple[int, ...]] = {
    "QuantizeLinear": (1,),
    "DequantizeLinear": (1,),
    "QLinearConv": (1, 4, 6),
    "QLinearMatMul": (1, 4, 6),
    "QLinearAdd": (1, 4, 6),
    "QLinearMul": (1, 4, 6),
    "QGemm": (1, 4, 7),
    "QLinearSigmoid": (1, 3),
    "QLinearLeakyRelu": (1, 3),
    "QLinearSoftmax": (1, 3),
    "QLinearAveragePool": (1, 3),
    "QLinearGlobalAveragePool": (1, 3),
}

FLOAT_PRECISIONS = frozenset({"fp16", "bf16", "fp8", "fp8-e4m3", "fp8-e5m2", "mxfp8", "nvfp4", "mxfp4"})
NO_TRACE = frozenset({"fp32", "tf32"})  # a file says nothing about these


CASTS = frozenset({"Cast", "CastLike"})
_OWN = {"integer": frozenset({"int8", "uint8"}), "four-bit": frozenset({"int4", "uint4"})}
_HALF_TYPES = frozenset(type_ for base in HALVES for type_ in TYPES[base])
_FLOAT_TYPES = _HALF_TYPES | {TensorProto.FLOAT, TensorProto.DOUBLE}


@dataclass(frozen=True, slots=True)
class Taker:
    """A node that computes on dequantized operands, or on integers itself; or an output of the graph.

    `output`: its first. `precisions`: those it is of, by `operands.precisions_of`. `product`: whether it multiplies.
    """

    output: str
    precisions: frozenset[str]
    product: bool


@dataclass(frozen=True, slots=True)
class FloatProduct:
    """A product that takes nothing dequantized. `output`: its first. `type`: the TensorProto.DataType it computes in,
    UNDEFINED where neither the file nor inference tells."""

    output: str
    type: int


@dataclass(frozen=True, slots=True)
class Content:
    """Counts over the nodes that lead to an output: of the graph, its subgraphs and the local functions it calls.

    `quantized`: Q/DQ nodes by the element type (a TensorProto.DataType) they quantize to or from, UNDEFINED where the
    file does not say; `typed`: other nodes that take or give a type, by type, as far as the file says; not Cast, which
    computes nothing. `integer_operators` counts those with packed weights too, of which `four_bit_operators` are some.
    `bad_scales`: names of nodes with a constant scale that is zero, negative, NaN or infinite. `takers`: what takes
    dequantized values. `float_products`: products that take none.
    """

    nodes: int
    quantized: Mapping[int, int]
    typed: Mapping[int, int]
    integer_operators: int
    four_bit_operators: int
    opset: int
    bad_scales: tuple[str, ...]
    takers: tuple[Taker, ...] = ()
    float_products: tuple[FloatProduct, ...] = ()


def content_of(path: Path) -> Content:
    """Count what a model file holds; of external data only scales are read. Raises CannotJudge where it is no model."""
    model = load_graph(path)
    quantized: Counter[int] = Counter()
    typed: Counter[int] = Counter()
    operators: Counter[str] = Counter()
    bad_scales = []
    takers = list(_outputs_taken(model))
    for node, scope in all_nodes(model):
        operators[_kind(node)] += 1
        takers += _taker(node, scope)
        if _has_bad_scale(node, scope, path):
            bad_scales.append(node.name or node.output[0])
        if _is_quantize(node):
            quantized[quantized_type(node, scope)] += 1
        elif node.op_type not in CASTS:
            typed.update(_types_of(node, scope))
    float_products = _float_products(model)
    if typed.keys() & _HALF_TYPES and any(not product.type for product in float_products):
        float_products = _float_products(_inferred(model))
    return Content(
        nodes=operators.total(),
        quantized=dict(quantized),
        typed=dict(typed),
        integer_operators=operators["integer"] + operators["four-bit"],
        four_bit_operators=operators["four-bit"],
        opset=next((entry.version for entry in model.opset_import if entry.domain in STANDARD), 0),
        bad_scales=tuple(bad_scales),
        takers=tuple(takers),
        float_products=float_products,
    )


def _float_products(model: ModelProto) -> tuple[FloatProduct, ...]:
    nodes = [(node, scope) for node, scope in all_nodes(model) if is_product(node) and _kind(node) == "other"]
    return tuple(
        FloatProduct(next(iter(node.output), ""), _float_type(node, scope))
        for node, scope in nodes
        if not operands_of(node, scope)
    )


def _float_type(node: NodeProto, scope: Scope) -> int:
    types = (scope[name].type for name in (*node.input, *node.output) if name in scope)
    return next((type_ for type_ in types if type_ in _FLOAT_TYPES), TensorProto.UNDEFINED)


def _inferred(model: ModelProto) -> ModelProto:
    """With the types of all values, those in local functions too, as far as ONNX's inference goes."""
    light = without_weights(model)
    try:
        return shape_inference.infer_shapes(inliner.inline_local_functions(light) if light.functions else light)
    except shape_inference.InferenceError:
        return model


def _outputs_taken(model: ModelProto) -> Iterator[Taker]:
    scope = values_in(model.graph, {})
    for output in model.graph.output:
        operand = operand_of(output.name, scope)
        if operand is not None:
            yield Taker(output.name, precisions_of([operand]), False)


def _taker(node: NodeProto, scope: Scope) -> Iterator[Taker]:
    output, kind = next(iter(node.output), ""), _kind(node)
    if kind != "other":
        yield Taker(output, _OWN[kind], is_product(node))
    elif not _is_quantize(node) and node.op_type not in MOVING:
        operands = operands_of(node, scope)
        if operands:
            yield Taker(output, precisions_of(operands), is_product(node))


def examine(
    held: dict[str, Any], arguments: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
) -> tuple[dict[str, Any], Mapping[str, np.ndarray]]:
    """A worker's call: what the file `model` holds of the precision `base`."""
    content, base = content_of(Path(arguments["model"])), arguments["base"]
    return {
        "holds_precision": holds(content, base),
        "quantized_nodes": quantized_nodes(content, base),
        "nodes": content.nodes,
        "opset": content.opset,
        "own_operators": content.integer_operators > 0,
        "bad_scales": content.bad_scales,
        "other_products": other_products(content, base),
    }, {}


def examine_ranges(
    held: dict[str, Any], arguments: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
) -> tuple[bool, Mapping[str, np.ndarray]]:
    """A worker's call: whether the file `model` has an operator that finds its ranges from what it is fed."""
    nodes = all_nodes(load_graph(Path(arguments["model"])))
    return any(node.op_type.startswith("DynamicQuantize") for node, _ in nodes), {}


def quantized_nodes(content: Content, base: str) -> int:
    """How many nodes hold the precision `base`; 0 for fp32 and tf32, which leave no trace in a file.

    Q/DQ nodes of its type count where something computes on them in that precision: blocks, the types of scales and the
    other operands included. Where products are quantized they alone decide. An int32 DequantizeLinear (a bias) alone
    makes no int8 file. Nor do weights or a sum in 16 bits make an fp16 or bf16 file, where products compute in float32.
    """
    types = TYPES.get(base, frozenset())
    count = sum(content.quantized.get(type_, 0) for type_ in types)
    if base in HALVES:
        products = [*content.float_products, *(taker for taker in content.takers if taker.product)]
        if products and not any(product.type in types for product in content.float_products):
            return 0
        return count + sum(content.typed.get(type_, 0) for type_ in types)
    if not any(base in taker.precisions for taker in _deciding(content)):
        return 0
    if base in FLOAT_PRECISIONS:
        return count + sum(content.typed.get(type_, 0) for type_ in types)
    if base in ("int4", "uint4"):
        return count + content.four_bit_operators
    if base in ("int8", "uint8"):
        return count + content.integer_operators - content.four_bit_operators
    return count


def _deciding(content: Content) -> list[Taker]:
    return [taker for taker in content.takers if taker.product] or list(content.takers)


def other_products(content: Content, base: str) -> tuple[str, ...]:
    """First outputs of the products that are quantized, and not in the precision `base`; for fp16 and bf16, which
    quantize nothing, also of those that compute in another float type, or in one that nobody tells."""
    quantized = tuple(taker.output for taker in content.takers if taker.product and base not in taker.precisions)
    if base not in HALVES:
        return quantized
    return (*quantized, *(product.output for product in content.float_products if product.type not in TYPES[base]))


def holds(content: Content, base: str) -> bool:
    """Whether the file holds what its precision says; fp32 and tf32 claim nothing of the file."""
    return base in NO_TRACE or quantized_nodes(content, base) > 0


def _is_quantize(node: NodeProto) -> bool:
    return node.op_type in QUANTIZE and node.domain in (*STANDARD, MICROSOFT)


def _kind(node: NodeProto) -> str:
    if node.domain in STANDARD:
        return "integer" if node.op_type in _INTEGER_STANDARD else "other"
    if node.domain != MICROSOFT:
        return "other"
    if _PACKED_MICROSOFT.fullmatch(node.op_type):
        bits = next((attribute.i for attribute in node.attribute if attribute.name in _BITS), 4)
        return "four-bit" if bits == 4 else "integer"
    return "integer" if _INTEGER_MICROSOFT.fullmatch(node.op_type) else "other"


def computes_on_integers(node: NodeProto) -> bool:
    """Whether an operator takes integers or packed weights itself, without Q/DQ nodes around it."""
    return _kind(node) != "other"


def _has_bad_scale(node: NodeProto, scope: Scope, path: Path) -> bool:
    for index in _SCALES.get(node.op_type, ()):
        known = scope.get(node.input[index]) if index < len(node.input) else None
        if known is not None and known.constant is not None and not _is_sound(known.constant, path):
            return True
    return False


def _is_sound(scale: TensorProto, path: Path) -> bool:
    values = loaded(scale, path, "scale ").astype(np.float64)
    return bool(np.isfinite(values).all() and (values > 0).all())


def _types_of(node: NodeProto, scope: Scope) -> set[int]:
    """Element types that a node shows: of what it takes and gives, where the file says."""
    types = {scope[name].type for name in (*node.input, *node.output) if name in scope}
    return types - {TensorProto.UNDEFINED}
