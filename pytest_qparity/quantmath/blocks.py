"""Block formats: small floats that share a scale per block of consecutive elements (MX, NVFP4)."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from pytest_qparity.quantmath import e8m0, floats

__all__ = [
    "MXFP4_E2M1",
    "MXFP6_E2M3",
    "MXFP6_E3M2",
    "MXFP8_E4M3",
    "MXFP8_E5M2",
    "MX_BLOCK",
    "MX_FORMATS",
    "NVFP4_BLOCK",
    "MxTensor",
    "NvFp4Tensor",
    "ScaleRule",
    "dequantize_mx",
    "dequantize_nvfp4",
    "mx_scale",
    "nvfp4_tensor_scale",
    "quantize_mx",
    "quantize_nvfp4",
]

_Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"

MX_BLOCK = 32  # OCP MX v1.0, table 1: k of all concrete formats
NVFP4_BLOCK = 16

MXFP8_E4M3 = floats.E4M3FN
MXFP8_E5M2 = floats.E5M2
MXFP6_E3M2 = floats.E3M2
MXFP6_E2M3 = floats.E2M3
MXFP4_E2M1 = floats.E2M1
MX_FORMATS = (MXFP8_E4M3, MXFP8_E5M2, MXFP6_E3M2, MXFP6_E2M3, MXFP4_E2M1)


class ScaleRule(enum.Enum):
    """How a block's largest magnitude becomes a power of two.

    FLOOR: 2^(⌊log₂ max⌋ − emax), OCP MX v1.0 §6.3; the largest elements may saturate.
    CEIL: 2^⌈log₂(max / largest)⌉, the smallest at which none does; Mishra et al. 2025, Recipes for Pre-training LLMs
    with MXFP8 (arXiv:2506.08027), and NVIDIA's Transformer Engine; torchao calls it RCEIL.
    """

    FLOOR = "floor"
    CEIL = "ceil"


@dataclass(frozen=True, slots=True)
class MxTensor:
    """The value of element i is 2^(scale code of its block − 127) · elements[i]; blocks lie along `axis`.

    elements: the shape of the tensor, of an MX element type. scales: float8_e8m0fnu, ⌈n/block⌉ of them on `axis`.
    """

    elements: _Array
    scales: _Array
    element_format: floats.FloatFormat
    axis: int
    block: int = MX_BLOCK


@dataclass(frozen=True, slots=True)
class NvFp4Tensor:
    """The value of element i is elements[i] · block_scales[block of i] · tensor_scale; blocks lie along `axis`.

    elements: float4_e2m1fn, the shape of the tensor. block_scales: float8_e4m3fn, ⌈n/block⌉ of them on `axis`.
    """

    elements: _Array
    block_scales: _Array
    tensor_scale: np.float32
    axis: int
    block: int = NVFP4_BLOCK


def mx_scale(maximum: _Array, element: floats.FloatFormat, rule: ScaleRule) -> _Array:
    """X = 2^(⌊log₂ max⌋ − emax) or 2^⌈log₂(max / largest)⌉, as `rule` says, within E8M0's 2^±127.

    emax is the element type's largest exponent, `largest` its largest value. Exact: the logarithms are read off the
    float64 representation. A block of zeros gets E8M0's smallest scale; the formula has no answer, and its value is
    zero at any scale. Source: OCP MX v1.0 §6.3 (also Rouhani et al. 2023, arXiv:2310.10537, algorithm 1); `ScaleRule`.

    maximum: finite floats of at least 0, of any shape. Returns ml_dtypes.float8_e8m0fnu.
    """
    values = floats.as_float64(maximum)
    if not bool((np.isfinite(values) & (values >= 0.0)).all()):
        raise ValueError("got a maximum that is negative or not finite, should be at least 0")

    fraction, exponent = np.frexp(values)  # values = fraction · 2^exponent, with a fraction from 0.5 to below 1
    if rule is ScaleRule.FLOOR:
        exponent = exponent - 1 - element.largest_exponent
    else:
        largest_fraction, largest_exponent = np.frexp(element.largest)
        exponent = exponent - largest_exponent + (fraction > largest_fraction)
    codes = e8m0.exponent_codes(np.where(values == 0.0, -floats.E8M0.bias, exponent))
    return codes.view(floats.E8M0.dtype)


def quantize_mx(
    x: _Array, element: floats.FloatFormat, rule: ScaleRule = ScaleRule.FLOOR, axis: int = -1, block: int = MX_BLOCK
) -> MxTensor:
    """Pᵢ = nearest element value to xᵢ / X, ties to even, saturating at ±largest; X = `mx_scale` of max |xᵢ|.

    Exact: X is a power of two. Source: OCP MX v1.0 §6.3. On infinity and NaN implementations differ: ValueError here.

    x: floats of any shape with at least one axis; a last block may be shorter. Scales are per block along `axis`.
    """
    values, axis = _finite(x, axis)
    if element not in MX_FORMATS:
        raise ValueError(f"got element type {element.name}, should be one of {', '.join(f.name for f in MX_FORMATS)}")

    scales = mx_scale(_block_maximum(values, axis, block), element, rule)
    exponent = scales.view(np.uint8).astype(np.int32) - floats.E8M0.bias
    scaled = np.ldexp(values, -_repeat(exponent, values.shape[axis], axis, block))
    codes = element.encode(scaled, floats.Saturation.ON)
    return MxTensor(codes.view(element.dtype), scales, element, axis, block)


def dequantize_mx(tensor: MxTensor) -> _Array:
    """xᵢ = X · Pᵢ in float32, rounded once. Source: OCP MX v1.0 §5.1; a NaN scale makes its whole block NaN.

    ValueError where scales do not have ⌈n/block⌉ entries along the axis and otherwise the elements' shape.
    """
    elements = tensor.element_format.decode(_codes(tensor.elements))
    scales = floats.E8M0.decode(_codes(tensor.scales))
    _require_scales(elements.shape, scales.shape, tensor.axis, tensor.block)
    with np.errstate(over="ignore"):
        values = elements * _repeat(scales, elements.shape[tensor.axis], tensor.axis, tensor.block)
        return np.asarray(values, np.float32)


def nvfp4_tensor_scale(maximum: float) -> np.float32:
    """max |x| / (6 · 448) in float32: with it the largest block scale is 448, E4M3's largest, at 6, E2M1's largest.

    Of an all-zero tensor, or one so small that this is 0 in float32, 1. Source: NVIDIA 2025, Pretraining Large
    Language Models with NVFP4 (arXiv:2509.25149), appendix B.1 (its global decode scale).

    maximum: finite and at least 0, otherwise ValueError.
    """
    if not (np.isfinite(maximum) and maximum >= 0.0):
        raise ValueError(f"got maximum {maximum}, should be finite and at least 0")
    scale = np.float32(maximum / (floats.E2M1.largest * floats.E4M3FN.largest))
    return scale if scale > 0.0 else np.float32(1.0)


def quantize_nvfp4(x: _Array, tensor_scale: np.float32, axis: int = -1, block: int = NVFP4_BLOCK) -> NvFp4Tensor:
    """s = E4M3(max |xᵢ| / 6 / tensor_scale) of each block, Pᵢ = E2M1(xᵢ / (s · tensor_scale)), nearest, saturating.

    A block whose s rounds to 0 has all elements 0 with the sign of xᵢ. Source: the same, B.2 and B.3. The quotients
    are float64; engines form them in float32 and with reciprocals, so that theirs can be off by 3·2⁻²⁴ of a quotient,
    which moves a code only where a quotient is that near to a tie.

    x: finite floats (otherwise ValueError) with at least one axis. tensor_scale: positive and finite.
    """
    values, axis = _finite(x, axis)
    scale = float(tensor_scale)
    if not (np.isfinite(scale) and scale > 0.0):
        raise ValueError(f"got tensor scale {tensor_scale}, should be positive and finite")

    # Not maximum / (6 · scale): two roundings in the order of the formula.
    block_codes = floats.E4M3FN.encode(
        _block_maximum(values, axis, block) / floats.E2M1.largest / scale, floats.Saturation.ON
    )
    divisor = _repeat(floats.E4M3FN.decode(block_codes) * scale, values.shape[axis], axis, block)
    scaled = np.divide(values, divisor, where=divisor > 0.0, out=np.copysign(np.zeros_like(values), values))
    elements = floats.E2M1.encode(scaled, floats.Saturation.ON).view(floats.E2M1.dtype)
    return NvFp4Tensor(elements, block_codes.view(floats.E4M3FN.dtype), np.float32(scale), axis, block)


def dequantize_nvfp4(tensor: NvFp4Tensor) -> _Array:
    """xᵢ = Pᵢ · s · tensor_scale in float32, rounded once: 2 + 4 + 24 significant bits are exact in float64.

    ValueError where block scales do not have ⌈n/block⌉ entries along the axis and otherwise the elements' shape.
    """
    elements = floats.E2M1.decode(_codes(tensor.elements))
    scales = floats.E4M3FN.decode(_codes(tensor.block_scales))
    _require_scales(elements.shape, scales.shape, tensor.axis, tensor.block)
    scales = scales * float(tensor.tensor_scale)
    with np.errstate(over="ignore"):
        values = elements * _repeat(scales, elements.shape[tensor.axis], tensor.axis, tensor.block)
        return np.asarray(values, np.float32)


def _finite(x: _Array, axis: int) -> tuple[_Array, int]:
    values = floats.as_float64(x)
    if not -values.ndim <= axis < values.ndim:
        raise ValueError(f"got axis {axis}, should be an axis of shape {values.shape}")
    if not bool(np.isfinite(values).all()):
        raise ValueError("got NaN or infinity, should be finite: block formats leave their conversion open")
    return values, axis % values.ndim


def _block_maximum(values: _Array, axis: int, block: int) -> _Array:
    if block < 1:
        raise ValueError(f"got block {block}, should be at least 1")
    starts = np.arange(0, values.shape[axis], block)
    return np.asarray(np.maximum.reduceat(np.abs(values), starts, axis=axis))


def _repeat(parameter: _Array, length: int, axis: int, block: int) -> _Array:
    """Each entry for `block` elements along the axis, the last one for what is left of `length`."""
    return np.take(parameter, np.arange(length) // block, axis=axis)


def _require_scales(shape: tuple[int, ...], scales: tuple[int, ...], axis: int, block: int) -> None:
    expected = tuple(-(-n // block) if i == axis % len(shape) else n for i, n in enumerate(shape))
    if scales != expected:
        raise ValueError(f"got scales of shape {scales}, should be {expected}")


def _codes(values: _Array) -> _Array:
    return values.view(np.uint8)
