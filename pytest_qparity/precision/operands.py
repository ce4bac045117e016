"""In which precision a node computes, by the operands that it takes: element types, blocks and the types of scales."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from onnx import TensorProto

from pytest_qparity.precision.values import MICROSOFT, STANDARD, TENSORRT, quantized_type

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from onnx import NodeProto

    from pytest_qparity.precision.values import Scope

__all__ = ["MOVING", "TYPES", "Operand", "is_product", "operand_of", "operands_of", "precisions_of"]

_INT8 = frozenset({TensorProto.INT8, TensorProto.UINT8})
_INT16 = frozenset({TensorProto.INT16, TensorProto.UINT16})
_E4M3 = frozenset({TensorProto.FLOAT8E4M3FN, TensorProto.FLOAT8E4M3FNUZ})
_E5M2 = frozenset({TensorProto.FLOAT8E5M2, TensorProto.FLOAT8E5M2FNUZ})
_INT4 = frozenset({TensorProto.INT4, TensorProto.UINT4})
_FLOAT4 = frozenset({TensorProto.FLOAT4E2M1})
# What Q/DQ nodes, or for float types any node, must be typed as for a file to hold a precision.
TYPES: Mapping[str, frozenset[int]] = {
    "fp16": frozenset({TensorProto.FLOAT16}),
    "bf16": frozenset({TensorProto.BFLOAT16}),
    "int8": _INT8,
    "uint8": _INT8,
    "int16": _INT16,
    "fp8": _E4M3,
    "fp8-e4m3": _E4M3,
    "fp8-e5m2": _E5M2,
    "mxfp8": _E4M3 | _E5M2,
    "int4": _INT4,
    "uint4": _INT4,
    "nvfp4": _FLOAT4,
    "mxfp4": _FLOAT4,
}
_MX_BLOCK, _NVFP4_BLOCK = 32, 16  # OCP MX v1.0, §5.2; NVIDIA's NVFP4
MOVING = frozenset({"Cast", "Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"})
_PRODUCT = re.compile(r"Conv|MatMul|Gemm|LSTM|GRU|RNN|Attention|Einsum|MoE")
_FLOAT8_OPERATORS = frozenset({"GemmFloat8"})  # of com.microsoft: takes float8 without any DequantizeLinear

# TensorRT's nodes, by the element type that their names state; none states its scale's but MXFP8, whose are E8M0.
_DEQUANTIZERS: Mapping[tuple[str, str], int] = {
    **{(domain, "DequantizeLinear"): TensorProto.UNDEFINED for domain in (*STANDARD, MICROSOFT)},
    (TENSORRT, "DequantizeLinear"): TensorProto.INT8,
    (TENSORRT, "TRT_FP8DequantizeLinear"): TensorProto.FLOAT8E4M3FN,
    (TENSORRT, "TRT_INT4DequantizeLinear"): TensorProto.INT4,
    (TENSORRT, "TRT_MXFP8DequantizeLinear"): TensorProto.FLOAT8E4M3FN,
}
_MX_DEQUANTIZER = "TRT_MXFP8DequantizeLinear"
# What their dynamic quantizers give, where the file does not state it: the types of codes and of scales.
_DYNAMIC: Mapping[str, tuple[int, int]] = {
    "TRT_FP4DynamicQuantize": (TensorProto.FLOAT4E2M1, TensorProto.FLOAT8E4M3FN),
    "TRT_MXFP8DynamicQuantize": (TensorProto.FLOAT8E4M3FN, TensorProto.FLOAT8E8M0),
}


@dataclass(frozen=True, slots=True)
class Operand:
    """What is dequantized for a node: the type of its codes (a TensorProto.DataType), elements that share a scale (0:
    an axis or the tensor), and the type of the scales; of two levels of scales, that of the blocks'."""

    element: int
    block: int = 0
    scale: int = TensorProto.FLOAT


def operands_of(node: NodeProto, scope: Scope) -> list[Operand]:
    """The dequantized operands of a node, biases (int32) left out."""
    if node.domain == MICROSOFT and node.op_type in _FLOAT8_OPERATORS:
        return [Operand(scope[name].type) for name in node.input[:2] if name in scope]
    found = (operand_of(name, scope) for name in node.input if name)
    return [operand for operand in found if operand is not None and operand.element != TensorProto.INT32]


def operand_of(name: str, scope: Scope) -> Operand | None:
    """What a value is dequantized from, at once or behind a change of layout; None where it is float."""
    seen: set[str] = set()  # a broken file may run in a circle
    while (maker := _maker(name, scope)) is not None and maker.op_type in MOVING and maker.input and name not in seen:
        seen.add(name)
        name = maker.input[0]
    stated = None if maker is None else _DEQUANTIZERS.get((maker.domain, maker.op_type))
    if maker is None or stated is None:
        return None
    block = next((each.i for each in maker.attribute if each.name == "block_size"), 0)
    if maker.op_type == _MX_DEQUANTIZER:
        return Operand(stated, block or _MX_BLOCK, TensorProto.FLOAT8E8M0)
    element = _type_behind(maker.input[0], scope, 0) or stated or quantized_type(maker, scope)
    return Operand(element, block, _scale_type(maker.input[1], scope))


def precisions_of(operands: Collection[Operand]) -> frozenset[str]:
    """The precisions of which a node with these operands is one.

    Of 4 bits where any operand has them; else int16 where any has 16, as A16W8 does; else each has to be of the
    precision.
    """
    groups = [
        [operand for operand in operands if operand.element in _INT4 | _FLOAT4],
        [operand for operand in operands if operand.element in _INT16],
        [operand for operand in operands if operand.element != TensorProto.UNDEFINED],
    ]
    deciding = next((group for group in groups if group), [])
    fitting = [frozenset(name for name, fits in _FITS.items() if fits(operand)) for operand in deciding]
    return frozenset.intersection(*fitting) if fitting else frozenset()


def is_product(node: NodeProto) -> bool:
    """Whether an operator multiplies and sums: what a precision is chosen for."""
    return _PRODUCT.search(node.op_type) is not None


def _fits(base: str) -> Callable[[Operand], bool]:
    types = TYPES[base]
    if base in ("mxfp8", "mxfp4"):
        return lambda each: each.element in types and each.block == _MX_BLOCK and each.scale == TensorProto.FLOAT8E8M0
    if base == "nvfp4":
        return lambda each: each.element in types and each.block == _NVFP4_BLOCK and each.scale in _E4M3
    if base.startswith("fp8"):
        return lambda each: each.element in types and each.scale != TensorProto.FLOAT8E8M0
    return lambda each: each.element in types


_FITS = {base: _fits(base) for base in TYPES if base not in ("fp16", "bf16")}


def _maker(name: str, scope: Scope) -> NodeProto | None:
    return scope[name].maker if name in scope else None


def _type_behind(name: str, scope: Scope, output: int) -> int:
    """The type that one of TensorRT's dynamic quantizers gives."""
    maker = _maker(name, scope)
    if maker is None or maker.op_type not in _DYNAMIC:
        return TensorProto.UNDEFINED
    return _DYNAMIC[maker.op_type][output]


def _scale_type(name: str, scope: Scope) -> int:
    maker = _maker(name, scope)
    if maker is not None and maker.op_type == "DequantizeLinear":  # NVFP4: block scales under a tensor scale
        return _type_behind(maker.input[0], scope, 1) or quantized_type(maker, scope)
    return scope[name].type if name in scope else TensorProto.UNDEFINED
