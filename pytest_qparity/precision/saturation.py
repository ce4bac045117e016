"""Whether a file's integer products can saturate on x64 CPUs without VNNI, decided from its weights.

There u8·s8 products are added in pairs in saturating int16 (VPMADDUBSW):

    saturates where |a₀·b₀ + a₁·b₁| leaves [−32768, 32767], a in 0…255, b in −128…127

so that two neighbouring weights of one sign saturate where they add up to 129 or more. Activations are taken to reach
every code, whatever range they were calibrated to: a code of 255 needs no more than one value at the end of the range.

Neighbours are those of ONNX Runtime's MLAS (`QgemmU8S8KernelAvx2`, `ConvSymKernelAvx2`: groups of four along the
reduction axis; `QLinearConv::ReorderFilter`: kernel positions outside, input channels inside) and, where a number of
input channels is odd, also those of kernels that pad the channels of each kernel position (oneDNN). Depthwise
convolutions widen to int16 first (`vpmaddwd`) and are left out, and so are products of other types. S8 activations
between Q/DQ pairs count: ONNX Runtime turns them into u8 on x64 (`QDQS8ToU8Transformer`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto, inliner

from pytest_qparity.precision.examination import LARGEST_SUM, Saturation
from pytest_qparity.precision.values import (
    MICROSOFT,
    STANDARD,
    live_nodes,
    load_graph,
    loaded,
    quantized_type,
    subgraphs,
    values_in,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from onnx import GraphProto, ModelProto, NodeProto

    from pytest_qparity.precision.values import Scope

LARGEST_CODE = 255

# Operators on integers, by the inputs that are the activation, its zero point, and the weights.
_OPERATORS: Mapping[str, tuple[int, int, int]] = {
    "QLinearConv": (0, 2, 3),
    "QLinearMatMul": (0, 2, 3),
    "QGemm": (0, 2, 3),
    "ConvInteger": (0, 2, 1),
    "MatMulInteger": (0, 2, 1),
    "MatMulIntegerToFloat": (0, 4, 1),
    "QAttention": (0, 6, 1),
}
_DYNAMIC = {"DynamicQuantizeMatMul": (1,), "DynamicQuantizeLSTM": (1, 2)}  # weights; activations become u8 inside
_BETWEEN_PAIRS = frozenset({"Conv", "ConvTranspose", "MatMul", "Gemm"})
# What changes places of elements and none of their codes: ONNX Runtime moves Q/DQ nodes past most of these.
_MOVERS = frozenset(
    {"Identity", "Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "MaxPool", "Slice", "Gather", "Expand"}
)
_CONVOLUTIONS = frozenset({"Conv", "ConvInteger", "QLinearConv"})


@dataclass(frozen=True, slots=True)
class _Sight:
    """What a node can see: values by name, and the nodes that make them."""

    values: Scope
    producers: Mapping[str, NodeProto]
    path: Path

    def type_of(self, name: str) -> int:
        """The element type of a value; UNDEFINED where the file does not say."""
        if name in self.values and self.values[name].type != TensorProto.UNDEFINED:
            return self.values[name].type
        made_by = self.producers.get(name)
        if made_by is not None and made_by.op_type == "DynamicQuantizeLinear" and name == made_by.output[0]:
            return int(TensorProto.UINT8)
        if made_by is not None and made_by.op_type in _MOVERS:
            return self.type_of(made_by.input[0])
        return int(TensorProto.UNDEFINED)

    def array(self, name: str) -> np.ndarray | None:
        """The value of a constant, also behind Identity, Transpose, and a QuantizeLinear of a constant; None of any
        other."""
        if name in self.values and (constant := self.values[name].constant) is not None:
            return loaded(constant, self.path)
        made_by = self.producers.get(name)
        if made_by is None:
            return None
        if made_by.op_type == "Identity":
            return self.array(made_by.input[0])
        if made_by.op_type == "Transpose":
            array = self.array(made_by.input[0])
            axes = next((list(each.ints) for each in made_by.attribute if each.name == "perm"), None)
            return None if array is None else np.transpose(array, axes)
        if made_by.op_type == "QuantizeLinear":
            return self._quantized(made_by)
        return None

    def _quantized(self, node: NodeProto) -> np.ndarray | None:
        """A float constant and the QuantizeLinear behind it, as exports of quantization-aware training have it."""
        parts = [self.array(name) for name in node.input[:3]]
        if len(parts) < 3 or any(part is None for part in parts):
            return None
        value, scale, zero_point = (np.asarray(part) for part in parts)
        if zero_point.dtype != np.int8:
            return zero_point  # of another type than saturates: its values do not matter
        axis = next((each.i for each in node.attribute if each.name == "axis"), 1)
        if scale.size > 1:
            shape = [1] * value.ndim
            shape[axis] = -1
            scale, zero_point = scale.reshape(shape), zero_point.reshape(shape)
        codes: np.ndarray = np.clip(np.rint(value / scale) + zero_point, -128, 127)
        return codes.astype(np.int8)


@dataclass(frozen=True, slots=True)
class _Product:
    """A product of u8 activations and s8 weights. `weights`: None where they are no constant."""

    node: NodeProto
    weights: np.ndarray | None


def saturation_in(path: Path) -> Saturation:
    """What the pairs of products in a file can sum up to. Raises CannotJudge where it is no model."""
    model = load_graph(path)
    if model.functions:
        model = inliner.inline_local_functions(model)
    found = Saturation(0, 0, 0, 0, "", 0, "")
    for product in _products(model, path):
        found = _with(found, product)
    return found


def examine(
    held: dict[str, Any], arguments: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
) -> tuple[dict[str, Any], Mapping[str, np.ndarray]]:
    """A worker's call: `saturation_in` of the file `model`."""
    return asdict(saturation_in(Path(arguments["model"]))), {}


