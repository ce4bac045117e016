"""Which float weight each quantized weight of a variant is of: by its place in the graph, by name, by likeness."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_qparity.precision.pairs.folding import folded
from pytest_qparity.precision.pairs.pairing import origin
from pytest_qparity.precision.pairs.quantizers import constant, constant_operands, fold_of
from pytest_qparity.precision.weights.agreement import Rounded
from pytest_qparity.precision.weights.codes import (
    PACKED,
    UNREAD,
    packed_codes,
    quantized_constant,
    source_of,
    states_codes,
)

if TYPE_CHECKING:
    from onnx import NodeProto

    from pytest_qparity.precision.pairs.light_model import LightModel
    from pytest_qparity.precision.pairs.pairing import Pairing

    Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["QuantizedWeight", "UnreadWeight", "changed_floats", "quantized_weights"]

_ALIKE = 0.9  # cosine from which a weight of the same shape is taken for the one meant, whatever its name
_FLOAT_BITS, _FINE = 24, 1 << 22  # a float's own, and codes that hold them
_SUFFIXES = (
    "_quantized",
    "_DequantizeLinear_Output",
    "_DequantizeLinear",
    "_dequantized",
    "_Output",
    "_QuantizeLinear",
)


@dataclass(frozen=True, slots=True, eq=False)
class QuantizedWeight:
    """`name`: of the codes. `weight`: the float model's, of the same shape; None where none was found. `channel_axis`
    and `input_axis`: of output and input channels; `groups`: of a convolution."""

    name: str
    rounded: Rounded
    weight: Array | None
    channel_axis: int = 0
    input_axis: int | None = None
    groups: int = 1


@dataclass(frozen=True, slots=True)
class UnreadWeight:
    """Codes that are not read here: of an operator of its own, or with a scale that is no constant above 0."""

    name: str


@dataclass(frozen=True, slots=True)
class _Place:
    """A value of the variant that holds a quantized weight, and the node that reads it. `key`: its codes' name."""

    key: str
    value: str
    reader: NodeProto


@dataclass(frozen=True, slots=True)
class _Mine:
    """How to have the float weights that it may be of. `is_named`: their node has the name of the variant's, or gives a
    tensor of one name: then one of them is meant, however unlike. Else two nodes that read the same may have been taken
    for one another. `is_folded`: a norm went into it, so that the weight of its name is not the one meant."""

    read: Callable[[], list[Array]]
    is_named: bool
    is_folded: bool = False


def quantized_weights(
    reference: LightModel, variant: LightModel, pairing: Pairing
) -> Iterator[QuantizedWeight | UnreadWeight]:
    """Each once, in the variant's order; of two axes or more. One weight is in memory at a time."""
    by_place = _by_place(reference, variant, pairing)
    seen: set[str] = set()
    for place in _places(variant):
        if place.key in seen:
            continue
        seen.add(place.key)
        is_packed = place.reader.op_type == PACKED
        rounded = packed_codes(variant, place.reader) if is_packed else quantized_constant(variant, place.value)
        if rounded is None and states_codes(variant, place.key, 1 if place.reader.op_type in UNREAD else 2):
            yield UnreadWeight(place.key)
        if rounded is None or rounded.codes.ndim < 2:
            continue
        mine = by_place.get(place.value)
        weight = None if mine is None else _fitting(mine.read(), rounded)
        is_known = mine is not None and mine.is_named and mine.is_folded
        if weight is None or (not is_known and _cosine(weight, rounded) < _ALIKE):
            other = _by_name_or_likeness(reference, place.key, rounded)
            unlike = weight if mine is not None and mine.is_named else None
            weight = unlike if other is None else other
        yield QuantizedWeight(place.key, rounded, weight, *_axes(place.reader, rounded.codes.ndim))


def changed_floats(reference: LightModel, variant: LightModel, pairing: Pairing) -> Iterator[QuantizedWeight]:
    """Weights that both models hold as floats, and not the same: as codes of so many bits that nothing is rounded."""
    for operand in constant_operands(reference, variant, pairing):
        made, weight = (_float_constant(*each) for each in ((variant, operand.theirs), (reference, operand.mine)))
        if made is None or weight is None or made.dtype.kind != "f" or made.ndim < 2 or not np.isfinite(made).all():
            continue
        if made.shape == weight.shape and weight.dtype.kind == "f" and not np.array_equal(made, weight):
            step = (float(np.abs(made).max()) or 1.0) / _FINE
            codes = np.rint(made.astype(np.float64) / step).astype(np.int32)
            rounded = Rounded(codes, np.zeros(made.shape), np.full(made.shape, step), _FLOAT_BITS)
            reader = variant.nodes[pairing.counterpart(operand.node)]
            yield QuantizedWeight(operand.theirs, rounded, weight, *_axes(reader, made.ndim))


def _places(variant: LightModel) -> Iterator[_Place]:
    for node in variant.proto.graph.node:
        if node.op_type == PACKED:
            yield _Place(node.input[1], node.output[0], node)
            continue
        for index in UNREAD.get(node.op_type, ()):
            if index < len(node.input):
                yield _Place(node.input[index], node.input[index], node)
        for value in node.input:
            source = source_of(variant, value) if value and value not in variant.variable else None
            if source is not None and node.op_type not in ("Identity", "Transpose"):
                yield _Place(source.input[0], value, node)


