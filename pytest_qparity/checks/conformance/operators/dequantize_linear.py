"""DequantizeLinear from integers, opsets 10 to 25.

y = (x − x_zero_point) · x_scale. The difference of integers of up to 16 bits is exact in float32; of 8 bits it is in
float16 and bfloat16 as well, and its product with a 16-bit float is exact in float32, so that one rounding is all there
is. Bound: 0 ULP. An int32 input may be rounded to float32 before the product: both results, and what lies between.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import strategies as st

from pytest_qparity.checks.conformance.example import Example, Expected
from pytest_qparity.checks.conformance.kernel import Kernel
from pytest_qparity.checks.conformance.operators.departures import dequantized_apart
from pytest_qparity.checks.conformance.operators.drawing import (
    FLOATS,
    KINDS,
    WITHOUT_CHANGE,
    Graph,
    layout_attributes,
    shape_traits,
    types_at,
)
from pytest_qparity.checks.conformance.rounding import float_spacing
from pytest_qparity.quantmath import affine, strategies
from pytest_qparity.quantmath import layout as layouts
from pytest_qparity.quantmath.integers import INT32, IntegerType

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["kernels"]


def kernels() -> Iterator[Kernel]:
    for opset in (10, 13, 15, 18, 19, 20, 21, 22, 23, 24, 25):
        for target in FLOATS if opset in (19, 21, 25) else ("fp32",):
            for source in (*types_at(opset), INT32):
                for granularity in KINDS:
                    if granularity == "blocked" and (opset < 21 or source is INT32):
                        continue
                    if target != "fp32" and (granularity == "blocked" or source.bits != 8):
                        continue
                    if opset == 24 and source.bits != 8:  # what it changed is float8e8m0 scales
                        continue
                    if opset in (10, *WITHOUT_CHANGE) and (source.name != "int8" or granularity == "blocked"):
                        continue
                    if opset == 10 and granularity != "per_tensor":
                        continue
                    yield Kernel(
                        f"dequantize_linear-{source.name}_{target}-{granularity}-opset{opset}",
                        "DequantizeLinear",
                        f"{source.name} → {target}",
                        opset,
                        partial(examples, source, target, granularity),
                    )


@st.composite
def examples(draw: st.DrawFn, source: IntegerType, target: str, granularity: str) -> Example:
    shape, layout = draw(strategies.laid_out(KINDS[granularity]))
    parameters = layouts.parameter_shape(shape, layout)
    codes = draw(strategies.integer_tensors(source, shape))
    scale = draw(strategies.scales(FLOATS[target], parameters))
    graph = Graph()
    # A weight: what engines pack and fold. Activations go the same way behind QuantizeLinear in the fused patterns.
    as_constant = source.bits < 8 or draw(st.booleans())
    x = graph.constant("x", codes) if as_constant else graph.feed("x", codes)
    inputs = [x, graph.constant("scale", scale)]
    zero_point = np.zeros(parameters, source.dtype)
    if source is not INT32:  # whose zero point is 0, if there is one
        zero_point = draw(strategies.zero_points(source, parameters))
        inputs.append(graph.constant("zero_point", zero_point))
    graph.node("DequantizeLinear", tuple(inputs), "y", **layout_attributes(layout))
    graph.output("y", _expected(codes, scale, zero_point, layout))
    return graph.example(*shape_traits(shape, layout), *(["constant"] if as_constant else []))


def _expected(codes: np.ndarray, scale: np.ndarray, zero_point: np.ndarray, layout: layouts.Layout) -> Expected:
    exact = affine.dequantize(codes, scale, zero_point, layout).astype(np.float64)
    spread = layouts.spread(scale, codes.shape, layout)
    rounded_twice = (codes.astype(np.float32) * spread.astype(np.float32)).astype(np.float64)
    other = rounded_twice if codes.dtype == np.int32 else exact
    traits = {
        "zero_point": layouts.spread(zero_point.astype(np.int64), codes.shape, layout) != 0,
        "subnormal": (np.abs(exact) < float(np.finfo(np.float32).smallest_normal)) & (exact != 0),
    }
    unit = float_spacing(exact, scale.dtype)
    instead = dequantized_apart(codes, scale, zero_point, layout, scale.dtype)
    lowest, highest = np.minimum(exact, other), np.maximum(exact, other)
    return Expected(lowest, highest, unit, scale.dtype, traits=traits, instead=instead)
