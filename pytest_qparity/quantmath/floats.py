"""Small float formats from their definition: values by integer arithmetic on codes, not by a library's casts."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

import ml_dtypes
import numpy as np

from pytest_qparity.quantmath import layout as layouts
from pytest_qparity.quantmath import rounding

__all__ = [
    "BF16",
    "E2M1",
    "E2M3",
    "E3M2",
    "E4M3FN",
    "E4M3FNUZ",
    "E5M2",
    "E5M2FNUZ",
    "E8M0",
    "FLOAT_FORMATS",
    "FP16",
    "FloatFormat",
    "NanCodes",
    "Saturation",
    "as_float64",
    "cast",
    "dequantize_float",
    "quantize_float",
]

_Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"

NanCodes: TypeAlias = Literal["ieee", "all-ones", "negative-zero", "none"]


class Saturation(enum.Enum):
    """What becomes of values beyond ±largest; the value is ONNX's attribute `saturate` (Cast-19, QuantizeLinear-19)."""

    ON = 1
    OFF = 0


@dataclass(frozen=True, slots=True)
class FloatFormat:
    """(−1)^S · 2^(E − bias) · (1 + M/2^m), or (−1)^S · 2^(1 − bias) · M/2^m where the exponent field E is 0.

    S, E and M are the fields of a code from its highest bit down; m is `mantissa_bits`. A format that is not `signed`
    has neither sign bit nor zero nor subnormals: E = 0 is 2^−bias (E8M0: OCP MX v1.0 §5.4.1).

    `nan` says which codes are NaN: "ieee" those with all exponent bits set and M ≠ 0 (M = 0 is infinity), "all-ones"
    those with all bits but the sign set, "negative-zero" the one code of the sign bit alone, "none" no code.

    Sources: IEEE 754-2019 §3.4 (fp16), OCP OFP8 v1.0, table 1 (E4M3, E5M2), OCP MX v1.0 §5.3 (E3M2, E2M3, E2M1) and
    §5.4.1 (E8M0), Noune et al. 2022 (FNUZ), TensorProto.DataType of ONNX (bfloat16; the names, with "FN", finite with
    NaN, and "UZ", unsigned zero).
    """

    name: str
    exponent_bits: int
    mantissa_bits: int
    bias: int
    nan: NanCodes
    dtype: np.dtype[Any]
    signed: bool = True

    @property
    def bits(self) -> int:
        return self.exponent_bits + self.mantissa_bits + self.signed

    @property
    def has_infinity(self) -> bool:
        """Only IEEE 754's rule keeps a code for it."""
        return self.nan == "ieee"

    @property
    def code_dtype(self) -> np.dtype[Any]:
        """uint8 for up to 8 bits, one code a byte, otherwise uint16."""
        return np.dtype(np.uint8 if self.bits <= 8 else np.uint16)

    @property
    def largest(self) -> float:
        """The largest finite value, exact."""
        return float(self._decode_magnitude(np.int64(self._largest_magnitude)))

    @property
    def smallest_normal(self) -> float:
        """2^(1 − bias), or 2^−bias where there are no subnormals."""
        return float(2.0**self._lowest_exponent)

    @property
    def smallest_subnormal(self) -> float:
        """2^(1 − bias − m): the smallest value above zero, the smallest normal one where there are no subnormals."""
        return float(2.0 ** (self._lowest_exponent - self.mantissa_bits))

    @property
    def largest_exponent(self) -> int:
        """⌊log₂(largest)⌋, of the largest power of two in the format: emax of a conversion to MX (OCP MX v1.0 §6.3)."""
        return (self._largest_magnitude >> self.mantissa_bits) - self.bias

    def decode(self, codes: _Array) -> _Array:
        """The values of `codes`, as the formula above says, in float64, which holds all of them exactly.

        codes: unsigned integers of any shape, at most 2^bits − 1 (otherwise ValueError). NaN codes give a NaN of the
        code's sign.
        """
        codes = np.asarray(codes)
        if codes.dtype.kind != "u":
            raise ValueError(f"got codes of {codes.dtype}, should be unsigned integers")
        if codes.size and int(codes.max()) >= 2**self.bits:
            raise ValueError(f"got code {codes.max()}, should be at most {2**self.bits - 1} for {self.name}")

        codes = codes.astype(np.int64)
        magnitude = codes & (self._sign_bit - 1)
        values = self._decode_magnitude(magnitude)
        if self.nan == "ieee":
            values = np.where(magnitude > self._infinity, np.nan, np.where(magnitude == self._infinity, np.inf, values))
        elif self.nan == "all-ones":
            values = np.where(magnitude == self._sign_bit - 1, np.nan, values)
        elif self.nan == "negative-zero":
            values = np.where(codes == self._sign_bit, np.nan, values)
        return np.asarray(np.copysign(values, np.where(codes >= self._sign_bit, -1.0, 1.0)))

    def encode(self, x: _Array, saturation: Saturation) -> _Array:
        """The codes of the values nearest to `x`; of two equally near the one with an even code.

        With [x] the value nearest to x if the exponent had no upper end: |[x]| > largest, and infinity, give ±largest
        with saturation ON; with OFF infinity where the format has it, otherwise NaN. NaN keeps its sign where the
        format has two; an "ieee" NaN is quiet with no payload. −0 gives +0 where its code is taken by NaN.
        Source: IEEE 754-2019 §4.3.1 and the tables of ONNX Cast-24. (Up to Cast-23 the table has NaN for an infinity in
        the two FNUZ formats with saturation ON.)

        x: floats of any shape and at most 64 bits, all exact in float64. Returns `code_dtype`.
        ValueError where the format has no answer: NaN, or with OFF an overflow, without a code for NaN; negative
        values without a sign. An unsigned format rounds ties upwards (each of its values is a power of two), and has
        no zero: what rounds to less than its smallest value gives that with ON, NaN with OFF.
        """
        values = as_float64(x)
        is_nan = np.isnan(values)
        negative = np.signbit(values)
        if not self.signed and bool((negative & ~is_nan).any()):
            raise ValueError(f"got a negative value, should be at least 0 for {self.name}, which has no sign")

        magnitude = self._nearest_magnitude(np.where(np.isfinite(values), np.abs(values), 0.0))
        overflow = np.isinf(values) | (magnitude > self._largest_magnitude)
        underflow = (magnitude < 0) & ~overflow
        magnitude = np.where(overflow, self._largest_magnitude, np.maximum(magnitude, 0))
        if saturation is Saturation.OFF and self.has_infinity:
            magnitude = np.where(overflow, self._infinity, magnitude)
        elif saturation is Saturation.OFF:
            is_nan = is_nan | overflow | underflow
        if self.nan == "none" and bool(is_nan.any()):
            raise ValueError(f"got a value without a code, should be a number within ±{self.largest} for {self.name}")

        codes = np.where(is_nan, self._nan_magnitude, magnitude)
        if self.nan == "negative-zero":
            negative = negative & (magnitude != 0) & ~is_nan
        if self.signed:
            codes = codes | np.where(negative, self._sign_bit, 0)
        return np.asarray(codes, self.code_dtype)

    @property
    def _sign_bit(self) -> int:
        return 1 << (self.exponent_bits + self.mantissa_bits)

    @property
    def _infinity(self) -> int:
        """The code with all exponent bits and no mantissa bit set: infinity of an "ieee" format."""
        return self._sign_bit - (1 << self.mantissa_bits)

    @property
    def _largest_magnitude(self) -> int:
        if self.nan == "ieee":
            return self._infinity - 1
        return self._sign_bit - 2 if self.nan == "all-ones" else self._sign_bit - 1

    @property
    def _nan_magnitude(self) -> int:
        if self.nan == "ieee":
            return self._infinity | (1 << (self.mantissa_bits - 1))  # IEEE 754-2019 §6.2.1: the first bit says quiet
        return self._sign_bit - 1 if self.nan == "all-ones" else self._sign_bit

    @property
    def _lowest_exponent(self) -> int:
        return 1 - self.bias if self.signed else -self.bias

    def _decode_magnitude(self, magnitude: _Array | np.int64) -> _Array:
        field = magnitude >> self.mantissa_bits
        mantissa = magnitude & ((1 << self.mantissa_bits) - 1)
        normal = (field > 0) | (not self.signed)
        significand = mantissa + np.where(normal, 1 << self.mantissa_bits, 0)
        exponent = np.where(normal, field - self.bias, self._lowest_exponent) - self.mantissa_bits
        return np.asarray(np.ldexp(significand.astype(np.float64), exponent.astype(np.int32)))

    def _nearest_magnitude(self, magnitude: _Array) -> _Array:
        """Codes of nonnegative finite values as if codes had no upper end; −1 below an unsigned format's range.

        With the unit in the last place 2^(e − m) of x's binade, n = x/2^(e − m) rounded is the significand, and codes
        count on from binade to binade, so that an n of 2^(m + 1) carries into the exponent by itself.
        """
        exponent = np.maximum(np.frexp(magnitude)[1] - 1, self._lowest_exponent)
        exponent = np.where(magnitude == 0.0, self._lowest_exponent, exponent)
        significand = np.rint(np.ldexp(magnitude, self.mantissa_bits - exponent)).astype(np.int64)
        first = 0 if self.signed else 1
        binade = (exponent.astype(np.int64) - self._lowest_exponent) << self.mantissa_bits
        return np.asarray(binade + significand - first)


