"""MatMulNBits (ContribOperators.md): weights of 4 bits at accuracy levels 0, 1 and 4; its options: weights of 2 and 8
bits, activations of float16 and bfloat16, levels 2 and 3, zero points of a float type, a bias, one column, weights that
are left out.

Bound: float32 sums of products in any order. Weights may be rounded to the type of the activations, as DequantizeLinear
does, and the output is. At accuracy levels 2 and 3 the activations may be rounded to float16 and bfloat16. At level 4
they "can be quantized with the same block_size to int8": the bound goes from the product of the float activations to
that of the int8 ones, S = max|a| / 127 of each block and round(a / S), as MLAS computes them; ONNX Runtime 1.32 is
within the roundings of the second (x86-64, AVX-512 with VNNI).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st

from pytest_qparity.checks.conformance.example import Array, Example, Expected
from pytest_qparity.checks.conformance.kernel import Kernel
from pytest_qparity.checks.conformance.models import MICROSOFT
from pytest_qparity.checks.conformance.operators.drawing import FLOATS, Graph
from pytest_qparity.checks.conformance.operators.int8_activations import (
    GROUP,
    INT8_ACTIVATIONS,
    away_from_ties,
    int8_product,
)
from pytest_qparity.checks.conformance.rounding import FLOAT32, Real, float_spacing
from pytest_qparity.quantmath import packing, strategies
from pytest_qparity.quantmath.integers import UINT2, UINT4, UINT8, IntegerType

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["float_expected", "kernels"]

OPSET = 21
LARGEST_ACTIVATION = 8.0
LARGEST_SCALE = 2.0**-4  # 400 products of it, 255 steps and the largest activation are a float16
INT8_LEVEL = 4
_ROUNDED_AT_LEVEL = {2: FLOATS["fp16"], 3: FLOATS["bf16"]}


@dataclass(frozen=True, slots=True)
class Options:
    """`zeros` is "none" (2^(bits − 1) for all), "packed" or "float"."""

    weights: IntegerType = UINT4
    block: int = 32
    level: int = 0
    zeros: str = "packed"
    floats: str = "fp32"
    has_bias: bool = False
    columns: int | None = None  # None: any
    omits_weights: bool = False


def kernels() -> Iterator[Kernel]:
    default = Options()
    for block in (16, 32, 128):
        for level in (0, 1, INT8_LEVEL):
            for zeros in ("none", "packed"):
                yield _kernel(Options(block=block, level=level, zeros=zeros))
    for weights, zeros in ((UINT2, "packed"), (UINT8, "none"), (UINT8, "packed")):
        yield _kernel(Options(weights=weights, zeros=zeros))
    yield _kernel(replace(default, block=64))
    for level in _ROUNDED_AT_LEVEL:
        yield _kernel(replace(default, level=level))
    for floats in ("fp16", "bf16"):
        yield _kernel(replace(default, floats=floats), floats)
    for weights, floats in ((UINT4, "fp32"), (UINT8, "fp32"), (UINT4, "fp16")):
        yield _kernel(Options(weights=weights, floats=floats, zeros="float"), floats)
    yield _kernel(replace(default, has_bias=True), "bias")
    yield _kernel(replace(default, columns=1), "one_column")
    yield _kernel(replace(default, omits_weights=True), "omitted")


def _kernel(options: Options, end: str = "") -> Kernel:
    zeros = {"none": "symmetric", "packed": "asymmetric", "float": "float_zeros"}[options.zeros]
    name = f"matmul_nbits-{options.weights.name}-block{options.block}-level{options.level}-{zeros}"
    types = f"{options.floats} × {options.weights.name}, level {options.level}"
    identity = "-".join(filter(None, (name, end, f"opset{OPSET}")))
    return Kernel(identity, f"{MICROSOFT}.MatMulNBits", types, OPSET, partial(examples, options))


@st.composite
def examples(draw: st.DrawFn, options: Options) -> Example:
    columns = draw(st.integers(1, 9)) if options.columns is None else options.columns
    block, dtype = options.block, FLOATS[options.floats]
    depth = draw(st.integers(1, max(2, 256 // block))) * block - draw(st.sampled_from((0, 0, 1, block // 2)))
    blocks = -(-depth // block)
    batch = draw(st.sampled_from(((), (2,))))
    a = draw(_activations(dtype, (*batch, draw(st.integers(1, 5)), depth)))
    if options.level == INT8_LEVEL:
        a = away_from_ties(a.reshape(-1, depth), block).reshape(a.shape)
    scale = draw(strategies.scales(np.float32, (columns, blocks)))
    scale = (np.minimum(scale, LARGEST_SCALE) if dtype == np.float16 else scale).astype(dtype)
    drawn = draw(strategies.integer_tensors(options.weights, (columns * min(depth, 200),)))
    codes = np.resize(drawn, (columns, blocks * block))
    codes[:, depth:] = 0
    graph = Graph()
    inputs = [
        graph.feed("a", a),
        graph.constant("b", _bytes_of(codes).reshape(columns, blocks, -1)),
        graph.constant("scales", scale.reshape(-1)),
    ]
    zero = np.full((columns, blocks), options.weights.levels // 2, np.float64)
    if options.zeros == "packed":
        drawn_zeros = draw(strategies.zero_points(options.weights, (columns, blocks)))
        zero = drawn_zeros.astype(np.float64)
        inputs.append(graph.constant("zeros", np.concatenate([_bytes_of(row) for row in drawn_zeros])))
    elif options.zeros == "float":  # not a code: halves of one
        zero = draw(strategies.zero_points(UINT8, (columns, blocks))).astype(np.float64) % options.weights.levels / 2.0
        inputs.append(graph.constant("zeros", zero.astype(dtype)))
    real = _product(options, a, codes, scale, zero)
    groups, blockwise = (_int8_product(options, each, a, codes, scale, zero) for each in (min(block, GROUP), block))
    if options.omits_weights:  # by an axis of size 0: the output is zeros
        shape = list(graph.constants["b"].shape)
        shape[draw(st.integers(0, 2))] = 0
        graph.constants["b"] = np.zeros(shape, np.uint8)
        real = groups = blockwise = Real.exact(np.zeros(real.value.shape))
    if options.has_bias:
        bias = draw(_activations(dtype, (columns,)))
        inputs += [""] * (5 - len(inputs)) + [graph.constant("bias", bias)]
        real, groups, blockwise = (each + Real.exact(bias.astype(np.float64)) for each in (real, groups, blockwise))
    attributes = {"K": depth, "N": columns, "bits": options.weights.bits, "block_size": block}
    graph.node("MatMulNBits", tuple(inputs), "y", MICROSOFT, accuracy_level=options.level, **attributes)
    expected = float_expected(real, dtype)
    if options.level == INT8_LEVEL:
        expected = _between(expected, float_expected(blockwise, dtype))
    graph.output("y", replace(expected, instead={INT8_ACTIVATIONS: (float_expected(groups, dtype),)}))
    return graph.example()


@st.composite
def _activations(draw: st.DrawFn, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Array:
    values = draw(strategies.tensors(np.float32, shape, scale=0.05, finite=True))
    return np.clip(values, -LARGEST_ACTIVATION, LARGEST_ACTIVATION).astype(dtype)


def _product(options: Options, a: Array, codes: Array, scale: Array, zero: Array) -> Real:
    dtype, depth = FLOATS[options.floats], a.shape[-1]
    spread = (np.repeat(each.astype(np.float64), options.block, axis=1)[:, :depth] for each in (scale, zero))
    weights = Real.dequantized(codes[:, :depth].astype(np.float64), *spread)
    weights = Real(weights.value, weights.error + _rounding_to(weights.value, dtype))
    wide = a.astype(np.float64)
    rounded = _ROUNDED_AT_LEVEL.get(options.level, np.dtype(np.float32))
    activations = Real(wide, _rounding_to(wide, rounded))
    return activations.matmul(weights.mapped(np.transpose))


def _int8_product(options: Options, group: int, a: Array, codes: Array, scale: Array, zero: Array) -> Real:
    """The product with activations that are rounded to int8 in groups along K: an engine may at level 4, in groups of
    the block's size, and one does at every level."""
    depth, rows = a.shape[-1], a.reshape(-1, a.shape[-1])
    scales, zeros = (np.repeat(each.astype(np.float64), options.block, axis=1)[:, :depth].T for each in (scale, zero))
    product = int8_product(rows, codes[:, :depth].T, scales, zeros, group)
    return product.mapped(lambda array: array.reshape(*a.shape[:-1], -1))


def _between(one: Expected, other: Expected) -> Expected:
    """From what the one allows to what the other does."""
    lowest, highest = np.minimum(one.lowest, other.lowest), np.maximum(one.highest, other.highest)
    return replace(one, lowest=lowest, highest=highest)


def _rounding_to(values: Array, dtype: np.dtype[Any]) -> Array:
    """How far rounding to a type moves values; nothing where it is float32, whose roundings are counted elsewhere."""
    return np.zeros(values.shape) if dtype == np.float32 else 0.5 * float_spacing(values, dtype)


def _bytes_of(codes: Array) -> Array:
    """Codes of fewer than 8 bits packed, padded to whole bytes; 8-bit codes are their own bytes."""
    return codes.reshape(-1) if codes.dtype == np.uint8 else packing.pack(codes)


def float_expected(real: Real, dtype: np.dtype[Any]) -> Expected:
    """Of a float type: what float32 values within the error are rounded to, which is monotone."""
    if dtype == np.float32:
        return real.as_float32()
    slack = real.error + FLOAT32 * np.abs(real.value)
    lowest, highest = ((real.value + side * slack).astype(dtype).astype(np.float64) for side in (-1.0, 1.0))
    return Expected(lowest, highest, float_spacing(real.value, dtype), dtype)