def worst_pair(weights: np.ndarray, axis: int) -> tuple[int, int]:
    """The largest |255·(b₀ + b₁)| of two neighbours of one sign along `axis` of int8 `weights`, with its sign, and the
    index of its channel among all other axes, in C order; an odd one out stands alone."""
    moved = np.moveaxis(weights, axis, 0)
    first, second = moved[0::2], moved[1::2]
    worst, channel = 0, 0
    for bound in (np.maximum, np.minimum):
        sums = bound(first, 0).astype(np.int16)
        sums[: len(second)] += bound(second, 0)
        at = int(np.argmax(sums) if bound is np.maximum else np.argmin(sums)) if sums.size else 0
        value = LARGEST_CODE * int(sums.reshape(-1)[at]) if sums.size else 0
        if abs(value) > abs(worst):
            worst, channel = value, at % max(1, sums[0].size)
    return worst, channel


def _with(found: Saturation, product: _Product) -> Saturation:
    found = replace(found, products=found.products + 1)
    name = product.node.name or product.node.output[0]
    if product.weights is None:
        return replace(found, unknown=found.unknown + 1, unknown_node=found.unknown_node or name)
    worst, channel = max(_worst(product), key=lambda pair: abs(pair[0]))
    if not -LARGEST_SUM - 1 <= worst <= LARGEST_SUM:
        found = replace(found, saturating=found.saturating + 1)
    return replace(found, worst_sum=worst, node=name, channel=channel) if abs(worst) > abs(found.worst_sum) else found


def _worst(product: _Product) -> Iterator[tuple[int, int]]:
    """The worst pair for each order of the reduction axis that kernels have."""
    node, weights = product.node, product.weights
    yield 0, 0
    if weights is None or not weights.size:
        return
    if node.op_type in _CONVOLUTIONS:
        outputs, channels = weights.shape[:2]
        by_position = weights.reshape(outputs, channels, -1).transpose(0, 2, 1)
        is_depthwise = channels == 1 and outputs == _attribute(node, "group", 1)
        if not is_depthwise:
            yield worst_pair(by_position.reshape(outputs, -1), 1)
        if channels % 2:
            worst, channel = worst_pair(by_position, 2)
            yield worst, channel // by_position.shape[1]
    elif node.op_type == "ConvTranspose":
        worst, channel = worst_pair(weights.reshape(*weights.shape[:2], -1), 0)
        yield worst, channel // max(1, weights[0, 0].size)
    elif node.op_type in ("Gemm", "QGemm") and _attribute(node, "transB", 0):
        yield worst_pair(weights, 1)
    else:
        yield worst_pair(weights if weights.ndim > 1 else weights[:, None], -2)