FP16 = FloatFormat("float16", 5, 10, 15, "ieee", np.dtype(np.float16))
BF16 = FloatFormat("bfloat16", 8, 7, 127, "ieee", np.dtype(ml_dtypes.bfloat16))
E4M3FN = FloatFormat("float8e4m3fn", 4, 3, 7, "all-ones", np.dtype(ml_dtypes.float8_e4m3fn))
E4M3FNUZ = FloatFormat("float8e4m3fnuz", 4, 3, 8, "negative-zero", np.dtype(ml_dtypes.float8_e4m3fnuz))
E5M2 = FloatFormat("float8e5m2", 5, 2, 15, "ieee", np.dtype(ml_dtypes.float8_e5m2))
E5M2FNUZ = FloatFormat("float8e5m2fnuz", 5, 2, 16, "negative-zero", np.dtype(ml_dtypes.float8_e5m2fnuz))
E3M2 = FloatFormat("float6e3m2", 3, 2, 3, "none", np.dtype(ml_dtypes.float6_e3m2fn))
E2M3 = FloatFormat("float6e2m3", 2, 3, 1, "none", np.dtype(ml_dtypes.float6_e2m3fn))
E2M1 = FloatFormat("float4e2m1", 2, 1, 1, "none", np.dtype(ml_dtypes.float4_e2m1fn))
E8M0 = FloatFormat("float8e8m0", 8, 0, 127, "all-ones", np.dtype(ml_dtypes.float8_e8m0fnu), signed=False)

