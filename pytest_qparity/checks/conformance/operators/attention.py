"""QAttention's options (ContribOperators.md: QAttention, and Attention for what it says of masks and past).

softmax(q · kᵀ · scale + mask) · v of q, k, v = x · w + b, x and w quantized, and all behind the products in float32.
What is masked has no part: mask_filter_value puts its score 10,000 below the others, and its share in float32 is 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st

from pytest_qparity.checks.conformance.example import Node
from pytest_qparity.checks.conformance.kernel import Kernel
from pytest_qparity.checks.conformance.models import MICROSOFT
from pytest_qparity.checks.conformance.operators import products
from pytest_qparity.checks.conformance.operators.drawing import Graph
from pytest_qparity.checks.conformance.rounding import Real
from pytest_qparity.quantmath import strategies
from pytest_qparity.quantmath.integers import INT8, UINT8

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_qparity.checks.conformance.example import Array, Example

__all__ = ["kernels"]

OPSET = 21
HEAD = 4
BELOW = 10_000.0  # −mask_filter_value


@dataclass(frozen=True, slots=True)
class Options:
    """`mask` is "none", "ends" (batch,), "spans" (2 · batch,): ends and then starts, or "raw" (batch, all tokens)."""

    mask: str = "none"
    is_unidirectional: bool = False
    has_past: bool = False
    is_per_column: bool = False
    scale: float | None = None


def kernels() -> Iterator[Kernel]:
    kinds = {
        "mask_ends": Options(mask="ends"),
        "mask_spans": Options(mask="spans"),
        "mask_raw": Options(mask="raw"),
        "unidirectional": Options(is_unidirectional=True),
        "past": Options(has_past=True, is_unidirectional=True, mask="raw"),
        "per_axis": Options(is_per_column=True, scale=0.75),
    }
    for name, options in kinds.items():
        make = partial(examples, options)
        yield Kernel(f"qattention-u8s8-{name}-opset{OPSET}", f"{MICROSOFT}.QAttention", "uint8 × int8", OPSET, make)


@st.composite
def examples(draw: st.DrawFn, options: Options) -> Example:
    batch, tokens, heads = draw(st.integers(1, 2)), draw(st.integers(1, 5)), draw(st.sampled_from((1, 2)))
    before = draw(st.integers(1, 3)) if options.has_past else 0
    hidden = heads * HEAD
    x = draw(strategies.integer_tensors(UINT8, (batch, tokens, hidden)))
    w = draw(strategies.integer_tensors(INT8, (hidden, 3 * hidden)))
    per = (3 * hidden,) if options.is_per_column else ()
    x_scale, x_zero = np.asarray(np.float32(0.01)), draw(strategies.zero_points(UINT8))
    w_scale = (np.float32(0.004) / (1 + draw(strategies.zero_points(UINT8, per)) % 3)).astype(np.float32)
    w_zero = draw(strategies.zero_points(INT8, per))
    bias = (draw(strategies.integer_tensors(INT8, (3 * hidden,))) * 0.01).astype(np.float32)
    mask = draw(_masks(options.mask, batch, before + tokens))
    graph = Graph()
    inputs = [
        graph.feed("x", x),
        graph.constant("w", w),
        graph.constant("bias", bias),
        graph.constant("x_scale", x_scale),
        graph.constant("w_scale", np.asarray(w_scale)),
        "" if mask is None else graph.feed("mask", mask),
        graph.constant("x_zero", x_zero),
        graph.constant("w_zero", w_zero),
    ]
    attributes: dict[str, Any] = {"num_heads": heads, "unidirectional": int(options.is_unidirectional)}
    if options.scale is not None:
        attributes["scale"] = options.scale
    product = Real.dequantized(x, x_scale, x_zero).matmul(Real.dequantized(w, w_scale, w_zero)) + Real.exact(bias)
    q, k, v = (product.mapped(partial(products.head_of, part=part, heads=heads)) for part in range(3))
    if options.has_past:
        past = (draw(strategies.integer_tensors(INT8, (2, batch, heads, before, HEAD))) * 0.01).astype(np.float32)
        inputs.append(graph.feed("past", past))
        k, v = (_behind(past[part], each) for part, each in enumerate((k, v)))
    graph.nodes.append(
        Node("QAttention", tuple(inputs), ("y", "present") if options.has_past else ("y",), attributes, MICROSOFT)
    )
    factor = 1.0 / np.sqrt(HEAD) if options.scale is None else float(np.float32(options.scale))
    scores = q.matmul(k.mapped(lambda array: np.swapaxes(array, -1, -2))) * Real.exact(factor)
    hides = _hidden(options, mask, (batch, tokens, before))
    masked = scores + Real.exact(np.where(hides[:, np.newaxis], -BELOW, 0.0))
    attended = masked.softmax().matmul(v)
    joined = attended.mapped(lambda array: array.transpose(0, 2, 1, 3).reshape(batch, tokens, hidden))
    graph.output("y", joined.as_float32())
    if options.has_past:
        graph.output("present", Real.gathered(np.stack, (k, v)).as_float32())
    return graph.example()


@st.composite
def _masks(draw: st.DrawFn, kind: str, batch: int, tokens: int) -> Array | None:
    """int32; each sequence keeps one token at least, and a raw mask its first."""
    if kind == "none":
        return None
    if kind == "raw":
        mask = draw(strategies.integer_tensors(UINT8, (batch, tokens))).astype(np.int32) % 2
        mask[:, 0] = 1
        return np.asarray(mask)
    starts = [draw(st.integers(0, tokens - 1)) if kind == "spans" else 0 for _ in range(batch)]
    ends = [draw(st.integers(start + 1, tokens)) for start in starts]
    return np.asarray(ends + starts if kind == "spans" else ends, np.int32)


def _hidden(options: Options, mask: Array | None, sizes: tuple[int, int, int]) -> Array:
    """(batch, tokens, all tokens): which keys a query does not see."""
    batch, tokens, before = sizes
    place = np.arange(before + tokens)
    hides = np.zeros((batch, tokens, before + tokens), bool)
    if options.is_unidirectional:
        hides |= place > place[before:, np.newaxis]
    if mask is None:
        return hides
    if options.mask == "raw":
        return np.asarray(hides | (mask == 0)[:, np.newaxis])
    starts = mask[batch:] if options.mask == "spans" else np.zeros(batch, np.int32)
    seen = (place < mask[:batch, np.newaxis]) & (place >= starts[:, np.newaxis])
    return np.asarray(hides | ~seen[:, np.newaxis])


def _behind(past: Array, real: Real) -> Real:
    return Real.gathered(partial(np.concatenate, axis=2), (Real.exact(past), real))
