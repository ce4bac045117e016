"""Integer arithmetic and indexing that C++ leaves undefined: kernels that divide or read before they look."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import DTypeLike
from onnx import ModelProto, TensorProto

from tests.faults.hostile.building import (
    FLOAT,
    INT32,
    INT64,
    UINT8,
    array,
    from_float,
    from_shape,
    int64,
    ints,
    model,
    node,
    to_float,
)
from tests.faults.hostile.entry import of_model

_entry = partial(of_model, "arithmetic")
_LOWEST = -(1 << 31)
_FAR = 1 << 40


def _integer(
    operator: str, right: Any, element: int = INT32, dtype: DTypeLike = np.int32, **attributes: Any
) -> ModelProto:
    """y = float(int(x) ∘ right), where int(x) is not known before the run."""
    return model(
        [from_float("a", element), node(operator, "a right", "z", **attributes), to_float("z")],
        array("right", right, dtype),
    )


def _constant(operator: str, left: int, right: int, **attributes: Any) -> ModelProto:
    """x + float(left ∘ right), which the optimizer computes while it loads the file."""
    return model(
        [node(operator, "left right", "z", **attributes), node("Cast", "z", "f", to=FLOAT), node("Add", "x f", "y")],
        array("left", left, np.int32),
        array("right", right, np.int32),
    )


def _lowest_by_minus_one(operator: str, **attributes: Any) -> ModelProto:
    """(0 · int(x) + −2³¹) ∘ −1 overflows; on x86 the instruction traps."""
    return model(
        [
            from_float("a", INT32),
            node("Mul", "a nothing", "b"),
            node("Add", "b lowest", "c"),
            node(operator, "c right", "z", **attributes),
            to_float("z"),
        ],
        array("nothing", 0, np.int32),
        array("lowest", _LOWEST, np.int32),
        array("right", -1, np.int32),
    )


def _gathered(operator: str, index: Any, **attributes: Any) -> ModelProto:
    return model([node(operator, "x index", "y", **attributes)], array("index", index, np.int64))


def _gathered_at_run_time(operator: str, factor: int) -> ModelProto:
    """The index is int(x) · factor: no pass can check it while loading."""
    return model(
        [from_float("a", INT64), node("Mul", "a factor", "index"), node(operator, "x index", "y", axis=1)],
        int64("factor", factor),
    )


def _scattered(operator: str, index: Any, **attributes: Any) -> ModelProto:
    indices = array("index", index, np.int64)
    updates = array("updates", np.ones(np.asarray(index).shape if operator != "ScatterND" else 1))
    return model([node(operator, "x index updates", "y", **attributes)], indices, updates)


def _sliced(starts: int, ends: int, steps: int, axes: int = 1) -> ModelProto:
    parameters = (ints("starts", starts), ints("ends", ends), ints("axes", axes), ints("steps", steps))
    return model([node("Slice", "x starts ends axes steps", "y")], *parameters)


def _reshaped(*shape: int, **attributes: Any) -> ModelProto:
    return model([node("Reshape", "x shape", "y", **attributes)], ints("shape", *shape))


def _one_hot(depth: int, *positions: int) -> ModelProto:
    return model(
        [
            node("OneHot", "index depth values", "hot"),
            node("ReduceSum", "hot", "total", keepdims=0),
            node("Add", "x total", "y"),
        ],
        ints("index", *positions),
        int64("depth", depth),
        array("values", [0.0, 1.0]),
    )


def _ranged(start: int, limit: int, step: int) -> ModelProto:
    return model(
        [
            node("Range", "start limit step", "r"),
            node("Cast", "r", "f", to=FLOAT),
            node("ReduceSum", "f", "t", keepdims=0),
            node("Add", "x t", "y"),
        ],
        int64("start", start),
        int64("limit", limit),
        int64("step", step),
    )


def _cast(element: int) -> ModelProto:
    """x · 10³⁸ does not fit any integer."""
    return model([node("Mul", "x huge", "v"), node("Cast", "v", "z", to=element), to_float("z")], array("huge", 1e38))


def _summed_by_sequence(lengths: list[int]) -> ModelProto:
    image, shape = from_shape("steps", (4, 1))
    return model(
        [image, node("ReverseSequence", "steps lengths", "y", batch_axis=1, time_axis=0)],
        shape,
        array("lengths", lengths, np.int64),
    )


INTEGERS = (
    _entry("div-int32-by-zero", "int32 / 0 at run time.", lambda: _integer("Div", 0)),
    _entry("div-int64-by-zero", "int64 / 0 at run time.", lambda: _integer("Div", 0, INT64, np.int64)),
    _entry("div-uint8-by-zero", "uint8 / 0 at run time.", lambda: _integer("Div", 0, UINT8, np.uint8)),
    _entry("div-one-zero-of-four", "int32 / (1, 1, 0, 1).", lambda: _integer("Div", [1, 1, 0, 1])),
    _entry("mod-int32-by-zero", "int32 mod 0 at run time.", lambda: _integer("Mod", 0)),
    _entry("mod-int64-by-zero", "int64 mod 0 at run time.", lambda: _integer("Mod", 0, INT64, np.int64)),
    _entry("mod-fmod-int32-by-zero", "int32 fmod 0 at run time.", lambda: _integer("Mod", 0, fmod=1)),
    _entry("div-constants-by-zero", "1 / 0 of int32 constants.", lambda: _constant("Div", 1, 0)),
    _entry("mod-constants-by-zero", "1 mod 0 of int32 constants.", lambda: _constant("Mod", 1, 0)),
    _entry("div-lowest-by-minus-one", "−2³¹ / −1 at run time.", lambda: _lowest_by_minus_one("Div")),
    _entry("mod-lowest-by-minus-one", "−2³¹ mod −1 at run time.", lambda: _lowest_by_minus_one("Mod")),
    _entry("div-constants-lowest", "−2³¹ / −1 of constants.", lambda: _constant("Div", _LOWEST, -1)),
    _entry("mod-constants-lowest", "−2³¹ mod −1 of constants.", lambda: _constant("Mod", _LOWEST, -1)),
    _entry("pow-negative", "int32 to the power −1.", lambda: _integer("Pow", -1)),
    _entry(
        "shift-by-200",
        "uint8 shifted by 200 bits.",
        lambda: _integer("BitShift", 200, UINT8, np.uint8, direction="LEFT"),
    ),
    _entry(
        "shift-sideways", "A shift to neither side.", lambda: _integer("BitShift", 1, UINT8, np.uint8, direction="UP")
    ),
    _entry("cast-overflow-int8", "10³⁸ cast to int8.", lambda: _cast(TensorProto.INT8)),
    _entry("cast-overflow-int64", "10³⁸ cast to int64.", lambda: _cast(INT64)),
    _entry("cast-overflow-bool", "10³⁸ cast to bool.", lambda: _cast(TensorProto.BOOL)),
)

INDICES = (
    _entry("gather-outside", "Gather of column 2⁴⁰ of 4.", lambda: _gathered("Gather", [_FAR], axis=1)),
    _entry("gather-negative", "Gather of column −2⁴⁰.", lambda: _gathered("Gather", [-_FAR], axis=1)),
    _entry(
        "gather-outside-at-run-time",
        "Gather of columns computed from x.",
        lambda: _gathered_at_run_time("Gather", 1 << 30),
    ),
    _entry("gather-axis", "Gather along axis 9.", lambda: _gathered("Gather", [0], axis=9)),
    _entry(
        "gather-elements-outside",
        "GatherElements of column 2⁴⁰.",
        lambda: _gathered("GatherElements", [[_FAR]], axis=1),
    ),
    _entry(
        "gather-elements-at-run-time",
        "GatherElements of columns computed from x.",
        lambda: _gathered_at_run_time("GatherElements", 1 << 30),
    ),
    _entry("gather-nd-outside", "GatherND of element (2⁴⁰, 2⁴⁰).", lambda: _gathered("GatherND", [[_FAR, _FAR]])),
    _entry("gather-nd-depth", "GatherND with 5 indices of a matrix.", lambda: _gathered("GatherND", [[0] * 5])),
    _entry("gather-nd-batch", "GatherND with batch_dims 9.", lambda: _gathered("GatherND", [[0, 0]], batch_dims=9)),
    _entry("gather-nd-nothing", "GatherND with 0 indices.", lambda: _gathered("GatherND", np.zeros((1, 0)))),
    _entry(
        "scatter-elements-outside",
        "ScatterElements into column 2⁴⁰.",
        lambda: _scattered("ScatterElements", [[_FAR]], axis=1),
    ),
    _entry("scatter-nd-outside", "ScatterND into element (2⁴⁰, 0).", lambda: _scattered("ScatterND", [[_FAR, 0]])),
    _entry("scatter-nd-depth", "ScatterND with 5 indices of a matrix.", lambda: _scattered("ScatterND", [[0] * 5])),
    _entry("slice-step-0", "Slice with step 0.", lambda: _sliced(0, 4, 0)),
    _entry("slice-step-lowest", "Slice with step −2⁶³.", lambda: _sliced(3, -(1 << 63), -(1 << 63))),
    _entry("slice-axis", "Slice along axis 9.", lambda: _sliced(0, 4, 1, axes=9)),
    _entry("slice-nothing", "Slice leaves nothing.", lambda: _sliced(3, 1, 1)),
    _entry(
        "reverse-sequence-lengths", "ReverseSequence of 4 steps with length 2⁴⁰.", lambda: _summed_by_sequence([_FAR])
    ),
    _entry("reverse-sequence-negative", "ReverseSequence with length −5.", lambda: _summed_by_sequence([-5])),
    _entry("one-hot-outside", "OneHot with positions outside the depth.", lambda: _one_hot(4, 0, 9, -9)),
    _entry("one-hot-depth-0", "OneHot of depth 0.", lambda: _one_hot(0, 0)),
    _entry("one-hot-depth-negative", "OneHot of depth −4.", lambda: _one_hot(-4, 0)),
    _entry("range-step-0", "Range with step 0.", lambda: _ranged(0, 10, 0)),
    _entry("range-overflow", "Range from −2⁶³ to 2⁶³ − 1.", lambda: _ranged(-(1 << 63), (1 << 63) - 1, 1)),
)

SHAPES = (
    _entry("reshape-other-count", "Reshape of 4 values to (3).", lambda: _reshaped(3)),
    _entry("reshape-two-minus-ones", "Reshape to (-1, -1).", lambda: _reshaped(-1, -1)),
    _entry("reshape-minus-two", "Reshape to (-2, -2).", lambda: _reshaped(-2, -2)),
    _entry("reshape-overflow", "Reshape to (2³², 2³²).", lambda: _reshaped(1 << 32, 1 << 32)),
    _entry("reshape-wraps-to-four", "Reshape to (2⁶² + 1, 4): 4 in 64 bits.", lambda: _reshaped((1 << 62) + 1, 4)),
    _entry("reshape-minus-one-and-zero", "Reshape to (-1, 0) with allowzero.", lambda: _reshaped(-1, 0, allowzero=1)),
    _entry("reshape-zero-beyond", "Reshape to (1, 4, 0): no third dimension to copy.", lambda: _reshaped(1, 4, 0)),
    _entry("reshape-rank-500", "Reshape to 500 dimensions.", lambda: _reshaped(*[1] * 499, 4)),
    _entry(
        "reshape-by-floats",
        "Reshape by a float shape.",
        lambda: model([node("Reshape", "x shape", "y")], array("shape", [1.0, 4.0])),
    ),
    _entry(
        "transpose-twice-0", "Transpose with perm (0, 0).", lambda: model([node("Transpose", "x", "y", perm=[0, 0])])
    ),
    _entry(
        "transpose-outside", "Transpose with perm (5, 0).", lambda: model([node("Transpose", "x", "y", perm=[5, 0])])
    ),
    _entry(
        "transpose-negative", "Transpose with perm (-1, 0).", lambda: model([node("Transpose", "x", "y", perm=[-1, 0])])
    ),
    _entry("squeeze-4", "Squeeze of an axis of 4.", lambda: model([node("Squeeze", "x axes", "y")], ints("axes", 1))),
    _entry(
        "unsqueeze-far", "Unsqueeze at axis 2⁴⁰.", lambda: model([node("Unsqueeze", "x axes", "y")], ints("axes", _FAR))
    ),
    _entry(
        "unsqueeze-twice",
        "Unsqueeze at axis 0 twice.",
        lambda: model([node("Unsqueeze", "x axes", "y")], ints("axes", 0, 0)),
    ),
    _entry("concat-axis", "Concat along axis 9.", lambda: model([node("Concat", "x x", "y", axis=9)])),
    _entry(
        "concat-ranks",
        "Concat of a matrix and a vector.",
        lambda: model([node("Concat", "x w", "y", axis=0)], array("w", [1.0] * 4)),
    ),
    _entry(
        "split-sum",
        "Split of 4 into 3 and 3.",
        lambda: model([node("Split", "x parts", "y z", axis=1)], ints("parts", 3, 3)),
    ),
    _entry(
        "split-negative",
        "Split of 4 into 5 and −1.",
        lambda: model([node("Split", "x parts", "y z", axis=1)], ints("parts", 5, -1)),
    ),
    _entry("split-into-0", "Split into 0 parts.", lambda: model([node("Split", "x", "y", axis=1, num_outputs=0)])),
    _entry(
        "split-into-1000",
        "Split of 4 into 1,000 parts.",
        lambda: model([node("Split", "x", "y z", axis=1, num_outputs=1000)]),
    ),
    _entry("flatten-axis", "Flatten at axis −9.", lambda: model([node("Flatten", "x", "y", axis=-9)])),
    _entry(
        "expand-mismatch",
        "Expand of (1, 4) to (3, 3).",
        lambda: model([node("Expand", "x shape", "y")], ints("shape", 3, 3)),
    ),
    _entry(
        "expand-negative", "Expand to (-3, 4).", lambda: model([node("Expand", "x shape", "y")], ints("shape", -3, 4))
    ),
    _entry(
        "tile-negative", "Tile by (−1, 1).", lambda: model([node("Tile", "x repeats", "y")], ints("repeats", -1, 1))
    ),
    _entry("tile-zero", "Tile by (0, 0).", lambda: model([node("Tile", "x repeats", "y")], ints("repeats", 0, 0))),
    _entry(
        "pad-negative",
        "Pad by −9 on every side.",
        lambda: model([node("Pad", "x pads", "y")], ints("pads", -9, -9, -9, -9)),
    ),
    _entry(
        "pad-reflect-far",
        "Reflecting pad by 100 of 4.",
        lambda: model([node("Pad", "x pads", "y", mode="reflect")], ints("pads", 0, 100, 0, 100)),
    ),
    _entry(
        "pad-count",
        "Pad with 3 numbers for 2 axes.",
        lambda: model([node("Pad", "x pads", "y")], ints("pads", 1, 1, 1)),
    ),
    _entry(
        "pad-mode",
        "Pad in a mode that nobody knows.",
        lambda: model([node("Pad", "x pads", "y", mode="guess")], ints("pads", 1, 1, 1, 1)),
    ),
)

ENTRIES = (*INTEGERS, *INDICES, *SHAPES)