FLOAT_FORMATS: Mapping[str, FloatFormat] = MappingProxyType(
    {f.name: f for f in (FP16, BF16, E4M3FN, E4M3FNUZ, E5M2, E5M2FNUZ, E3M2, E2M3, E2M1, E8M0)}
)


def cast(x: _Array, to: FloatFormat, saturation: Saturation = Saturation.ON) -> _Array:
    """The value of `to` nearest to x, ties to even; what is out of range by the type's rule in ONNX.

    float8: ±largest with `saturation` ON; with OFF infinity (E5M2) or NaN. float16 and bfloat16: infinity; there the
    attribute says nothing. float4 and float6 have neither infinity nor NaN: ±largest (OCP MX v1.0 §5.3), and NaN is a
    ValueError, since ONNX does not say what it becomes. E8M0 rounds its own way: `e8m0.cast`.
    Source: ONNX Cast-24 (tables and "out of range" rules), which has float4e2m1 among its types since Cast-23, but no
    word on it in the text.

    x: floats of any shape. Returns an array of `to.dtype`.
    """
    if not to.signed:
        raise ValueError(
            f"got {to.name}, should be a format with a sign: e8m0.cast has the rounding modes of {to.name}"
        )
    if to.nan == "none":
        saturation = Saturation.ON
    elif to.bits > 8:
        saturation = Saturation.OFF
    return to.encode(x, saturation).view(to.dtype)


