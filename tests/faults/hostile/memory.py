"""Small files that ask for much when they run: 6 GB that a machine may give, 1 TB or 2⁶² that nobody has."""

from __future__ import annotations

import itertools
from functools import partial

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto

from tests.faults.hostile.building import FLOAT, INT64, array, from_shape, int64, ints, model, node
from tests.faults.hostile.entry import Hostile, of_model

_entry = partial(of_model, "memory")
_SIX_GB = 1_500_000_000
_ONE_TB = 250_000_000_000
_WRAPS = (1 << 62) + 1


def _summed(name: str) -> list[NodeProto]:
    """What was made is read once and added to x, so that no engine can leave it out."""
    return [node("ReduceSum", name, "total", keepdims=0), node("Add", "x total", "y")]


def _expanded(*shape: int) -> ModelProto:
    return model([node("Expand", "x shape", "big"), *_summed("big")], ints("shape", *shape))


def _expanded_at_run_time(factor: int) -> ModelProto:
    """The shape is a sum of int(|x|) times `factor`: no pass can see it before the run."""
    return model(
        [
            node("Abs", "x", "positive"),
            node("Ceil", "positive", "whole"),
            node("Cast", "whole", "counts", to=INT64),
            node("ReduceMax", "counts", "most", keepdims=0),
            node("Mul", "most factor", "shape"),
            node("Expand", "one shape", "big"),
            *_summed("big"),
        ],
        ints("factor", factor),
        array("one", 1.0),
    )


def _tiled(times: int) -> ModelProto:
    return model([node("Tile", "x repeats", "big"), *_summed("big")], ints("repeats", 1, times))


def _constant_of(*shape: int) -> ModelProto:
    """Constant folding makes it while loading."""
    return model([node("ConstantOfShape", "shape", "big"), *_summed("big")], ints("shape", *shape))


def _padded(count: int) -> ModelProto:
    return model([node("Pad", "x pads", "big"), *_summed("big")], ints("pads", 0, 0, 0, count))


def _ranged(limit: int) -> ModelProto:
    cast = node("Cast", "numbers", "big", to=FLOAT)
    return model(
        [node("Range", "start limit step", "numbers"), cast, *_summed("big")],
        int64("start", 0),
        int64("limit", limit),
        int64("step", 1),
    )


def _resized(side: int) -> ModelProto:
    image, shape = from_shape("image", (1, 1, 2, 2))
    return model(
        [image, node("Resize", "image   sizes", "big"), *_summed("big")], shape, ints("sizes", 1, 1, side, side)
    )


def _one_hot(depth: int) -> ModelProto:
    return model(
        [node("OneHot", "index depth values", "big"), *_summed("big")],
        ints("index", 0),
        int64("depth", depth),
        array("values", [0.0, 1.0]),
    )


def _doubled(times: int, operator: str = "Concat") -> ModelProto:
    """A billion laughs: each node joins what is before it with itself."""
    names = ["x", *(f"v{index}" for index in range(times))]
    joins = [node(operator, f"{a} {a}", b, axis=1) for a, b in itertools.pairwise(names)]
    return model([*joins, *_summed(names[-1])])


def _outer_product(side: int) -> ModelProto:
    """(side, 1) × (1, side): both inputs are small beside the output."""
    return model(
        [
            node("Expand", "one tall", "a"),
            node("Expand", "one wide", "b"),
            node("MatMul", "a b", "big"),
            *_summed("big"),
        ],
        array("one", [[1.0]]),
        ints("tall", side, 1),
        ints("wide", 1, side),
    )


def _broadcast(side: int) -> ModelProto:
    return model(
        [
            node("Expand", "one tall", "a"),
            node("Expand", "one wide", "b"),
            node("Add", "a b", "sum"),
            node("NonZero", "sum", "places"),
            node("Cast", "places", "big", to=FLOAT),
            *_summed("big"),
        ],
        array("one", [[1.0]]),
        ints("tall", side, 1),
        ints("wide", 1, side),
    )


def _transposed_convolution(stride: int) -> ModelProto:
    image, shape = from_shape("image", (1, 1, 2, 2))
    return model(
        [image, node("ConvTranspose", "image w", "big", strides=[stride, stride]), *_summed("big")],
        shape,
        array("w", np.ones((1, 1, 1, 1))),
    )


def _upsampled_by_depth(length: int) -> ModelProto:
    """A Fourier transform padded to `length`."""
    signal, shape = from_shape("signal", (1, 4, 1))
    return model([signal, node("DFT", "signal length", "big", axis=1), *_summed("big")], shape, int64("length", length))


def _many_large(count: int) -> ModelProto:
    """No single value is large; together they are 200 MB each, all alive at the end."""
    expands = [node("Expand", "x shape", f"v{index}") for index in range(count)]
    scaled = [node("Mul", f"v{index} x", f"w{index}") for index in range(count)]
    joined = node("Sum", " ".join(f"w{index}" for index in range(count)), "big")
    return model([*expands, *scaled, joined, *_summed("big")], ints("shape", 12_500_000, 4))


def _constants(count: int) -> ModelProto:
    """Each is folded to 40 MB while loading."""
    made = [node("ConstantOfShape", "shape", f"c{index}", value=array("v", [float(index)])) for index in range(count)]
    added = node("Sum", " ".join(f"c{index}" for index in range(count)), "big")
    return model([*made, added, *_summed("big")], ints("shape", 10_000_000))


