"""QuantizeLinear to integers, opsets 10 to 25.

y = saturate(round(x / y_scale) + y_zero_point), ties to even. From opset 23 the division is in the type of y_scale;
before, the specification leaves it open. Bound: 0 LSB from the quotient in the type of x, and before opset 23 of a
16-bit float type also from the one in float32.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st

from pytest_qparity.checks.conformance.kernel import Kernel
from pytest_qparity.checks.conformance.operators.drawing import (
    FLOATS,
    KINDS,
    WITHOUT_CHANGE,
    Graph,
    element_traits,
    integers_expected,
    layout_attributes,
    shape_traits,
    types_at,
)
from pytest_qparity.quantmath import affine, strategies

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_qparity.checks.conformance.example import Example
    from pytest_qparity.quantmath.integers import IntegerType

__all__ = ["kernels"]

_DIVISION_IS_STATED = 23


def kernels() -> Iterator[Kernel]:
    for opset in (10, 13, 15, 18, 19, 20, 21, 22, 23, 24, 25):
        for source in FLOATS if opset in (19, 21, 25) else ("fp32",):
            for target in types_at(opset):
                for granularity in KINDS:
                    if granularity == "blocked" and opset < 21:
                        continue
                    if source != "fp32" and (granularity == "blocked" or target.bits != 8):
                        continue
                    if opset == 24 and target.bits != 8:  # what it changed is float8e8m0 scales
                        continue
                    if opset in (10, *WITHOUT_CHANGE) and (target.name != "int8" or granularity == "blocked"):
                        continue
                    if opset == 10 and granularity != "per_tensor":
                        continue
                    yield Kernel(
                        f"quantize_linear-{source}_{target.name}-{granularity}-opset{opset}",
                        "QuantizeLinear",
                        f"{source} → {target.name}",
                        opset,
                        partial(examples, target, source, granularity, opset),
                    )


@st.composite
def examples(draw: st.DrawFn, target: IntegerType, source: str, granularity: str, opset: int) -> Example:
    dtype = FLOATS[source]
    drawn = draw(strategies.quantizations(target, dtype, kind=KINDS[granularity]))
    graph = Graph()
    inputs = (
        graph.feed("x", drawn.values),
        graph.constant("scale", drawn.scale),
        graph.constant("zero_point", drawn.zero_point),
    )
    graph.node("QuantizeLinear", inputs, "y", **layout_attributes(drawn.layout))
    candidates = [_quantized(drawn, dtype)]
    if opset < _DIVISION_IS_STATED and dtype != np.float32:
        candidates.append(_quantized(drawn, np.dtype(np.float32)))
    nan = np.isnan(drawn.values.astype(np.float32))  # no integer stands for it: the specification leaves it open
    graph.output("y", integers_expected(candidates, target.dtype, element_traits(drawn), nan))
    return graph.example(*shape_traits(drawn.values.shape, drawn.layout))


def _quantized(drawn: strategies.Quantization, dtype: np.dtype[Any]) -> Any:
    wide = drawn.values.astype(np.float32)
    values, scale = np.where(np.isnan(wide), np.float32(0.0), wide).astype(dtype), drawn.scale.astype(dtype)
    return affine.quantize(values, scale, drawn.zero_point, drawn.type, drawn.layout)
