"""MatMulBnb4 of com.microsoft: activations of float32, weights of NF4 or FP4 as bitsandbytes stores them.

Bound: float32 sums of products in any order, each weight rounded once.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import strategies as st

from pytest_qparity.checks.conformance.kernel import Kernel
from pytest_qparity.checks.conformance.models import MICROSOFT
from pytest_qparity.checks.conformance.operators.drawing import Graph
from pytest_qparity.checks.conformance.rounding import Real, gamma
from pytest_qparity.quantmath import bnb4, strategies
from pytest_qparity.quantmath.bnb4 import Bnb4Table
from pytest_qparity.quantmath.integers import UINT4

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_qparity.checks.conformance.example import Example

__all__ = ["kernels"]

OPSET = 21
_QUANT_TYPES = {Bnb4Table.FP4: 0, Bnb4Table.NF4: 1}


def kernels() -> Iterator[Kernel]:
    for table, block, transposes, end in (
        (Bnb4Table.NF4, 16, 1, ""),
        (Bnb4Table.FP4, 64, 1, ""),
        (Bnb4Table.NF4, 32, 0, "-not_transposed"),
    ):
        name = table.name.lower()
        yield Kernel(
            f"matmul_bnb4-{name}-block{block}{end}-opset{OPSET}",
            f"{MICROSOFT}.MatMulBnb4",
            f"fp32 × {name}",
            OPSET,
            partial(examples, table, block, transposes),
        )


@st.composite
def examples(draw: st.DrawFn, table: Bnb4Table, block: int, transposes: int) -> Example:
    """a (…, K) times the transpose of b (N, K), or a (…, N) times b; blocks run on from row to row of b."""
    columns, depth = draw(st.integers(1, 9)), draw(st.integers(1, 5)) * draw(st.sampled_from((16, 7, 8)))
    if not transposes:  # b has at least as many rows as columns: who transposes it nevertheless reads b alone
        columns, depth = 8 + columns, draw(st.integers(2, 8))
    batch = draw(st.sampled_from(((), (2,))))
    inner = depth if transposes else columns
    a = draw(strategies.tensors(np.float32, (*batch, draw(st.integers(1, 4)), inner), scale=0.05, finite=True))
    a = np.clip(a, -8.0, 8.0).astype(np.float32)
    codes = draw(strategies.integer_tensors(UINT4, (columns, depth))).astype(np.uint8)
    absmax = draw(strategies.scales(shape=(-(-codes.size // block),)))
    graph = Graph()
    inputs = (graph.feed("a", a), graph.constant("b", bnb4.pack_bnb4(codes)), graph.constant("absmax", absmax))
    attributes = {"K": depth, "N": columns, "block_size": block, "quant_type": _QUANT_TYPES[table]}
    graph.node("MatMulBnb4", inputs, "y", MICROSOFT, transB=transposes, **attributes)
    values = bnb4.dequantize_bnb4(codes, absmax, table, block).astype(np.float64)
    weights = Real(values, gamma(1) * np.abs(values))
    product = Real.exact(a).matmul(weights.mapped(np.transpose) if transposes else weights)
    graph.output("y", product.as_float32())
    return graph.example(*([] if transposes else ["not_transposed"]))