def _random(*shape: int) -> ModelProto:
    return model([node("RandomNormal", "", "big", shape=list(shape)), *_summed("big")])


def _sequence(count: int) -> ModelProto:
    """A loop inserts 40 MB at a time into a sequence."""
    from .building import graph, value
    from .control_flow import sequence

    body = graph(
        [
            node("Expand", "one shape", "piece"),
            node("SequenceInsert", "held piece", "more"),
            node("Identity", "go", "still"),
        ],
        [array("one", 1.0), ints("shape", 10_000_000)],
        [value("i", INT64, ()), value("go", TensorProto.BOOL, ()), sequence("held")],
        [value("still", TensorProto.BOOL, ()), sequence("more")],
    )
    return model(
        [
            node("SequenceEmpty", "", "none"),
            node("Loop", "trips  none", "all", body=body),
            node("SequenceAt", "all zero", "piece0"),
            *_summed("piece0"),
        ],
        int64("trips", count),
        int64("zero", 0),
    )


ENTRIES: tuple[Hostile, ...] = (
    _entry("memory-expand-6-gb", "Expand of x to 6 GB.", lambda: _expanded(_SIX_GB // 4, 4)),
    _entry("memory-expand-1-tb", "Expand of x to 1 TB.", lambda: _expanded(_ONE_TB // 4, 4)),
    _entry(
        "memory-expand-2-to-62", "Expand of x to 2⁶² rows: the bytes are 0 in 64 bits.", lambda: _expanded(1 << 62, 4)
    ),
    _entry("memory-expand-overflow", "Expand of x to (2³², 2³², 4).", lambda: _expanded(1 << 32, 1 << 32, 4)),
    _entry(
        "memory-expand-at-run-time",
        "Expand to 6 GB by a shape computed from x.",
        lambda: _expanded_at_run_time(_SIX_GB // 3),
    ),
    _entry("memory-tile-6-gb", "Tile of x to 6 GB.", lambda: _tiled(_SIX_GB // 4)),
    _entry("memory-tile-wraps", "Tile of x 2⁶² + 1 times: 4 values in 64 bits.", lambda: _tiled(_WRAPS)),
    _entry(
        "memory-constant-of-shape-6-gb",
        "ConstantOfShape of 6 GB, which constant folding makes.",
        lambda: _constant_of(_SIX_GB),
    ),
    _entry("memory-constant-of-shape-1-tb", "ConstantOfShape of 1 TB.", lambda: _constant_of(_ONE_TB)),
    _entry(
        "memory-constant-of-shape-wraps",
        "ConstantOfShape of 2⁶² + 1: 4 bytes in 64 bits.",
        lambda: _constant_of(_WRAPS),
    ),
    _entry(
        "memory-constant-of-shape-overflow", "ConstantOfShape of (2³³, 2³³).", lambda: _constant_of(1 << 33, 1 << 33)
    ),
    _entry("memory-constant-of-shape-negative", "ConstantOfShape of (-4).", lambda: _constant_of(-4)),
    _entry("memory-pad-6-gb", "Pad of x to 6 GB.", lambda: _padded(_SIX_GB)),
    _entry("memory-pad-2-to-62", "Pad of x by 2⁶².", lambda: _padded(1 << 62)),
    _entry("memory-range-12-gb", "Range of 1.5·10⁹ int64.", lambda: _ranged(_SIX_GB)),
    _entry("memory-range-2-to-62", "Range of 2⁶² int64.", lambda: _ranged(1 << 62)),
    _entry("memory-resize-6-gb", "Resize of 2×2 to 38,000×38,000.", lambda: _resized(38_000)),
    _entry("memory-resize-overflow", "Resize of 2×2 to 2³²×2³².", lambda: _resized(1 << 32)),
    _entry("memory-one-hot-6-gb", "OneHot of depth 1.5·10⁹.", lambda: _one_hot(_SIX_GB)),
    _entry("memory-one-hot-2-to-62", "OneHot of depth 2⁶².", lambda: _one_hot(1 << 62)),
    _entry("memory-concat-doubling", "40 Concats of a value with itself: 2⁴² values.", lambda: _doubled(40)),
    _entry("memory-concat-doubling-wraps", "63 Concats of a value with itself.", lambda: _doubled(63)),
    _entry("memory-outer-product-6-gb", "MatMul (38000, 1) × (1, 38000).", lambda: _outer_product(38_000)),
    _entry("memory-outer-product-1-tb", "MatMul (500000, 1) × (1, 500000).", lambda: _outer_product(500_000)),
    _entry("memory-non-zero", "NonZero of 10⁸ values, all of them.", lambda: _broadcast(10_000)),
    _entry("memory-conv-transpose", "ConvTranspose with stride 38,000.", lambda: _transposed_convolution(38_000)),
    _entry("memory-dft", "DFT padded to 3·10⁸.", lambda: _upsampled_by_depth(300_000_000)),
    _entry("memory-many", "30 values of 200 MB, all alive at once.", lambda: _many_large(30)),
    _entry("memory-constants", "100 constants of 40 MB, folded while loading.", lambda: _constants(100)),
    _entry("memory-random", "RandomNormal of 1.5·10⁹ values.", lambda: _random(_SIX_GB)),
    _entry("memory-random-overflow", "RandomNormal of (2³³, 2³³).", lambda: _random(1 << 33, 1 << 33)),
    _entry("memory-sequence", "A loop that puts 200 times 40 MB into a sequence.", lambda: _sequence(200)),
)
