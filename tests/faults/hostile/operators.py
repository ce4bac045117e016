"""Neural-network operators with parameters outside their definition."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto

from tests.faults.hostile.building import FLOAT, array, from_shape, int64, ints, model, node, to_float
from tests.faults.hostile.entry import of_model

_entry = partial(of_model, "operators")
_NAN = float("nan")


def _image(*nodes: Any, shape: Sequence[int] = (1, 1, 2, 2), initializers: Sequence[TensorProto] = ()) -> ModelProto:
    """The nodes take `image`, which is x in another shape."""
    image, wanted = from_shape("image", shape)
    return model([image, *nodes], wanted, *initializers)


def _convolution(
    weight: Sequence[int] = (1, 1, 1, 1), shape: Sequence[int] = (1, 1, 2, 2), **attributes: Any
) -> ModelProto:
    return _image(node("Conv", "image w", "y", **attributes), shape=shape, initializers=[array("w", np.ones(weight))])


def _transposed(weight: Sequence[int] = (1, 1, 1, 1), **attributes: Any) -> ModelProto:
    return _image(node("ConvTranspose", "image w", "y", **attributes), initializers=[array("w", np.ones(weight))])


def _pooled(operator: str = "MaxPool", **attributes: Any) -> ModelProto:
    return _image(node(operator, "image", "y", **attributes))


def _normalized(channels: int) -> ModelProto:
    names = ("scale", "bias", "mean", "var")
    return _image(
        node("BatchNormalization", "image scale bias mean var", "y"),
        initializers=[array(name, np.ones(channels)) for name in names],
    )


def _largest(count: int, axis: int = -1) -> ModelProto:
    return model([node("TopK", "x k", "y places", axis=axis)], ints("k", count))


def _einsum(equation: str, inputs: str = "x x") -> ModelProto:
    return model([node("Einsum", inputs, "y", equation=equation)])


def _recurrent(operator: str, gates: int, hidden: int, stated: int, **attributes: Any) -> ModelProto:
    """x as one step (1, 1, 4); weights for `hidden`, while hidden_size says `stated`."""
    return _image(
        node(operator, "image w r", "y", hidden_size=stated, **attributes),
        shape=(1, 1, 4),
        initializers=[array("w", np.ones((1, gates * hidden, 4))), array("r", np.ones((1, gates * hidden, hidden)))],
    )


def _resized(
    scales: Sequence[float] | None = None, sizes: Sequence[int] | None = None, **attributes: Any
) -> ModelProto:
    if scales is not None:
        return _image(node("Resize", "image  scales", "y", **attributes), initializers=[array("scales", scales)])
    return _image(node("Resize", "image   sizes", "y", **attributes), initializers=[ints("sizes", *sizes or ())])


def _aligned(box: Sequence[float], batch: int, **attributes: Any) -> ModelProto:
    return _image(
        node("RoiAlign", "image rois batches", "y", **attributes),
        initializers=[array("rois", [box]), ints("batches", batch)],
    )


def _suppressed(kept: int, overlap: float, boxes: Sequence[int] = (1, 1, 4)) -> ModelProto:
    return _image(
        node("NonMaxSuppression", "image scores kept overlap", "z"),
        to_float("z"),
        shape=boxes,
        initializers=[array("scores", [[[0.9]]]), int64("kept", kept), array("overlap", overlap)],
    )


def _sampled(grid: float, **attributes: Any) -> ModelProto:
    return _image(
        node("GridSample", "image grid", "y", **attributes), initializers=[array("grid", np.full((1, 2, 2, 2), grid))]
    )


def _unpooled(index: int) -> ModelProto:
    return _image(
        node("MaxUnpool", "image index", "y", kernel_shape=[2, 2]),
        initializers=[array("index", np.full((1, 1, 2, 2), index), np.int64)],
    )


def _fourier(length: int) -> ModelProto:
    return _image(node("DFT", "image length", "y", axis=1), shape=(1, 4, 1), initializers=[int64("length", length)])


def _short_time(step: int, length: int) -> ModelProto:
    return _image(
        node("STFT", "image step  length", "y"),
        shape=(1, 4, 1),
        initializers=[int64("step", step), int64("length", length)],
    )


def _filter_bank(bins: int, length: int, rate: int) -> ModelProto:
    return model(
        [
            node("MelWeightMatrix", "bins length rate low high", "m"),
            node("ReduceSum", "m", "t", keepdims=0),
            node("Add", "x t", "y"),
        ],
        *(int64("bins", bins), int64("length", length), int64("rate", rate)),
        array("low", 0.0),
        array("high", 1e9),
    )


def _folded(block: Sequence[int]) -> ModelProto:
    return _image(
        node("Col2Im", "image size block", "y"),
        shape=(1, 4, 1),
        initializers=[ints("size", 2, 2), ints("block", *block)],
    )


def _deformed(groups: int) -> ModelProto:
    return _image(
        node("DeformConv", "image w offset", "y", offset_group=groups),
        initializers=[array("w", np.ones((1, 1, 1, 1))), array("offset", np.full((1, 2, 2, 2), 1e30))],
    )


def _loss(label: int) -> ModelProto:
    return model([node("SoftmaxCrossEntropyLoss", "x labels", "y")], ints("labels", label))


def _normalized_strings(**attributes: Any) -> ModelProto:
    return model(
        [
            node("StringNormalizer", "words", "few", **attributes),
            node("Shape", "few", "n"),
            node("Cast", "n", "f", to=FLOAT),
            node("Add", "x f", "y"),
        ],
        TensorProto(name="words", dims=(2,), data_type=TensorProto.STRING, string_data=[b"\xff\xfe", b"Monday"]),
    )


CONVOLUTIONS = (
    _entry("conv-group-0", "Conv of 0 groups.", lambda: _convolution(group=0)),
    _entry("conv-group-negative", "Conv of −1 groups.", lambda: _convolution(group=-1)),
    _entry("conv-group-3", "Conv of 3 groups with 1 channel.", lambda: _convolution(group=3)),
    _entry("conv-stride-0", "Conv with stride 0.", lambda: _convolution(strides=[0, 0])),
    _entry("conv-stride-negative", "Conv with stride −1.", lambda: _convolution(strides=[-1, -1])),
    _entry("conv-dilation-0", "Conv with dilation 0.", lambda: _convolution((1, 1, 2, 2), dilations=[0, 0])),
    _entry(
        "conv-dilation-huge",
        "Conv with dilation 2⁶².",
        lambda: _convolution((1, 1, 2, 2), dilations=[1 << 62, 1 << 62]),
    ),
    _entry("conv-pads-negative", "Conv with pads −5.", lambda: _convolution(pads=[-5, -5, -5, -5])),
    _entry("conv-pads-huge", "Conv with pads 2⁶².", lambda: _convolution(pads=[1 << 62] * 4)),
    _entry("conv-pads-count", "Conv with 3 pads.", lambda: _convolution(pads=[1, 1, 1])),
    _entry("conv-kernel-lies", "Conv says that its 1×1 kernel is 9×9.", lambda: _convolution(kernel_shape=[9, 9])),
    _entry("conv-kernel-0", "Conv with a kernel of 0×0.", lambda: _convolution((1, 1, 0, 0))),
    _entry("conv-channels", "Conv of 1 channel has a weight of 3.", lambda: _convolution((1, 3, 1, 1))),
    _entry("conv-no-outputs", "Conv of 0 output channels.", lambda: _convolution((0, 1, 1, 1))),
    _entry("conv-rank-2", "Conv of a matrix.", lambda: _convolution((1, 4), (1, 4))),
    _entry("conv-larger-than-image", "A 5×5 kernel on 2×2 without pads.", lambda: _convolution((1, 1, 5, 5))),
    _entry("conv-auto-pad", "Conv with an auto_pad that nobody knows.", lambda: _convolution(auto_pad="MAYBE")),
    _entry("conv-transpose-stride-0", "ConvTranspose with stride 0.", lambda: _transposed(strides=[0, 0])),
    _entry("conv-transpose-group-0", "ConvTranspose of 0 groups.", lambda: _transposed(group=0)),
    _entry("conv-transpose-pads", "ConvTranspose with pads 100 of 2.", lambda: _transposed(pads=[100] * 4)),
    _entry("conv-transpose-shape", "ConvTranspose to an output of −5.", lambda: _transposed(output_shape=[-5, -5])),
    _entry(
        "conv-transpose-padding",
        "ConvTranspose with output_padding 2⁴⁰.",
        lambda: _transposed(output_padding=[1 << 40, 1 << 40]),
    ),
    _entry("deform-conv-offset", "DeformConv with offsets of 10³⁰.", lambda: _deformed(1)),
    _entry("deform-conv-group-0", "DeformConv of 0 offset groups.", lambda: _deformed(0)),
)

POOLS = (
    _entry("pool-stride-0", "MaxPool with stride 0.", lambda: _pooled(kernel_shape=[1, 1], strides=[0, 0])),
    _entry("pool-kernel-0", "MaxPool with a kernel of 0.", lambda: _pooled(kernel_shape=[0, 0])),
    _entry("pool-kernel-negative", "MaxPool with a kernel of −1.", lambda: _pooled(kernel_shape=[-1, -1])),
    _entry("pool-kernel-rank", "MaxPool with a kernel of 5 dimensions.", lambda: _pooled(kernel_shape=[1] * 5)),
    _entry("pool-kernel-absent", "MaxPool without a kernel.", _pooled),
    _entry(
        "pool-kernel-huge",
        "MaxPool with a kernel of 2³² and pads to match.",
        lambda: _pooled(kernel_shape=[1 << 32, 1 << 32], pads=[1 << 31] * 4),
    ),
    _entry(
        "pool-pads", "MaxPool with pads larger than the kernel.", lambda: _pooled(kernel_shape=[1, 1], pads=[9] * 4)
    ),
    _entry("pool-dilation-0", "MaxPool with dilation 0.", lambda: _pooled(kernel_shape=[2, 2], dilations=[0, 0])),
    _entry(
        "pool-average-stride-0",
        "AveragePool with stride 0.",
        lambda: _pooled("AveragePool", kernel_shape=[1, 1], strides=[0, 0]),
    ),
    _entry(
        "pool-average-kernel-0", "AveragePool with a kernel of 0.", lambda: _pooled("AveragePool", kernel_shape=[0, 0])
    ),
    _entry("pool-lp-0", "LpPool of norm 0.", lambda: _pooled("LpPool", kernel_shape=[1, 1], p=0)),
    _entry(
        "pool-average-dilation-negative",
        "AveragePool with dilation −1.",
        lambda: _pooled("AveragePool", kernel_shape=[2, 2], dilations=[-1, -1]),
    ),
    _entry("unpool-outside", "MaxUnpool to position 2⁴⁰.", lambda: _unpooled(1 << 40)),
    _entry("unpool-negative", "MaxUnpool to position −2⁴⁰.", lambda: _unpooled(-(1 << 40))),
    _entry("roi-outside", "RoiAlign of batch 2³⁰ of 1.", lambda: _aligned([0, 0, 1, 1], 1 << 30)),
    _entry("roi-negative-batch", "RoiAlign of batch −2³⁰.", lambda: _aligned([0, 0, 1, 1], -(1 << 30))),
    _entry("roi-nan", "RoiAlign of a box of NaN.", lambda: _aligned([_NAN] * 4, 0)),
    _entry(
        "roi-huge-box",
        "RoiAlign of a box to 10³⁰, as many samples as it takes.",
        lambda: _aligned([0, 0, 1e30, 1e30], 0, sampling_ratio=0),
    ),
    _entry(
        "roi-large-box",
        "RoiAlign of a box to 30,000: 9·10⁸ samples.",
        lambda: _aligned([0, 0, 3e4, 3e4], 0, sampling_ratio=0),
    ),
    _entry("roi-output-0", "RoiAlign to 0×0.", lambda: _aligned([0, 0, 1, 1], 0, output_height=0, output_width=0)),
    _entry("nms-nan", "NonMaxSuppression with a threshold NaN.", lambda: _suppressed(1, _NAN)),
    _entry("nms-huge", "NonMaxSuppression keeps 2⁶² boxes.", lambda: _suppressed(1 << 62, 0.5)),
    _entry("nms-negative", "NonMaxSuppression keeps −1 boxes.", lambda: _suppressed(-1, 0.5)),
    _entry("nms-shape", "NonMaxSuppression of boxes (1, 4, 1).", lambda: _suppressed(1, 0.5, (1, 4, 1))),
)

NORMS = (
    _entry("batch-norm-shape", "BatchNormalization of 1 channel with 3 parameters.", lambda: _normalized(3)),
    _entry("batch-norm-empty", "BatchNormalization with 0 parameters.", lambda: _normalized(0)),
    _entry(
        "group-norm-0",
        "GroupNormalization of 0 groups.",
        lambda: _image(
            node("GroupNormalization", "image s b", "y", num_groups=0),
            initializers=[array("s", [1.0]), array("b", [1.0])],
        ),
    ),
    _entry(
        "layer-norm-axis",
        "LayerNormalization along axis −9.",
        lambda: model([node("LayerNormalization", "x s", "y", axis=-9)], array("s", [1.0] * 4)),
    ),
    _entry(
        "layer-norm-scale",
        "LayerNormalization with 3 scales of 4.",
        lambda: model([node("LayerNormalization", "x s", "y")], array("s", [1.0] * 3)),
    ),
    _entry(
        "layer-norm-empty",
        "LayerNormalization with 0 scales.",
        lambda: model([node("LayerNormalization", "x s", "y")], array("s", [])),
    ),
    _entry("lrn-size-0", "LRN of size 0.", lambda: _image(node("LRN", "image", "y", size=0))),
    _entry("lrn-size-huge", "LRN of size 2⁶².", lambda: _image(node("LRN", "image", "y", size=(1 << 62) + 1))),
    _entry("softmax-axis", "Softmax along axis 9.", lambda: model([node("Softmax", "x", "y", axis=9)])),
    _entry("lp-normalization-3", "LpNormalization of norm 3.", lambda: model([node("LpNormalization", "x", "y", p=3)])),
    _entry(
        "dropout-ratio",
        "Dropout with ratio 1 in training.",
        lambda: model([node("Dropout", "x ratio training", "y")], array("ratio", 1.0), array("training", True, bool)),
    ),
    _entry(
        "clip-min-above-max",
        "Clip to [1, −1].",
        lambda: model([node("Clip", "x low high", "y")], array("low", 1.0), array("high", -1.0)),
    ),
    _entry(
        "clip-matrix",
        "Clip with bounds that are no scalars.",
        lambda: model([node("Clip", "x low high", "y")], array("low", [0.0, 1.0]), array("high", [])),
    ),
    _entry(
        "prelu-shape", "PRelu with 3 slopes of 4.", lambda: model([node("PRelu", "x s", "y")], array("s", [1.0] * 3))
    ),
    _entry("loss-label-outside", "SoftmaxCrossEntropyLoss of label 2³⁰ of 4.", lambda: _loss(1 << 30)),
    _entry("loss-label-negative", "SoftmaxCrossEntropyLoss of label −2³⁰.", lambda: _loss(-(1 << 30))),
)

MATRICES = (
    _entry(
        "matmul-shape",
        "MatMul (1, 4) × (3, 3).",
        lambda: model([node("MatMul", "x w", "y")], array("w", np.ones((3, 3)))),
    ),
    _entry("matmul-scalar", "MatMul by a scalar.", lambda: model([node("MatMul", "x w", "y")], array("w", 1.0))),
    _entry(
        "matmul-nothing",
        "MatMul (1, 4) × (4, 0).",
        lambda: model([node("MatMul", "x w", "y")], array("w", np.ones((4, 0)))),
    ),
    _entry(
        "gemm-bias",
        "Gemm with a bias of 3 for 4 columns.",
        lambda: model([node("Gemm", "x w b", "y")], array("w", np.ones((4, 4))), array("b", [1.0] * 3)),
    ),
    _entry(
        "gemm-rank",
        "Gemm by a weight of rank 3.",
        lambda: model([node("Gemm", "x w", "y")], array("w", np.ones((1, 4, 4)))),
    ),
    _entry("top-k-above", "TopK of 100 of 4.", lambda: _largest(100)),
    _entry("top-k-negative", "TopK of −1.", lambda: _largest(-1)),
    _entry("top-k-zero", "TopK of 0.", lambda: _largest(0)),
    _entry("top-k-axis", "TopK along axis 9.", lambda: _largest(1, 9)),
    _entry("einsum-nonsense", "Einsum of an equation that is none.", lambda: _einsum("->->..,,")),
    _entry("einsum-empty", "Einsum of an empty equation.", lambda: _einsum("")),
    _entry("einsum-rank", "Einsum with more letters than axes.", lambda: _einsum("abcdefgh,abcdefgh->a")),
    _entry("einsum-unknown-output", "Einsum with an output letter that no input has.", lambda: _einsum("ab,ab->z")),
    _entry("einsum-repeated-output", "Einsum with an output letter twice.", lambda: _einsum("ab,ab->aa")),
    _entry("einsum-ellipsis", "Einsum with two ellipses in a term.", lambda: _einsum("...a...,ab->...")),
    _entry("einsum-control", "Einsum with control characters and a NUL.", lambda: _einsum("a\0b,\x1b[31m->a")),
    _entry("einsum-too-many-terms", "Einsum of three terms with two inputs.", lambda: _einsum("ab,ab,ab->ab")),
    _entry("einsum-diagonal", "Einsum takes the diagonal of (1, 4).", lambda: _einsum("aa->a", "x")),
    _entry("det-not-square", "Det of (1, 4).", lambda: model([node("Det", "x", "y")])),
    _entry(
        "cumsum-axis", "CumSum along axis 2³⁰.", lambda: model([node("CumSum", "x axis", "y")], int64("axis", 1 << 30))
    ),
    _entry("trilu-far", "Trilu with k = −2⁶³.", lambda: model([node("Trilu", "x k", "y")], int64("k", -(1 << 63)))),
    _entry(
        "reduce-axis", "ReduceSum along axis 9.", lambda: model([node("ReduceSum", "x axes", "y")], ints("axes", 9))
    ),
    _entry(
        "reduce-axis-twice",
        "ReduceSum along axis 1 twice.",
        lambda: model([node("ReduceSum", "x axes", "y")], ints("axes", 1, 1)),
    ),
    _entry(
        "reduce-max-of-nothing",
        "ReduceMax over an empty axis.",
        lambda: model(
            [node("Slice", "x zero zero one", "none"), node("ReduceMax", "none one", "y")],
            ints("zero", 0),
            ints("one", 1),
        ),
    ),
    _entry(
        "arg-max-of-nothing",
        "ArgMax over an empty axis.",
        lambda: model(
            [node("Slice", "x zero zero one", "none"), node("ArgMax", "none", "z", axis=1), to_float("z")],
            ints("zero", 0),
            ints("one", 1),
        ),
    ),
    _entry("unique-axis", "Unique along axis 9.", lambda: model([node("Unique", "x", "y", axis=9)])),
    _entry("unique-nan", "Unique of NaN.", lambda: model([node("Log", "x", "v"), node("Unique", "v", "y")])),
    _entry(
        "compress-long",
        "Compress by 9 conditions of 4.",
        lambda: model([node("Compress", "x c", "y", axis=1)], array("c", [True] * 9, bool)),
    ),
)

RECURRENT = (
    _entry("lstm-hidden-0", "LSTM of hidden size 0.", lambda: _recurrent("LSTM", 4, 0, 0)),
    _entry("lstm-hidden-lies", "LSTM says hidden size 1,000 of 2.", lambda: _recurrent("LSTM", 4, 2, 1000)),
    _entry("lstm-hidden-negative", "LSTM says hidden size −2.", lambda: _recurrent("LSTM", 4, 2, -2)),
    _entry("lstm-hidden-huge", "LSTM says hidden size 2⁶².", lambda: _recurrent("LSTM", 4, 2, 1 << 62)),
    _entry("lstm-direction", "LSTM that goes sideways.", lambda: _recurrent("LSTM", 4, 2, 2, direction="sideways")),
    _entry(
        "lstm-activations",
        "LSTM with an activation that nobody knows.",
        lambda: _recurrent("LSTM", 4, 2, 2, activations=["Guess", "Tanh", "Tanh"]),
    ),
    _entry(
        "lstm-one-activation",
        "LSTM with one activation of three.",
        lambda: _recurrent("LSTM", 4, 2, 2, activations=["Tanh"]),
    ),
    _entry("lstm-layout", "LSTM with layout 7.", lambda: _recurrent("LSTM", 4, 2, 2, layout=7)),
    _entry("gru-hidden-0", "GRU of hidden size 0.", lambda: _recurrent("GRU", 3, 0, 0)),
    _entry("gru-hidden-lies", "GRU says hidden size 1,000 of 2.", lambda: _recurrent("GRU", 3, 2, 1000)),
    _entry("gru-clip-nan", "GRU clips at NaN.", lambda: _recurrent("GRU", 3, 2, 2, clip=_NAN)),
    _entry("rnn-hidden-0", "RNN of hidden size 0.", lambda: _recurrent("RNN", 1, 0, 0)),
    _entry("rnn-hidden-lies", "RNN says hidden size 1,000 of 2.", lambda: _recurrent("RNN", 1, 2, 1000)),
)

IMAGES = (
    _entry("resize-scale-0", "Resize by 0.", lambda: _resized([1, 1, 0, 0])),
    _entry("resize-scale-negative", "Resize by −1.", lambda: _resized([1, 1, -1, -1])),
    _entry("resize-scale-nan", "Resize by NaN.", lambda: _resized([1, 1, _NAN, _NAN])),
    _entry("resize-scale-infinite", "Resize by ∞.", lambda: _resized([1, 1, float("inf"), 1])),
    _entry("resize-scale-tiny", "Resize by 10⁻³⁰.", lambda: _resized([1, 1, 1e-30, 1e-30])),
    _entry("resize-scale-count", "Resize with 2 scales for 4 axes.", lambda: _resized([1, 1])),
    _entry("resize-sizes-0", "Resize to 0.", lambda: _resized(sizes=[1, 1, 0, 0])),
    _entry("resize-sizes-negative", "Resize to −2.", lambda: _resized(sizes=[1, 1, -2, -2])),
    _entry(
        "resize-cubic-nan",
        "Cubic Resize with coefficient NaN.",
        lambda: _resized([1, 1, 2, 2], mode="cubic", cubic_coeff_a=_NAN),
    ),
    _entry(
        "resize-antialias-tiny",
        "Antialiased Resize by 10⁻⁹: a filter of 10⁹ taps.",
        lambda: _resized(sizes=[1, 1, 1, 1], mode="linear", antialias=1),
    ),
    _entry(
        "depth-to-space-0",
        "DepthToSpace in blocks of 0.",
        lambda: _image(node("DepthToSpace", "image", "y", blocksize=0), shape=(1, 4, 1, 1)),
    ),
    _entry(
        "depth-to-space-negative",
        "DepthToSpace in blocks of −2.",
        lambda: _image(node("DepthToSpace", "image", "y", blocksize=-2), shape=(1, 4, 1, 1)),
    ),
    _entry(
        "depth-to-space-overflow",
        "DepthToSpace in blocks of 2³²: the square is 0 in 64 bits.",
        lambda: _image(node("DepthToSpace", "image", "y", blocksize=1 << 32), shape=(1, 4, 1, 1)),
    ),
    _entry(
        "space-to-depth-0",
        "SpaceToDepth in blocks of 0.",
        lambda: _image(node("SpaceToDepth", "image", "y", blocksize=0)),
    ),
    _entry(
        "space-to-depth-overflow",
        "SpaceToDepth in blocks of 2³².",
        lambda: _image(node("SpaceToDepth", "image", "y", blocksize=1 << 32)),
    ),
    _entry("grid-sample-nan", "GridSample at NaN.", lambda: _sampled(_NAN)),
    _entry("grid-sample-far", "GridSample at 10³⁰, reflecting.", lambda: _sampled(1e30, padding_mode="reflection")),
    _entry(
        "grid-sample-far-border",
        "GridSample at 10³⁰, cubic.",
        lambda: _sampled(1e30, mode="cubic", padding_mode="border"),
    ),
    _entry("col2im-block-0", "Col2Im in blocks of 0.", lambda: _folded((0, 0))),
    _entry("col2im-block-huge", "Col2Im in blocks of 2³².", lambda: _folded((1 << 32, 1 << 32))),
    _entry("dft-length-0", "DFT of length 0.", lambda: _fourier(0)),
    _entry("dft-length-negative", "DFT of length −4.", lambda: _fourier(-4)),
    _entry("stft-step-0", "STFT with step 0.", lambda: _short_time(0, 2)),
    _entry("stft-length-0", "STFT with frames of 0.", lambda: _short_time(1, 0)),
    _entry("stft-length-above", "STFT with frames of 100 of 4.", lambda: _short_time(1, 100)),
    _entry("mel-rate-0", "MelWeightMatrix of sample rate 0.", lambda: _filter_bank(8, 16, 0)),
    _entry("mel-rate-1", "MelWeightMatrix up to 10⁹ Hz of sample rate 1.", lambda: _filter_bank(8, 16, 1)),
    _entry("mel-bins-negative", "MelWeightMatrix of −8 bins.", lambda: _filter_bank(-8, 16, 16000)),
    _entry(
        "strings-locale",
        "StringNormalizer in a locale that nobody has, of invalid UTF-8.",
        lambda: _normalized_strings(case_change_action="LOWER", locale="xx_XX.nowhere"),
    ),
    _entry(
        "strings-action",
        "StringNormalizer with an action that nobody knows.",
        lambda: _normalized_strings(case_change_action="SHOUT"),
    ),
    _entry(
        "random-negative-shape",
        "RandomUniform of shape (-4).",
        lambda: model([node("RandomUniform", "", "r", shape=[-4]), node("Add", "x r", "y")]),
    ),
    _entry(
        "multinomial-negative",
        "Multinomial with −5 samples.",
        lambda: model([node("Multinomial", "x", "z", sample_size=-5), to_float("z")]),
    ),
    _entry(
        "eye-like-type", "EyeLike of type 999.", lambda: model([node("EyeLike", "x", "z", dtype=999), to_float("z")])
    ),
)

ENTRIES = (*CONVOLUTIONS, *POOLS, *NORMS, *MATRICES, *RECURRENT, *IMAGES)
