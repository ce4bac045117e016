"""How far an output is from its golden, as scalars of three sums over all elements.

With o the output and g the golden, both real and of one shape:

    golden_power = Σ g²      output_power = Σ o²      error_power = Σ (o − g)²      dot = Σ o·g
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, TypeAlias

import numpy as np

__all__ = ["PowerSums", "Powers", "cosine", "difference", "float32_powers", "nrmse", "sqnr_db"]

_Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"

# OpenBLAS splits dot products above 10,000 elements over threads, and the sum would depend on their number.
# Short rows also bound the float32 rounding of a sum: 2,048 products in 32 lanes are within 64·2⁻²⁴ = 4e-6.
_ROW = 2_048
# A product below float32's normal range loses up to 2⁻¹²⁶; over 65,536 elements that is 8e-34, 8e-7 of this power.
_SMALLEST_FLOAT32_POWER = 1e-27


def sqnr_db(golden_power: float, error_power: float) -> float:
    """10·log10(Σ g² / Σ (o − g)²), in dB: signal to quantization noise ratio.

    Source: Oppenheim and Schafer, Discrete-Time Signal Processing (analysis of quantization errors), with power in
    place of variance: a golden's mean is part of its signal. Without an error +inf, also where the golden is all zeros
    (0/0); with an error but an all-zero golden −inf. The logarithms are subtracted, since the ratio can overflow.
    """
    _require_power("golden_power", golden_power)
    _require_power("error_power", error_power)

    if error_power == 0.0:
        return math.inf
    if golden_power == 0.0:
        return -math.inf
    return 10.0 * (math.log10(golden_power) - math.log10(error_power))


def nrmse(golden_power: float, error_power: float) -> float:
    """√(Σ (o − g)² / Σ g²) = 10^(−SQNR/20): root mean square error over the golden's root mean square.

    Of the normalizations in use (range, mean, standard deviation) this one is SQNR on another scale.
    Without an error 0.0, also where the golden is all zeros; with an error but an all-zero golden +inf,
    as is a ratio beyond float64.
    """
    _require_power("golden_power", golden_power)
    _require_power("error_power", error_power)

    if error_power == 0.0:
        return 0.0
    if golden_power == 0.0:
        return math.inf
    return math.sqrt(error_power) / math.sqrt(golden_power)


def cosine(dot: float, golden_power: float, output_power: float) -> float:
    """Σ o·g / (√Σ g² · √Σ o²), in [−1, 1]: cosine of the angle between output and golden.

    An angle needs two directions: two all-zero vectors are equal and give 1.0, one all-zero vector gives 0.0.
    Clamped, since rounding of the sums can carry parallel vectors past ±1 (Cauchy–Schwarz holds exactly only for
    exact sums).
    """
    if not math.isfinite(dot):
        raise ValueError(f"dot is {dot}, should be finite")
    _require_power("golden_power", golden_power)
    _require_power("output_power", output_power)

    if golden_power == 0.0 or output_power == 0.0:
        return 1.0 if golden_power == output_power else 0.0
    # Two roots and two divisions: the product of two powers, or of two roots with dot, can leave float64's range.
    return max(-1.0, min(1.0, dot / math.sqrt(golden_power) / math.sqrt(output_power)))


def _require_power(name: str, power: float) -> None:
    """A NaN or infinite sum is not a measurement; turned into a number it could pass a limit."""
    if not (math.isfinite(power) and power >= 0.0):
        raise ValueError(f"{name} is {power}, should be finite and at least 0")


class Powers(NamedTuple):
    """The four sums of one block."""

    golden: float
    output: float
    error: float
    dot: float


def float32_powers(output: _Array, golden: _Array, error: _Array) -> Powers | None:
    """The sums of a float32 block, or None where float32 cannot hold them.

    Of a small error ε = o − g, Σo² = Σg² + 2Σgε + Σε² and Σo·g = Σg² + Σgε: one product instead of two, and the
    rounding of Σg² cancels in the cosine. Of an error above −20 dB the first sum could cancel instead.
    """
    error_power = _dot(error, error)
    golden_power = _dot(golden, golden)
    if not (_held(golden_power, golden) and _held(error_power, error)):
        return None
    if error_power <= 0.01 * golden_power:
        cross = _dot(golden, error)
        return Powers(golden_power, golden_power + 2.0 * cross + error_power, error_power, golden_power + cross)
    output_power = _dot(output, output)
    if not _held(output_power, output):
        return None
    return Powers(golden_power, output_power, error_power, _dot(output, golden))


def _held(power: float, values: _Array) -> bool:
    """Whether float32 held Σ values²: a NaN or infinity in `values` or an overflow makes it nonfinite."""
    return math.isfinite(power) and (power >= _SMALLEST_FLOAT32_POWER or not values.any())


class PowerSums:
    """Σ g², Σ o², Σ (o − g)² and Σ o·g of all blocks, each a float64 sum of block sums."""

    def __init__(self) -> None:
        self.golden, self.output, self.error, self.dot = _Sum(), _Sum(), _Sum(), _Sum()

    def add(self, output: _Array, golden: _Array) -> None:
        """Add one block of any real type, summed in float64."""
        scaled_output, output_exponent = _scaled(output.astype(np.float64))
        scaled_golden, golden_exponent = _scaled(golden.astype(np.float64))
        scaled_error, error_exponent = _scaled_difference(output, golden)
        self.golden.add(_dot(scaled_golden, scaled_golden), 2 * golden_exponent)
        self.output.add(_dot(scaled_output, scaled_output), 2 * output_exponent)
        self.error.add(_dot(scaled_error, scaled_error), 2 * error_exponent)
        self.dot.add(_dot(scaled_output, scaled_golden), output_exponent + golden_exponent)

    def add_powers(self, powers: Powers) -> None:
        self.golden.add(powers.golden)
        self.output.add(powers.output)
        self.error.add(powers.error)
        self.dot.add(powers.dot)

    def sqnr_db(self) -> float:
        shift = self.golden.exponent - self.error.exponent
        return sqnr_db(self.golden.value, self.error.value) + shift * 10.0 * math.log10(2.0)

    def cosine(self) -> float:
        shift = self.dot.exponent - (self.golden.exponent + self.output.exponent) // 2  # of powers, both are even
        return cosine(math.ldexp(self.dot.value, shift), self.golden.value, self.output.value)


class _Sum:
    """value · 2**exponent: squares of float64 values reach 2^±2148, twice as far as float64 itself."""

    __slots__ = ("exponent", "value")

    def __init__(self) -> None:
        self.value = 0.0
        self.exponent = -4_096

    def add(self, value: float, exponent: int = 0) -> None:
        if value == 0.0:
            return
        largest = max(self.exponent, exponent)
        self.value = math.ldexp(self.value, self.exponent - largest) + math.ldexp(value, exponent - largest)
        self.exponent = largest


def difference(output: _Array, golden: _Array) -> _Array:
    """output − golden in float64; the difference of integers is exact before it is rounded."""
    if output.dtype.kind == "f" or output.dtype.itemsize < 8:
        return np.subtract(output, golden, dtype=np.float64)
    # Two's complement: higher − lower of 64-bit integers modulo 2⁶⁴ is their distance, which always fits in uint64.
    distance = np.maximum(output, golden).view(np.uint64) - np.minimum(output, golden).view(np.uint64)
    magnitude = distance.astype(np.float64)
    return np.negative(magnitude, where=output < golden, out=magnitude)


def _scaled(values: _Array) -> tuple[_Array, int]:
    """float64 `values` · 2**−exponent, whose squares stay within float64, and that exponent."""
    exponent = math.frexp(float(np.abs(values).max()))[1]
    if abs(exponent) <= 400:
        return values, 0
    return np.ldexp(values, -exponent), exponent


def _scaled_difference(output: _Array, golden: _Array) -> tuple[_Array, int]:
    with np.errstate(over="ignore"):
        error = difference(output, golden)
    if np.isfinite(error).all():
        return _scaled(error)
    # Of opposite values near float64's end; halves are exact except where they are negligible beside these.
    halves, exponent = _scaled(np.multiply(output, 0.5) - np.multiply(golden, 0.5))
    return halves, exponent + 1


def _dot(left: _Array, right: _Array) -> float:
    """Σ left·right, each row of `_ROW` in the arrays' own type and the rows in float64."""
    rest = left.size % _ROW
    whole = left.size - rest
    rows = np.matmul(left[:whole].reshape(-1, 1, _ROW), right[:whole].reshape(-1, _ROW, 1))
    total = float(sum(rows.ravel().tolist()))
    return total + float(np.dot(left[whole:], right[whole:])) if rest else total