_PER_TENSOR = layouts.PerTensor()


def quantize_float(
    x: _Array,
    scale: _Array,
    to: FloatFormat,
    saturation: Saturation = Saturation.ON,
    layout: layouts.Layout = _PER_TENSOR,
) -> _Array:
    """cast(x / scale), the quotient rounded to the scale's type and then to `to`.

    Source: ONNX QuantizeLinear-19 (float8), -23 (float4e2m1) with the zero point 0, which these types are used with.
    x is converted to the scale's type, which is the precision of the division; infinity and NaN go through `cast`.
    −0 stays −0; an engine that adds the zero point +0, as the formula of the operator has it, gets +0.

    x: float16, bfloat16, float32 or float64 of any shape. scale: of one of these types, of the shape `layout` gives;
    one of float8e8m0 (opset 24) divides in float32.
    Returns an array of `to.dtype`. ValueError for a scale that is not positive and finite, and as in `cast`.
    """
    real = np.asarray(x)
    if real.dtype not in rounding.float_dtypes():
        raise ValueError(f"got x of {real.dtype.name}, should be float16, bfloat16, float32 or float64")
    scales = _spread_scales(np.asarray(scale), real.shape, layout)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        quotient = real.astype(scales.dtype) / scales
    return cast(quotient, to, saturation)


def dequantize_float(
    q: _Array, scale: _Array, layout: layouts.Layout = _PER_TENSOR, output: np.dtype[Any] | None = None
) -> _Array:
    """q · scale, rounded once to `output`; beyond its range ±Inf.

    Source: ONNX DequantizeLinear-19 (float8), -23 (float4e2m1) with the zero point 0. `output` is the attribute
    `output_dtype` (opset 23); where it is None, the type of the scale, and float32 for float8e8m0.

    q: of a format's dtype of at most 8 bits. scale: as in `quantize_float`. ValueError for other types and shapes.
    """
    values = np.asarray(q)
    formats = [f for f in FLOAT_FORMATS.values() if f.dtype == values.dtype and f.bits <= 8]
    if not formats:
        raise ValueError(f"got q of {values.dtype.name}, should be of a float format of at most 8 bits")
    scales = _spread_scales(np.asarray(scale), values.shape, layout)
    with np.errstate(over="ignore"):
        product = formats[0].decode(values.view(np.uint8)) * scales.astype(np.float64)
    return rounding.round_once(np.asarray(product), scales.dtype if output is None else np.dtype(output))


def _spread_scales(scale: _Array, shape: tuple[int, ...], layout: layouts.Layout) -> _Array:
    scale = rounding.signed_scales(scale)
    if scale.dtype not in rounding.float_dtypes():
        raise ValueError(f"got a scale of {scale.dtype.name}, should be float16, bfloat16, float32 or float64")
    if not bool((np.isfinite(scale) & (scale > 0)).all()):
        raise ValueError("got a scale that is zero, negative or not finite, should be positive and finite")
    return layouts.spread(scale, shape, layout)


_EXACT_IN_FLOAT64 = frozenset({np.dtype(np.float32), np.dtype(np.float64), *(f.dtype for f in FLOAT_FORMATS.values())})


def as_float64(x: _Array) -> _Array:
    """x in float64, exact. ValueError for what is not a float type of 64 bits or less."""
    values = np.asarray(x)
    if values.dtype not in _EXACT_IN_FLOAT64:
        raise ValueError(f"got {values.dtype}, should be a float type of at most 64 bits")
    with np.errstate(invalid="ignore"):  # a signaling NaN becomes a quiet one
        return values.astype(np.float64)
