"""Products of integer tensors: exact, and then taken modulo 2³² into int32."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from pytest_qparity.quantmath import affine, convolution, integers
from pytest_qparity.quantmath.convolution import ConvolutionAttributes
from pytest_qparity.quantmath.layout import PerAxis, PerTensor

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = [
    "add_bias",
    "conv_integer",
    "conv_integer_corrected",
    "matmul_integer",
    "matmul_integer_corrected",
    "per_column",
    "per_row",
    "quantize_bias",
    "wrap_int32",
]

_Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"

_DEFAULT = ConvolutionAttributes()


def matmul_integer(a: ArrayLike, b: ArrayLike, a_zero_point: ArrayLike = 0, b_zero_point: ArrayLike = 0) -> _Array:
    """y[…, i, k] = Σ_j (a[…, i, j] − Z_a[i]) · (b[…, j, k] − Z_b[k]) mod 2³², shapes as numpy.matmul; y is int32.

    Source: ONNX MatMulInteger-10; Jacob et al. 2018, eq. 4 without the scales. Z_a is a scalar (or one element), (M,)
    for a matrix a, or (…, M, 1); Z_b a scalar, (N,) for a matrix b, or (…, 1, N). ONNX has 8-bit inputs; any type up to
    16 bits is taken. The operator "may overflow if and only if in 32 bits" and does not say how: as two's complement
    here. Without a term to sum (K = 0) y is 0. ValueError for other types, shapes and zero points beyond the type.
    """
    left = _codes(a) - _row_zero_points(a, a_zero_point)
    right = _codes(b) - _column_zero_points(b, b_zero_point)
    return wrap_int32(np.matmul(left, right))


def matmul_integer_corrected(
    a: ArrayLike, b: ArrayLike, a_zero_point: ArrayLike = 0, b_zero_point: ArrayLike = 0
) -> _Array:
    """y[i, k] = K·Z_a[i]·Z_b[k] − Z_a[i]·Σ_j b[j, k] − Z_b[k]·Σ_j a[i, j] + Σ_j a[i, j]·b[j, k] mod 2³².

    Source: Jacob et al. 2018, eq. 7 and 8 (N of the paper is K here): the product of the codes as a kernel computes it,
    then corrected by sums of rows and columns. Arguments, result and errors as in `matmul_integer`, to which it is
    equal also where a sum leaves int32, since all of it is arithmetic modulo 2³².
    """
    left, right = _codes(a), _codes(b)
    rows, columns = np.atleast_2d(left), right[:, np.newaxis] if right.ndim == 1 else right
    z_a, z_b = _row_zero_points(a, a_zero_point), _column_zero_points(b, b_zero_point)
    result = (
        rows.shape[-1] * z_a * z_b
        - z_a * columns.sum(axis=-2, keepdims=True)
        - z_b * rows.sum(axis=-1, keepdims=True)
        + np.matmul(rows, columns)
    )
    if right.ndim == 1:
        result = result[..., 0]
    if left.ndim == 1:
        result = result[..., 0, :] if right.ndim > 1 else result[..., 0]
    return wrap_int32(result)


def conv_integer(
    x: ArrayLike,
    w: ArrayLike,
    x_zero_point: ArrayLike = 0,
    w_zero_point: ArrayLike = 0,
    attributes: ConvolutionAttributes = _DEFAULT,
) -> _Array:
    """y[n, m, o] = Σ_{c, k} (x[n, c, o·s + k·d − p] − Z_x) · (w[m, c, k] − Z_w[m]) mod 2³², as int32.

    Source: ONNX ConvInteger-10. x is (N, C, D_1, …, D_r), w (M, C / group, k_1, …, k_r), y (N, M, O_1, …, O_r); c runs
    over the channels of m's group. Z_x is a scalar, Z_w a scalar or (M,). Padding is the real value zero, whose code
    is Z_x: ONNX does not say, Jacob et al. 2018, §2.1, give zero a code for this. Types and overflow as in
    `matmul_integer`. ValueError for other types and shapes.
    """
    centered_x = _codes(x) - _scalar_zero_point(x, x_zero_point)
    centered_w = _codes(w) - _channel_zero_points(w, w_zero_point)
    return wrap_int32(_convolve(_padded(centered_x, centered_w, 0, attributes), centered_w, attributes))


def conv_integer_corrected(
    x: ArrayLike,
    w: ArrayLike,
    x_zero_point: ArrayLike = 0,
    w_zero_point: ArrayLike = 0,
    attributes: ConvolutionAttributes = _DEFAULT,
) -> _Array:
    """y = K·Z_x·Z_w[m] − Z_x·Σ w[m] − Z_w[m]·Σ x + Σ x·w mod 2³², the sums over a window of K = C/group · Π k codes.

    Source: Jacob et al. 2018, eq. 7, for the windows of a convolution; x is padded with Z_x. Arguments, result and
    errors as in `conv_integer`, to which it is equal.
    """
    codes_x, codes_w = _codes(x), _codes(w)
    z_x, z_w = _scalar_zero_point(x, x_zero_point), _channel_zero_points(w, w_zero_point)
    padded = _padded(codes_x, codes_w, int(z_x), attributes)
    channel = (1, -1, *(1,) * (codes_w.ndim - 2))
    z_w = z_w.reshape(channel) if z_w.size > 1 else z_w.reshape(())
    terms = int(np.prod(codes_w.shape[1:]))
    sums_w = codes_w.reshape(codes_w.shape[0], -1).sum(axis=1).reshape(channel)
    sums_x = _convolve(padded, np.ones_like(codes_w), attributes)
    return wrap_int32(terms * z_x * z_w - z_x * sums_w - z_w * sums_x + _convolve(padded, codes_w, attributes))


def quantize_bias(bias: ArrayLike, x_scale: ArrayLike, w_scale: ArrayLike) -> _Array:
    """saturate(rint(bias / (S_x · S_w))) as int32, zero point 0.

    Source: Jacob et al. 2018, eq. 11; ONNX QLinearConv-10, input B. `bias` is (M,), S_x a scalar, S_w a scalar or (M,),
    all of one float type, in which the product is rounded: it is the scale that a DequantizeLinear of the bias would
    store. ValueError as in `affine.quantize`, also where the product underflows.
    """
    with np.errstate(under="ignore", over="ignore"):
        scale = np.multiply(x_scale, w_scale)
    return affine.quantize(bias, scale, 0, integers.INT32, PerAxis(0) if scale.ndim else PerTensor())


def add_bias(accumulator: ArrayLike, bias: ArrayLike, axis: int) -> _Array:
    """(accumulator + bias[i_axis]) mod 2³² as int32: a bias of the accumulator's own scale S_x · S_w.

    Source: Jacob et al. 2018, §2.4. Both are int32, `bias` has the length of the accumulator's `axis`.
    ValueError for other types and shapes.
    """
    sums, offsets = np.asarray(accumulator), np.asarray(bias)
    if sums.dtype != np.int32 or offsets.dtype != np.int32:
        raise ValueError(f"got an accumulator of {sums.dtype.name} and a bias of {offsets.dtype.name}, should be int32")
    if not -sums.ndim <= axis < sums.ndim or offsets.shape != (sums.shape[axis],):
        raise ValueError(f"got a bias of shape {offsets.shape}, should have the length of axis {axis} of {sums.shape}")
    column = [1] * sums.ndim
    column[axis] = offsets.size
    return wrap_int32(sums.astype(np.int64) + offsets.astype(np.int64).reshape(column))


def wrap_int32(exact: _Array) -> _Array:
    """((exact + 2³¹) mod 2³²) − 2³¹ as int32: what an accumulator of 32 bits in two's complement ends with."""
    return np.asarray(exact & 0xFFFFFFFF).astype(np.uint32).view(np.int32)


