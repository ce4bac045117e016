"""Matrix product and convolution from codes to codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from pytest_qparity.quantmath import compute, requantize
from pytest_qparity.quantmath.convolution import ConvolutionAttributes

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from pytest_qparity.quantmath.integers import IntegerType

__all__ = ["OutputQuantization", "QuantizedTensor", "qlinear_conv", "qlinear_matmul"]

_Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"

_DEFAULT = ConvolutionAttributes()


@dataclass(frozen=True, slots=True, eq=False)
class QuantizedTensor:
    """(codes − zero_point) · scale; scale and zero point are scalars or have the shape that the operator gives."""

    codes: _Array
    scale: ArrayLike
    zero_point: ArrayLike = 0


@dataclass(frozen=True, slots=True, eq=False)
class OutputQuantization:
    """Scale and zero point, both scalars, and the type of the codes to produce."""

    scale: ArrayLike
    zero_point: ArrayLike
    type: IntegerType


def qlinear_matmul(a: QuantizedTensor, b: QuantizedTensor, y: OutputQuantization) -> _Array:
    """y = saturate(rint(Σ_j (a[i, j] − Z_a)·(b[j, k] − Z_b) · S_a·S_b / S_y) + Z_y), ties to even, of `y.type`.

    Source: ONNX QLinearMatMul-21; Jacob et al. 2018, eq. 4. The sum as in `compute.matmul_integer`, modulo 2³²; the
    rest as in `requantize.by_scales`. a's scale and zero point are scalars, (M,) or (…, M, 1), b's scalars, (N,) or
    (…, 1, N). ONNX's text names K elements for b's columns, its shape [D1, D2, 1, K] says that N is meant.
    ValueError as in both functions.
    """
    accumulator = compute.matmul_integer(a.codes, b.codes, a.zero_point, b.zero_point)
    a_scale = compute.per_row(np.asarray(a.scale), a.codes)
    b_scale = compute.per_column(np.asarray(b.scale), b.codes)
    if b.codes.ndim == 1 and a_scale.ndim:
        a_scale = a_scale[..., 0]
    if a.codes.ndim == 1 and b_scale.ndim:
        b_scale = b_scale[..., 0, :]
    return _requantized(accumulator, a_scale, b_scale, y)


def qlinear_conv(
    x: QuantizedTensor,
    w: QuantizedTensor,
    y: OutputQuantization,
    bias: ArrayLike | None = None,
    attributes: ConvolutionAttributes = _DEFAULT,
) -> _Array:
    """y = saturate(rint((Σ (x − Z_x)·(w[m] − Z_w[m]) + bias[m]) · S_x·S_w[m] / S_y) + Z_y), ties to even, of `y.type`.

    Source: ONNX QLinearConv-10, which has no formula: it is that of QLinearMatMul-21; Jacob et al. 2018, §2.4. The sum
    as in `compute.conv_integer`, `bias` as in `compute.add_bias`, the rest as in `requantize.by_scales`. w's scale and
    zero point are scalars or (M,). ValueError as in these functions.
    """
    accumulator = compute.conv_integer(x.codes, w.codes, x.zero_point, w.zero_point, attributes)
    if bias is not None:
        accumulator = compute.add_bias(accumulator, bias, 1)
    w_scale = np.asarray(w.scale)
    if w_scale.size == 1:
        w_scale = w_scale.reshape(())
    elif w_scale.shape == w.codes.shape[:1]:
        w_scale = w_scale.reshape(1, -1, *(1,) * (w.codes.ndim - 2))
    else:
        raise ValueError(
            f"got a scale of shape {w_scale.shape}, should be a scalar or one for each of {w.codes.shape[:1]}"
        )
    return _requantized(accumulator, _one(x.scale, "x's scale"), w_scale, y)


def _requantized(accumulator: _Array, first: _Array, second: _Array, y: OutputQuantization) -> _Array:
    scales = (first, second, _one(y.scale, "y's scale"))
    return requantize.by_scales(accumulator, scales, _one(y.zero_point, "y's zero point"), y.type)


def _one(parameter: ArrayLike, name: str) -> _Array:
    given = np.asarray(parameter)
    if given.size != 1:
        raise ValueError(f"got {name} of shape {given.shape}, should be a scalar")
    return given.reshape(())
