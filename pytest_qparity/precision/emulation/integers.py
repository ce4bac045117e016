"""Affine quantization to integers, as float32 operators on the codes' values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_qparity.precision.emulation.rounding import bounded

if TYPE_CHECKING:
    import onnx_ir as ir

    from pytest_qparity.precision.emulation.emitter import Emitter
    from pytest_qparity.quantmath.integers import IntegerType

EXACT_BITS = 16  # codes of more bits, and their differences, are not all float32 values


def codes(emit: Emitter, quotient: ir.Value, zero_point: ir.Value | None, to: IntegerType) -> ir.Value:
    """min(max(round(quotient) + zero_point, lowest), highest), round with ties to even: `quantmath.affine.quantize`.

    Up to 16 bits; a sum beyond 2²⁴ is inexact and saturates all the same. NaN, which has no code, stays NaN.
    `zero_point` holds whole numbers in float32 and broadcasts; None stands for 0, which is added too: −0 is no code.
    """
    rounded = emit.op("Round", quotient, shape=quotient.shape)
    moved = emit.op("Add", rounded, emit.opaque(0.0) if zero_point is None else zero_point, shape=quotient.shape)
    return bounded(emit, moved, float(to.lowest), float(to.highest))


def values(emit: Emitter, code: ir.Value, scale: ir.Value, zero_point: ir.Value | None) -> ir.Value:
    """(code − zero_point) · scale: the difference exact, the product rounded once to float32.

    Of `quantmath.affine.dequantize` and, without zero point, `quantmath.floats.dequantize_float`.
    """
    difference = code if zero_point is None else emit.op("Sub", code, zero_point, shape=code.shape)
    return emit.op("Mul", difference, scale, shape=code.shape)