def _products(model: ModelProto, path: Path) -> Iterator[_Product]:
    for node, sight in _nodes(model.graph, _Sight({}, {}, path)):
        if node.domain not in (*STANDARD, MICROSOFT):
            continue
        if node.op_type in _OPERATORS and _takes_u8(node, sight):
            yield from _product(node, node.input[_OPERATORS[node.op_type][2]], sight)
        for weights in _DYNAMIC.get(node.op_type, ()):
            yield from _product(node, node.input[weights], sight)
        if node.op_type in _BETWEEN_PAIRS and len(node.input) > 1:
            yield from _between_pairs(node, sight)


def _takes_u8(node: NodeProto, sight: _Sight) -> bool:
    """Where the file does not state the type of the activation, that of its zero point tells; u8 where none does."""
    activation, zero_point, _ = _OPERATORS[node.op_type]
    told = sight.type_of(node.input[activation])
    if told == TensorProto.UNDEFINED and zero_point < len(node.input):
        told = sight.type_of(node.input[zero_point])
    return told in (TensorProto.UINT8, TensorProto.UNDEFINED)


def _between_pairs(node: NodeProto, sight: _Sight) -> Iterator[_Product]:
    """A product between Q/DQ pairs: of a dequantized activation of 8 bits, and weights."""
    activation, weights = (_dequantize(name, sight) for name in node.input[:2])
    if activation is None or weights is None or sight.array(activation.input[0]) is not None:
        return
    given, taken = (quantized_type(each, sight.values) for each in (activation, weights))
    if given not in (TensorProto.UINT8, TensorProto.INT8, TensorProto.UNDEFINED):  # what nobody tells may be uint8
        return
    if sight.array(weights.input[0]) is None and given == taken == TensorProto.INT8:
        return  # both become u8
    yield from _product(node, weights.input[0], sight, through=node.input[1])


def _dequantize(name: str, sight: _Sight) -> NodeProto | None:
    """The DequantizeLinear that gives a value, at once or behind nodes that move its elements."""
    made_by = sight.producers.get(name)
    while made_by is not None and made_by.op_type in _MOVERS:
        made_by = sight.producers.get(made_by.input[0])
    return made_by if made_by is not None and made_by.op_type == "DequantizeLinear" else None


def _product(node: NodeProto, name: str, sight: _Sight, through: str = "") -> Iterator[_Product]:
    """One where the weights are int8. `through`: the value that the node takes, where it is these weights dequantized
    and maybe transposed."""
    weights = sight.array(name)
    if weights is None:
        if sight.type_of(name) in (TensorProto.INT8, TensorProto.UNDEFINED):
            yield _Product(node, None)
    elif weights.dtype == np.int8:
        yield _Product(node, _moved(weights, through, sight) if through else weights)


def _moved(weights: np.ndarray, through: str, sight: _Sight) -> np.ndarray | None:
    """Weights as a node takes them; None where they go through anything but Identity and Transpose."""
    made_by = sight.producers[through]
    if made_by.op_type == "DequantizeLinear":
        return weights
    moved = _moved(weights, made_by.input[0], sight)
    if moved is None or made_by.op_type == "Identity":
        return moved
    if made_by.op_type != "Transpose":
        return None
    axes = next((list(each.ints) for each in made_by.attribute if each.name == "perm"), None)
    return np.transpose(moved, axes)


def _nodes(body: GraphProto, outer: _Sight) -> Iterator[tuple[NodeProto, _Sight]]:
    values = {**outer.values, **values_in(body, outer.values)}
    producers = {**outer.producers, **{output: node for node in body.node for output in node.output}}
    sight = _Sight(values, producers, outer.path)
    for node in live_nodes(body):
        yield node, sight
        for graph in subgraphs(node):
            yield from _nodes(graph, sight)


def _attribute(node: NodeProto, name: str, default: int) -> int:
    return next((each.i for each in node.attribute if each.name == name), default)
