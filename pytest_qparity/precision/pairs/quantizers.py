"""Where a variant rounds: Q/DQ pairs around activations, and constants that are not the float model's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import numpy_helper

from pytest_qparity.precision.pairs.pairing import sum_behind
from pytest_qparity.precision.values import loaded
from pytest_qparity.quantmath import (
    FLOAT_FORMATS,
    INTEGER_TYPES,
    PerAxis,
    PerTensor,
    dequantize,
    dequantize_float,
    quantize,
    quantize_float,
)

if TYPE_CHECKING:
    from onnx import NodeProto

    from pytest_qparity.precision.pairs.light_model import LightModel
    from pytest_qparity.precision.pairs.pairing import Pairing
    from pytest_qparity.quantmath import Layout

    Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["ActivationQuantizer", "ConstantOperand", "activation_quantizers", "constant_operands", "fold_of"]

_FLOATS = {each.dtype.name: each for each in FLOAT_FORMATS.values()}


@dataclass(frozen=True, slots=True, eq=False)
class ActivationQuantizer:
    """A QuantizeLinear of an activation and what dequantizes it.

    tensor: the float model's, whose values it rounds. raw: the variant's. reads: nodes of the float model that read
    what it gives, in their order; empty where it is an output. made_by: the float model's node, None for an input.
    scale: float64, () or (channels,); codes from `lowest` to `highest`. The range that codes reach is
    [(lowest − Z)·S, (highest − Z)·S]. `back`: scale and zero point of the DequantizeLinear, which should be the same.
    """

    name: str
    tensor: str
    raw: str
    reads: tuple[str, ...]
    made_by: str | None
    element: str
    scale: Array
    zero_point: Array
    back: tuple[Array, Array]
    layout: Layout
    dequantized: tuple[str, ...]

    @property
    def is_integer(self) -> bool:
        return self.element in INTEGER_TYPES

    @property
    def bits(self) -> int:
        return INTEGER_TYPES[self.element].bits if self.is_integer else _FLOATS[self.element].bits

    @property
    def low(self) -> Array:
        return self._end(lower=True)

    @property
    def high(self) -> Array:
        return self._end(lower=False)

    def _end(self, *, lower: bool) -> Array:
        if not self.is_integer:
            largest = _FLOATS[self.element].largest
            return np.asarray(self.scale * (-largest if lower else largest))
        kind = INTEGER_TYPES[self.element]
        code = kind.lowest if lower else kind.highest
        return np.asarray((code - self.zero_point) * self.scale)

    def rounded(self, values: Array) -> Array:
        """What the variant makes of float32 values: dequantized codes, by the oracle."""
        real, (scale, zero_point) = values.astype(np.float32), self.back
        if not self.is_integer:
            codes = quantize_float(real, self.scale.astype(np.float32), _FLOATS[self.element], layout=self.layout)
            return dequantize_float(codes, scale.astype(np.float32), self.layout)
        kind = INTEGER_TYPES[self.element]
        given = quantize(real, self.scale.astype(np.float32), self.zero_point.astype(np.int64), kind, self.layout)
        return dequantize(given, scale.astype(np.float32), zero_point.astype(np.int64), self.layout)

    @property
    def agrees(self) -> bool:
        """Whether what dequantizes is what quantizes."""
        scale, zero_point = self.back
        return bool(np.array_equal(scale, self.scale) and np.array_equal(zero_point, self.zero_point))


@dataclass(frozen=True, slots=True)
class ConstantOperand:
    """Input `index` of a node: constant in both models. `theirs`: the variant's tensor, `mine`: the float model's."""

    node: str
    index: int
    mine: str
    theirs: str


def activation_quantizers(
    reference: LightModel, variant: LightModel, pairing: Pairing
) -> tuple[tuple[ActivationQuantizer, ...], tuple[str, ...]]:
    """Those of tensors that are paired, in the order of the variant; and names of QuantizeLinear nodes that cannot be
    looked at: of blocks, with a scale that is no constant or no scale (zero, negative, NaN), of a type unknown here, or
    of a tensor without a pair."""
    stands_for = {theirs: mine for mine, theirs in pairing.tensors.items()}  # the last: behind what was passed by
    counterpart = {theirs: mine for mine, theirs in (*pairing.nodes.items(), *pairing.replaced.items())}
    found, left = [], []
    for node in variant.proto.graph.node:
        if node.op_type != "QuantizeLinear" or node.input[0] not in variant.variable:
            continue
        raw = node.input[0]
        tensor = stands_for.get(raw)
        behind = [each for each in variant.readers.get(node.output[0], ()) if each.op_type == "DequantizeLinear"]
        made = None if tensor is None or not behind else _parameters(variant, node)
        back = None if made is None else _parameters(variant, behind[0])
        if tensor is None or made is None or back is None:
            left.append(node.name)
            continue
        element, scale, zero_point, layout = made
        producer = reference.producers.get(tensor)
        found.append(
            ActivationQuantizer(
                name=node.name,
                tensor=tensor,
                raw=raw,
                reads=_reads(variant, [each.output[0] for each in behind], counterpart),
                made_by=None if producer is None else producer.name,
                element=element,
                scale=scale,
                zero_point=zero_point,
                back=(back[1], back[2]),
                layout=layout,
                dequantized=tuple(each.output[0] for each in behind),
            )
        )
    return tuple(found), tuple(left)


def _reads(variant: LightModel, names: Sequence[str], counterpart: dict[str, str]) -> tuple[str, ...]:
    readers = {each.name for name in names for each in variant.readers.get(name, ())}
    return tuple(mine for theirs, mine in counterpart.items() if theirs in readers)


def _parameters(model: LightModel, node: NodeProto) -> tuple[str, Array, Array, Layout] | None:
    scale = constant(model, node.input[1])
    zero = constant(model, node.input[2]) if len(node.input) > 2 and node.input[2] else None
    attributes = {each.name: each.i for each in node.attribute}
    if scale is None or attributes.get("block_size") or scale.ndim > 1:
        return None
    if not np.all(np.isfinite(scale.astype(np.float64))) or np.any(scale.astype(np.float64) <= 0.0):
        return None  # preflight says so; nothing can be told of what it gives
    element = "uint8" if zero is None else zero.dtype.name
    if element not in INTEGER_TYPES and element not in _FLOATS:
        return None
    is_axis = scale.size > 1
    layout = PerAxis(attributes.get("axis", 1)) if is_axis else PerTensor()
    shape = (-1,) if is_axis else ()
    wide = scale.astype(np.float64).reshape(shape)
    zeros = np.zeros(wide.shape) if zero is None else zero.astype(np.float64).reshape(shape)
    return element, wide, zeros, layout


def constant(model: LightModel, name: str) -> Array | None:
    """A constant that the file states, or a Constant node behind Identity nodes; None where it is neither."""
    while (node := model.producers.get(name)) is not None and node.op_type == "Identity":
        name = node.input[0]
    if node is not None:
        tensors = [each.t for each in node.attribute if each.name == "value"] if node.op_type == "Constant" else []
        return numpy_helper.to_array(tensors[0]) if tensors else None
    tensor = model.initializers.get(name)
    return None if tensor is None else loaded(tensor, Path(model.folder) / "model.onnx")


def constant_operands(reference: LightModel, variant: LightModel, pairing: Pairing) -> tuple[ConstantOperand, ...]:
    """Operands of paired nodes that are constant in both, where the variant's is not the same initializer untouched.

    Nodes with subgraphs are left out, and scalars that both state alike are found equal when they are compared.
    """
    found = []
    for mine, theirs in pairing.nodes.items():
        node, other = reference.nodes[mine], variant.nodes[theirs]
        for index, (name, another) in enumerate(zip(node.input, other.input, strict=False)):
            if name and another and name not in reference.variable and another not in variant.variable:
                found.append(ConstantOperand(mine, index, name, another))
    for mine, theirs in pairing.replaced.items():
        other = variant.nodes[theirs]
        for index, name in _gemm_operands(reference, reference.nodes[mine], pairing) if other.op_type == "Gemm" else ():
            another = other.input[index] if index < len(other.input) else ""
            if another and name not in reference.variable and another not in variant.variable:
                found.append(ConstantOperand(mine, index, name, another))
    return tuple(found)


def _gemm_operands(reference: LightModel, node: NodeProto, pairing: Pairing) -> tuple[tuple[int, str], ...]:
    """What stands at which input of the Gemm that a MatMul became: its weight and, of the sum that it took in, what is
    added."""
    if node.op_type != "MatMul":
        return ()
    added = sum_behind(reference, node)
    if added is None or added.name not in pairing.absent:
        return ((1, node.input[1]),)
    return (1, node.input[1]), (2, next(name for name in added.input if name != node.output[0]))


def fold_of(reference: LightModel, node: NodeProto, absent: frozenset[str]) -> NodeProto | None:
    """The BatchNormalization behind a convolution that the variant has in its weights."""
    readers = reference.readers.get(node.output[0], [])
    if node.op_type != "Conv" or len(readers) != 1:
        return None
    (reader,) = readers
    return reader if reader.op_type == "BatchNormalization" and reader.name in absent else None