def per_row(parameter: _Array, a: _Array) -> _Array:
    """A parameter of the left operand shaped to broadcast over its rows: a scalar, (M,) of a matrix, or (…, M, 1)."""
    if parameter.size == 1:
        return parameter.reshape(())
    if a.ndim == 2 and parameter.shape == a.shape[:1]:
        return parameter[:, np.newaxis]
    if a.ndim >= 2 and parameter.shape == (*a.shape[:-1], 1):
        return parameter
    raise ValueError(f"got a parameter of shape {parameter.shape}, should be a scalar or one for each row of {a.shape}")


def per_column(parameter: _Array, b: _Array) -> _Array:
    """A parameter of the right operand shaped to broadcast over its columns: a scalar, (N,) of a matrix, (…, 1, N)."""
    if parameter.size == 1:
        return parameter.reshape(())
    if b.ndim == 2 and parameter.shape == b.shape[1:]:
        return parameter[np.newaxis, :]
    if b.ndim >= 2 and parameter.shape == (*b.shape[:-2], 1, b.shape[-1]):
        return parameter
    raise ValueError(
        f"got a parameter of shape {parameter.shape}, should be a scalar or one for each column of {b.shape}"
    )


def _padded(x: _Array, w: _Array, value: int, attributes: ConvolutionAttributes) -> _Array:
    if x.ndim < 3 or w.ndim != x.ndim:
        raise ValueError(f"got x of {x.shape} and w of {w.shape}, should be (N, C, D…) and (M, C / group, k…)")
    if w.shape[0] % attributes.group or x.shape[1] != w.shape[1] * attributes.group:
        raise ValueError(f"got {attributes.group} groups, x of {x.shape} and w of {w.shape}: channels do not divide")
    pads = convolution.padding(x.shape[2:], w.shape[2:], attributes)
    return np.pad(x, ((0, 0), (0, 0), *pads), constant_values=value)