def _by_place(reference: LightModel, variant: LightModel, pairing: Pairing) -> dict[str, _Mine]:
    """The float weights by the variant's value that stands in their place; by the output of a packed product.

    Of a convolution with a norm behind it that the variant's has not, it is the folded one.
    """
    norms = frozenset(node.name for node in reference.proto.graph.node if node.op_type == "BatchNormalization")
    found: dict[str, _Mine] = {}
    for operand in constant_operands(reference, variant, pairing):
        node, there = reference.nodes[operand.node], variant.nodes[pairing.counterpart(operand.node)]
        fold = fold_of(reference, node, norms) if operand.index == 1 and not _has_norm(variant, there) else None
        is_named = node.name == there.name or origin(variant, node.output[0]) == there.output[0]
        found.setdefault(
            operand.theirs, _Mine(partial(_candidates, reference, operand.mine, node, fold), is_named, fold is not None)
        )
    for node in variant.proto.graph.node:
        made = reference.producers.get(node.output[0]) if node.op_type == PACKED else None
        if made is not None and made.op_type == "MatMul":
            found[node.output[0]] = _Mine(partial(_candidates, reference, made.input[1], made, None), True)
    return found


def _has_norm(variant: LightModel, node: NodeProto) -> bool:
    """Behind a node, at once or behind what quantizes its output."""
    waiting = [node]
    while waiting:
        for reader in variant.readers.get(waiting.pop().output[0], ()):
            if reader.op_type == "BatchNormalization":
                return True
            if reader.op_type in ("QuantizeLinear", "DequantizeLinear", "Identity", "Cast"):
                waiting.append(reader)
    return False


def _candidates(reference: LightModel, name: str, node: NodeProto, fold: NodeProto | None) -> list[Array]:
    parts = [node.input[1], *fold.input[1:5]] if fold is not None else []
    is_constant = bool(parts) and all(constant(reference, each) is not None for each in parts)
    if fold is not None and is_constant:
        return [folded(reference, node, fold)[0]]
    weight = _float_constant(reference, name)
    return [] if weight is None else [weight]


def _float_constant(reference: LightModel, name: str) -> Array | None:
    """Stated, or stated and transposed."""
    node = reference.producers.get(name)
    if node is not None and node.op_type == "Transpose":
        inner = _float_constant(reference, node.input[0])
        axes = next((list(each.ints) for each in node.attribute if each.name == "perm"), None)
        return None if inner is None else np.transpose(inner, axes)
    return constant(reference, name)


def _fitting(weights: Iterable[Array], rounded: Rounded) -> Array | None:
    """The one most alike, as it is or transposed (a Gemm that became a MatMul, or was turned), in the codes' shape. Of
    `weights` one is in memory at a time, and the best so far."""
    best, likeness = None, -np.inf
    for weight in weights:
        if weight.dtype.kind not in "fV" or not np.isfinite(weight.astype(np.float32)).all():
            continue
        for each in (weight, weight.T) if weight.ndim == 2 else (weight,):
            if each.shape == rounded.codes.shape and (found := _cosine(each, rounded)) > likeness:
                best, likeness = each, found
    return best


def _by_name_or_likeness(reference: LightModel, key: str, rounded: Rounded) -> Array | None:
    """That of the same name, but for what quantizers append; else the most alike of those of the same shape, where it
    is alike at all: pairs by place alone can be wrong where two nodes read the same."""
    name = key
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    named = _fitting(_stated(reference, [name]), rounded)
    if named is not None and _cosine(named, rounded) >= _ALIKE:
        return named
    size = rounded.codes.size
    same = [each for each, tensor in reference.initializers.items() if int(np.prod(tensor.dims)) == size]
    likely = _fitting(_stated(reference, same), rounded)
    return likely if likely is not None and _cosine(likely, rounded) >= _ALIKE else named


def _stated(reference: LightModel, names: list[str]) -> Iterator[Array]:
    for name in names:
        weight = constant(reference, name) if name in reference.initializers else None
        if weight is not None:
            yield weight


def _cosine(weight: Array, rounded: Rounded) -> float:
    w, v = weight.astype(np.float64).ravel(), rounded.values.ravel()
    length = float(np.linalg.norm(w) * np.linalg.norm(v))
    return float(w @ v) / length if length else float(not w.any() and not v.any())


def _axes(node: NodeProto, rank: int) -> tuple[int, int | None, int]:
    """Of output and input channels, for its reader: Conv (O, I, …), ConvTranspose (I, O, …), products (…, I, O); and
    groups."""
    if node.op_type in ("Conv", "ConvInteger"):
        return 0, 1, next((each.i for each in node.attribute if each.name == "group"), 1)
    if node.op_type == "ConvTranspose":
        return 1, 0, 1
    if node.op_type in ("Gemm", "MatMul", PACKED):
        turned = next((each.i for each in node.attribute if each.name == "transB"), 0)
        return (rank - 2, rank - 1, 1) if turned else (rank - 1, rank - 2, 1)
    return 0, 1, 1
