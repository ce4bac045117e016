"""QuantizeLinear and DequantizeLinear of float8 (opset 19) and float4e2m1 (opset 23).

Quantize: the quotient x / y_scale in the type of x, cast as Cast does it (`saturate`), with no zero point but 0.
Dequantize: x · x_scale, one rounding, since products of these types with a float32 are not exact. Bound: 0 ULP.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import strategies as st

from pytest_qparity.checks.conformance.kernel import Kernel
from pytest_qparity.checks.conformance.operators.cast import FLOAT8, SATURATION, every_code, format_expected
from pytest_qparity.checks.conformance.operators.drawing import (
    KINDS,
    Graph,
    floats_expected,
    layout_attributes,
    shape_traits,
)
from pytest_qparity.quantmath import floats, strategies
from pytest_qparity.quantmath import layout as layouts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_qparity.checks.conformance.example import Example

__all__ = ["kernels"]

# Of the formats with the most versions and settings, one granularity an opset: 8 × 3 kernels instead of 8 × 8.
_GRANULARITIES = {19: ("per_tensor",), 21: ("per_axis",), 23: ("per_tensor",), 25: ("blocked",)}


def kernels() -> Iterator[Kernel]:
    for opset, granularities in _GRANULARITIES.items():
        for granularity in granularities:
            for small in (*FLOAT8, *([floats.E2M1] if opset >= 23 else [])):
                for saturate in SATURATION if small is not floats.E2M1 else (None,):
                    middle = f"-{saturate}" if saturate else ""
                    yield Kernel(
                        f"quantize_linear-fp32_{small.name}{middle}-{granularity}-opset{opset}",
                        "QuantizeLinear",
                        f"fp32 → {small.name}",
                        opset,
                        partial(quantize_examples, small, saturate, granularity, opset),
                    )
                yield Kernel(
                    f"dequantize_linear-{small.name}_fp32-{granularity}-opset{opset}",
                    "DequantizeLinear",
                    f"{small.name} → fp32",
                    opset,
                    partial(dequantize_examples, small, granularity),
                )


@st.composite
def quantize_examples(
    draw: st.DrawFn, small: floats.FloatFormat, saturate: str | None, granularity: str, opset: int
) -> Example:
    shape, layout, scale = draw(_parameters(granularity))
    spread = layouts.spread(scale, shape, layout)
    values = draw(strategies.format_tensors(small, np.float32, shape, scale=spread))
    graph = Graph()
    zero = graph.constant("zero_point", np.zeros(scale.shape, np.uint8).view(small.dtype))
    attributes = layout_attributes(layout) | ({} if saturate is None else {"saturate": int(saturate[-1])})
    graph.node("QuantizeLinear", (graph.feed("x", values), graph.constant("scale", scale), zero), "y", **attributes)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        quotient = values / spread
    graph.output("y", format_expected(quotient, small, SATURATION[saturate or "saturate1"], opset))
    return graph.example(*shape_traits(shape, layout))


@st.composite
def dequantize_examples(draw: st.DrawFn, small: floats.FloatFormat, granularity: str) -> Example:
    shape, layout, scale = draw(_parameters(granularity))
    size = int(np.prod(shape))
    codes = np.resize(every_code(2**small.bits, draw(st.integers(0, 2**small.bits - 1))), size).reshape(shape)
    graph = Graph()
    inputs = (graph.constant("x", codes.view(small.dtype)), graph.constant("scale", scale))
    graph.node("DequantizeLinear", inputs, "y", **layout_attributes(layout))
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        exact = (small.decode(codes) * layouts.spread(scale.astype(np.float64), shape, layout)).astype(np.float32)
    wide = exact.astype(np.float64)
    traits = {"nan": np.isnan(wide), "infinite": np.isinf(wide), "negative_zero": (wide == 0) & np.signbit(wide)}
    graph.output("y", floats_expected(wide, exact.dtype, traits))
    return graph.example(*shape_traits(shape, layout), "constant")


@st.composite
def _parameters(draw: st.DrawFn, granularity: str) -> tuple[tuple[int, ...], layouts.Layout, np.ndarray]:
    shape, layout = draw(strategies.laid_out(KINDS[granularity]))
    return shape, layout, draw(strategies.scales(np.float32, layouts.parameter_shape(shape, layout)))