def _convolve(padded: _Array, w: _Array, attributes: ConvolutionAttributes) -> _Array:
    """Σ_{c, k} windows[n, c, o, k] · w[m, c, k] in int64, group by group."""
    group, rank = attributes.group, w.ndim - 2
    places = convolution.windows(padded, w.shape[2:], attributes)
    over = (1, *range(2 + rank, 2 + 2 * rank)), (1, *range(2, 2 + rank))
    inputs, outputs = w.shape[1], w.shape[0] // group
    parts = [
        np.tensordot(places[:, g * inputs : (g + 1) * inputs], w[g * outputs : (g + 1) * outputs], axes=over)
        for g in range(group)
    ]
    return np.moveaxis(np.concatenate(parts, axis=-1), -1, 1)


def _codes(values: ArrayLike) -> _Array:
    given = np.asarray(values)
    if integers.of_dtype(given.dtype).bits > 16:
        raise ValueError(f"got codes of {given.dtype.name}, should have at most 16 bits")
    return given.astype(np.int64)


def _row_zero_points(a: ArrayLike, zero_point: ArrayLike) -> _Array:
    return per_row(_within(a, zero_point), np.asarray(a))


def _column_zero_points(b: ArrayLike, zero_point: ArrayLike) -> _Array:
    return per_column(_within(b, zero_point), np.asarray(b))


def _scalar_zero_point(x: ArrayLike, zero_point: ArrayLike) -> _Array:
    given = _within(x, zero_point)
    if given.size != 1:
        raise ValueError(f"got a zero point of shape {given.shape}, should be a scalar")
    return given.reshape(())


def _channel_zero_points(w: ArrayLike, zero_point: ArrayLike) -> _Array:
    given, weights = _within(w, zero_point), np.asarray(w)
    if given.size == 1:
        return given.reshape(())
    if given.shape != weights.shape[:1]:
        raise ValueError(
            f"got a zero point of shape {given.shape}, should be a scalar or one for each of {weights.shape[:1]}"
        )
    return given.reshape(-1, *(1,) * (weights.ndim - 1))


def _within(codes: ArrayLike, zero_point: ArrayLike) -> _Array:
    return affine.checked_zero_points(zero_point, integers.of_dtype(np.asarray(codes).dtype))
