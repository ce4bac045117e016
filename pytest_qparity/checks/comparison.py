"""One blocked pass over an output and its golden: every number that a parity verdict needs.

A block is screened in float32, where NumPy and BLAS are fastest, and counted by the float64 definition wherever
float32 cannot decide: sums out of its range, an element at the very edge of the limit, a new maximum.
So all but `sqnr_db` and `cosine` equal the float64 definition bit for bit; these two are good to 1e-5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from pytest_qparity.quantmath.measures import PowerSums, difference, float32_powers

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Closeness", "Comparison", "compare"]

_Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"

# Two operands, two scratch arrays and a mask, 17 bytes an element, stay in a 1 MiB L2 cache; benchmarks/README.md has
# the scan. Smaller blocks pay more for calls than they gain from the cache.
_BLOCK = 49_152
_FLOAT32_ROUNDING = 2.0**-24  # relative, to nearest
# Below it float32 holds fewer digits (subnormals), above it rtol·0 is inf·0.
_FLOAT32_TOLERANCES = (1e-30, 1e30)


@dataclass(frozen=True, slots=True)
class Closeness:
    """An element is mismatched where |output − golden| > atol + rtol·|golden|, evaluated in float64."""

    atol: float
    rtol: float

    def __post_init__(self) -> None:
        for name, tolerance in (("atol", self.atol), ("rtol", self.rtol)):
            if not (math.isfinite(tolerance) and tolerance >= 0.0):
                raise ValueError(f"{name} is {tolerance}, should be finite and at least 0")


@dataclass(frozen=True, slots=True)
class Comparison:
    """How far an output is from its golden; with a nonfinite element nothing here can pass a limit."""

    elements: int
    nonfinite: int  # NaN or infinite in the output, the golden or both
    mismatched: int  # not close, or nonfinite
    max_abs: float  # max |output − golden|; +inf where an element is nonfinite
    max_rel: float  # max |output − golden| / |golden|; 0/0 is 0; +inf where only golden is 0 or an element is nonfinite
    sqnr_db: float  # 10·log10(Σ golden² / Σ (output − golden)²); −inf where an element is nonfinite
    cosine: float  # of the angle between output and golden; 0.0 where an element is nonfinite
    worst_index: tuple[int, ...]  # the first nonfinite element, or else the first with max_abs
    worst_output: float
    worst_golden: float
    identical: bool  # the same bits: −0.0 is not 0.0, and a NaN is itself


def compare(output: _Array, golden: _Array, closeness: Closeness) -> Comparison:
    """Measure `output` against `golden`: one dtype, one shape, at least one element.

    Any real dtype of ONNX, byte order, strides; memory used is a few blocks, whatever the size.
    Integers are subtracted exactly; beyond 2⁵³ a difference is then rounded to float64.
    """
    _require_comparable(output, golden)

    tally = _Tally(closeness)
    if np.can_cast(output.dtype, np.float32, "safe"):
        dtype, take = np.dtype(np.float32), _Screen(tally).take
    else:
        dtype, take = output.dtype, tally.take
    with np.errstate(all="ignore"):
        for output_block, golden_block in _blocks(output, golden, dtype):
            take(output_block, golden_block)
            tally.elements += output_block.size
    return _conclude(tally, output, golden)


def _require_comparable(output: _Array, golden: _Array) -> None:
    if output.dtype != golden.dtype:
        raise ValueError(f"dtype of the output is {output.dtype}, should be the golden's {golden.dtype}")
    if output.shape != golden.shape:
        raise ValueError(f"shape of the output is {output.shape}, should be the golden's {golden.shape}")
    if output.size == 0:
        raise ValueError(f"the output has no element (shape {output.shape}), should have at least one")
    real = output.dtype.kind in "iuf" and output.dtype.itemsize <= 8
    if not (real or np.can_cast(output.dtype, np.float32, "safe")):
        raise TypeError(f"dtype of the output is {output.dtype}, should be a real number of at most 64 bits or bool")


def _blocks(output: _Array, golden: _Array, dtype: np.dtype[Any]) -> Iterator[tuple[_Array, _Array]]:
    """1-D blocks of `dtype` in C order; copied, into buffers of one block, only where type or strides ask for it."""
    blocks: Any = np.nditer(
        (np.asarray(output), np.asarray(golden)),
        flags=["external_loop", "buffered"],
        op_flags=[["readonly", "aligned"], ["readonly", "aligned"]],
        op_dtypes=[dtype, dtype],
        order="C",
        casting="safe",
        buffersize=_BLOCK,
    )
    return iter(blocks)


def _conclude(tally: _Tally, output: _Array, golden: _Array) -> Comparison:
    worst_index = tuple(int(axis) for axis in np.unravel_index(tally.worst, output.shape))
    finite = tally.nonfinite == 0
    return Comparison(
        elements=tally.elements,
        nonfinite=tally.nonfinite,
        mismatched=tally.mismatched,
        max_abs=tally.max_abs if finite else math.inf,
        max_rel=tally.max_rel if finite else math.inf,
        sqnr_db=tally.sums.sqnr_db() if finite else -math.inf,
        cosine=tally.sums.cosine() if finite else 0.0,
        worst_index=worst_index,
        worst_output=float(output[worst_index]),
        worst_golden=float(golden[worst_index]),
        # Arrays that differ anywhere are told apart in the pass above; only the others are read once more.
        identical=tally.max_abs == 0.0 and _same_bits(output, golden),
    )


def _same_bits(output: _Array, golden: _Array) -> bool:
    bits = np.dtype(f"u{output.dtype.itemsize}")
    blocks = _blocks(output.view(bits), golden.view(bits), bits)
    return all(np.array_equal(output_block, golden_block) for output_block, golden_block in blocks)


class _Tally:
    """What is known of the blocks seen so far; `take` adds one by the float64 definition of every number."""

    def __init__(self, closeness: Closeness) -> None:
        self.closeness = closeness
        self.elements = 0
        self.nonfinite = 0
        self.mismatched = 0
        self.max_abs = 0.0
        self.max_rel = 0.0
        self.worst = 0  # flat index, C order
        self.sums = PowerSums()

    def take(self, output: _Array, golden: _Array) -> None:
        finite = np.isfinite(output) & np.isfinite(golden)
        if not finite.all():
            self._take_nonfinite(finite)
            output, golden = np.where(finite, output, 0), np.where(finite, golden, 0)

        absolute, limit, relative = _deviations(output, golden, self.closeness)
        # A difference past float64's end is no match, even where the limit is infinite too.
        self.mismatched += int(np.count_nonzero((absolute > limit) | np.isinf(absolute)))
        self.raise_max_rel(relative)
        self.raise_max_abs(absolute, np.arange(absolute.size))
        self.sums.add(output, golden)

    def _take_nonfinite(self, finite: _Array) -> None:
        if self.nonfinite == 0:
            self.worst = self.elements + int(np.argmin(finite))
        nonfinite = finite.size - int(np.count_nonzero(finite))
        self.nonfinite += nonfinite
        self.mismatched += nonfinite

    def raise_max_abs(self, absolute: _Array, positions: _Array) -> None:
        """`absolute`: float64 |output − golden| of the elements at `positions` of the current block."""
        largest = int(np.argmax(absolute))
        if self.nonfinite == 0 and absolute[largest] > self.max_abs:
            self.max_abs = float(absolute[largest])
            self.worst = self.elements + int(positions[largest])

    def raise_max_rel(self, relative: _Array) -> None:
        """`relative`: float64 |output − golden| / |golden|, NaN where it is 0/0."""
        self.max_rel = max(self.max_rel, float(np.nanmax(relative, initial=0.0)))


def _deviations(output: _Array, golden: _Array, closeness: Closeness) -> tuple[_Array, _Array, _Array]:
    """|output − golden|, the limit it may not exceed, and |output − golden| / |golden| (0/0 is NaN), in float64."""
    absolute = np.abs(difference(output, golden))
    magnitude = np.abs(golden.astype(np.float64))  # not of int64 itself, whose least value has no opposite
    return absolute, closeness.atol + closeness.rtol * magnitude, absolute / magnitude


class _Block(NamedTuple):
    """One float32 block, with |output − golden| and |golden| rounded to float32."""

    output: _Array
    golden: _Array
    absolute: _Array
    magnitude: _Array

    def deviations(self, positions: _Array, closeness: Closeness) -> tuple[_Array, _Array, _Array]:
        return _deviations(self.output[positions], self.golden[positions], closeness)


class _Screen:
    """Blocks in float32: a number is taken where float32 proves it, and asked of the tally where it cannot."""

    def __init__(self, tally: _Tally) -> None:
        self.tally = tally
        self.error, self.magnitude, self.scratch = (np.empty(_BLOCK, np.float32) for _ in range(3))
        self.mask = np.empty(_BLOCK, np.bool_)
        least, most = _FLOAT32_TOLERANCES
        tolerances = (tally.closeness.atol, tally.closeness.rtol)
        self.applies = all(tolerance == 0.0 or least <= tolerance <= most for tolerance in tolerances)

    def take(self, output: _Array, golden: _Array) -> None:
        error = np.subtract(output, golden, out=self.error[: output.size])
        powers = float32_powers(output, golden, error) if self.applies else None
        if powers is None:
            self.tally.take(output, golden)
            return
        self.tally.sums.add_powers(powers)
        if powers.error == 0.0:
            return
        absolute = np.abs(error, out=error)
        block = _Block(output, golden, absolute, np.abs(golden, out=self.magnitude[: golden.size]))
        largest = float(absolute.max())
        self._raise_max_abs(block, largest)
        self._raise_max_rel(block, largest)
        self._count_mismatched(block, largest, math.sqrt(powers.golden))

    def _raise_max_abs(self, block: _Block, largest: float) -> None:
        """Rounding is monotone, so the exact maximum is among the elements that round to the largest."""
        if largest >= np.float32(self.tally.max_abs):
            positions = np.flatnonzero(block.absolute == largest)
            self.tally.raise_max_abs(block.deviations(positions, self.tally.closeness)[0], positions)

    def _raise_max_rel(self, block: _Block, largest: float) -> None:
        """Two bounds, each 1e-6 wide where float32 rounds by 1.2e-7, keep most blocks from the exact ratio.

        With powers that float32 held, the highest ratio of a block is above 1e-16 / 1e20: no subnormal.
        """
        known = self.tally.max_rel
        if known == math.inf or largest * (1.0 + 1e-6) <= known * float(block.magnitude.min()):
            return
        ratio = np.divide(block.absolute, block.magnitude, out=self.scratch[: block.golden.size])
        highest = float(np.nanmax(ratio))  # never of 0/0 alone: some error is above 0
        if highest * (1.0 + 1e-6) < known:
            return
        positions = np.flatnonzero(ratio >= highest * (1.0 - 1e-6))
        self.tally.raise_max_rel(block.deviations(positions, self.tally.closeness)[2])

    def _count_mismatched(self, block: _Block, largest: float, golden_norm: float) -> None:
        """Count |o − g| − rtol·|g| > atol; float64 decides on what lies within float32's rounding of the limit.

        At the limit the left side is off by at most 4 roundings of atol + rtol·|g|, and √Σg² bounds |g|.
        """
        atol, rtol = self.tally.closeness.atol, self.tally.closeness.rtol
        if largest * (1.0 + 1e-6) <= atol:
            return
        excess, slack = block.absolute, 8.0 * _FLOAT32_ROUNDING * atol
        if rtol > 0.0:
            # In place: magnitude has no reader after this one.
            allowed = np.multiply(block.magnitude, np.float32(rtol), out=block.magnitude)
            excess = np.subtract(block.absolute, allowed, out=allowed)
            slack += 8.0 * _FLOAT32_ROUNDING * rtol * golden_norm * 1.001
        mask = self.mask[: block.golden.size]
        low, high = np.float32(atol - slack), np.float32(atol + slack)
        certain = np.count_nonzero(np.greater(excess, high, out=mask))
        possible = np.count_nonzero(np.greater(excess, low, out=mask))
        self.tally.mismatched += int(certain)
        if possible > certain:
            positions = np.flatnonzero(mask & (excess <= high))
            absolute, limit, _ = block.deviations(positions, self.tally.closeness)
            self.tally.mismatched += int(np.count_nonzero(absolute > limit))
