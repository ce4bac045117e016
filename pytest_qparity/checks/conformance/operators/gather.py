"""GatherBlockQuantized of com.microsoft: rows of a table of blocked codes, dequantized (ContribOperators.md).

(q − Z)·S rounded once, an index out of range gives zeros. Bound: 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import strategies as st

from pytest_qparity.checks.conformance.kernel import Kernel
from pytest_qparity.checks.conformance.models import MICROSOFT
from pytest_qparity.checks.conformance.operators.drawing import FLOATS, Graph, floats_expected
from pytest_qparity.quantmath import affine, packing, strategies
from pytest_qparity.quantmath.integers import INT4, UINT4, UINT8, IntegerType
from pytest_qparity.quantmath.layout import Blocked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_qparity.checks.conformance.example import Example

__all__ = ["kernels"]

OPSET = 21


@dataclass(frozen=True, slots=True)
class Options:
    """`is_packed`: codes of fewer than 8 bits in tensors of uint8, the first in the low bits."""

    codes: IntegerType
    floats: str
    is_packed: bool


def kernels() -> Iterator[Kernel]:
    for options, name in (
        (Options(INT4, "fp32", False), "int4_fp32"),
        (Options(UINT4, "fp32", True), "uint8_of_uint4_fp32"),
        (Options(UINT8, "fp16", True), "uint8_fp16"),
    ):
        yield Kernel(
            f"gather_block_quantized-{name}-opset{OPSET}",
            f"{MICROSOFT}.GatherBlockQuantized",
            f"{options.codes.name} → {options.floats}",
            OPSET,
            partial(examples, options),
        )


@st.composite
def examples(draw: st.DrawFn, options: Options) -> Example:
    """A table (rows, columns) in blocks of 16 or 32 columns, and indices of any shape, negative ones too."""
    rows, block = draw(st.integers(1, 9)), draw(st.sampled_from((16, 32)))
    columns = block * draw(st.integers(1, 3))
    codes = draw(strategies.integer_tensors(options.codes, (rows, columns)))
    scale = draw(strategies.scales(FLOATS[options.floats], (rows, columns // block)))
    shape = draw(st.sampled_from(((), (3,), (2, 2))))
    indices = np.asarray(draw(strategies.integer_tensors(UINT8, shape)).astype(np.int64) % (2 * rows) - rows)
    graph = Graph()
    inputs = [graph.constant("data", codes), graph.feed("indices", indices), graph.constant("scales", scale)]
    default = options.codes.levels // 2 if options.is_packed else 0
    zero = np.full(scale.shape, default).astype(options.codes.dtype)
    if draw(st.booleans()):
        zero = draw(strategies.zero_points(options.codes, scale.shape))
        inputs.append(graph.constant("zeros", zero))
    if options.is_packed and options.codes.bits < 8:
        for name in graph.constants.keys() & {"data", "zeros"}:
            graph.constants[name] = np.stack([packing.pack(row) for row in graph.constants[name]])
    attributes = {"block_size": block, "quantize_axis": 1, "gather_axis": 0, "bits": options.codes.bits}
    graph.node("GatherBlockQuantized", tuple(inputs), "y", MICROSOFT, **attributes)
    table = affine.dequantize(codes, scale, zero, Blocked(1, block))
    graph.output("y", floats_expected(table[indices].astype(np.float64), table.dtype, {}))
    return graph.example()
