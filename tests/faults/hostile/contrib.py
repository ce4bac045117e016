"""Operators of com.microsoft: younger than ONNX's own, less often checked, and what optimized files are made of."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto

from tests.faults.hostile.building import (
    FLOAT,
    INT32,
    array,
    from_shape,
    graph,
    int64,
    ints,
    model,
    model_of,
    node,
    to_float,
    value,
)
from tests.faults.hostile.entry import of_model

_entry = partial(of_model, "contrib")


def _microsoft(operator: str, inputs: str, outputs: str, **attributes: Any) -> NodeProto:
    return node(operator, inputs, outputs, domain="com.microsoft", **attributes)


def _tokens(
    *nodes: NodeProto, shape: Sequence[int] = (1, 1, 4), initializers: Sequence[TensorProto] = ()
) -> ModelProto:
    """The nodes take `tokens`, which is x as (batch, sequence, hidden)."""
    tokens, wanted = from_shape("tokens", shape)
    return model([tokens, *nodes], wanted, *initializers)


def _attention(heads: int, weight: Sequence[int] = (4, 12), bias: int = 12, **attributes: Any) -> ModelProto:
    return _tokens(
        _microsoft("Attention", "tokens w b", "y", num_heads=heads, **attributes),
        initializers=[array("w", np.ones(weight)), array("b", np.ones(bias))],
    )


def _multi_head(heads: int, key: Sequence[int] = (1, 1, 4), **attributes: Any) -> ModelProto:
    return _tokens(
        _microsoft("MultiHeadAttention", "tokens key key", "y", num_heads=heads, **attributes),
        initializers=[array("key", np.ones(key))],
    )


def _grouped(heads: int, key_heads: int, lengths: int = 0, total: int = 1) -> ModelProto:
    return _tokens(
        _microsoft(
            "GroupQueryAttention", "tokens k k   lengths total", "y pk pv", num_heads=heads, kv_num_heads=key_heads
        ),
        initializers=[
            array("k", np.ones((1, 1, 4))),
            array("lengths", [lengths], np.int32),
            array("total", [total], np.int32),
        ],
    )


def _rotated(position: int, **attributes: Any) -> ModelProto:
    return _tokens(
        _microsoft("RotaryEmbedding", "tokens position cos sin", "y", **attributes),
        initializers=[ints("position", position), array("cos", np.ones((4, 2))), array("sin", np.ones((4, 2)))],
    )


def _embedded(word: int, position: int = 0) -> ModelProto:
    """x + the sum of an embedding of one word out of four."""
    return model(
        [
            _microsoft("EmbedLayerNormalization", "word  words positions  g b", "e m"),
            node("ReduceSum", "e", "t", keepdims=0),
            node("Add", "x t", "y"),
        ],
        array("word", [[word]], np.int32),
        array("words", np.ones((4, 4))),
        array("positions", np.ones((position, 4))),
        array("g", np.ones(4)),
        array("b", np.ones(4)),
    )


def _skipped(scale: int, skip: Sequence[int] = (1, 1, 4)) -> ModelProto:
    return _tokens(
        _microsoft("SkipLayerNormalization", "tokens skip g", "y"),
        initializers=[array("skip", np.ones(skip)), array("g", np.ones(scale))],
    )


def _quantized(operator: str, names: str, *initializers: TensorProto, **attributes: Any) -> ModelProto:
    """q is x as uint8; the operator gives z, which becomes y."""
    return model(
        [node("QuantizeLinear", "x s zp", "q"), _microsoft(operator, names, "z", **attributes), to_float("z")],
        array("s", 0.1),
        array("zp", 0, np.uint8),
        *initializers,
    )


def _added(scale: float, scales: int | None = None) -> ModelProto:
    c_scale = array("cs", scale) if scales is None else array("cs", [scale] * scales)
    return _quantized("QLinearAdd", "q s zp q s zp cs zp", c_scale)


def _average_pool(**attributes: Any) -> ModelProto:
    image, shape = from_shape("image", (1, 1, 2, 2))
    return model(
        [
            image,
            node("QuantizeLinear", "image s zp", "q"),
            _microsoft("QLinearAveragePool", "q s zp s zp", "z", **attributes),
            to_float("z"),
        ],
        shape,
        array("s", 0.1),
        array("zp", 0, np.uint8),
    )


def _fused(activation: str) -> ModelProto:
    image, shape = from_shape("image", (1, 1, 2, 2))
    return model(
        [image, _microsoft("FusedConv", "image w", "y", activation=activation, activation_params=[1.0])],
        shape,
        array("w", np.ones((1, 1, 1, 1))),
    )


def _repeated(size: int, token: int = 1) -> ModelProto:
    return model([_microsoft("NGramRepeatBlock", "ids x", "y", ngram_size=size)], array("ids", [[token] * 5], np.int64))


def _cropped(batch: int, size: Sequence[int] = (2, 2)) -> ModelProto:
    image, shape = from_shape("image", (1, 1, 2, 2))
    return model(
        [image, _microsoft("CropAndResize", "image rois batch size", "y")],
        shape,
        array("rois", [[0.0, 0.0, 1e9, 1e9]]),
        array("batch", [batch], np.int32),
        array("size", size, np.int32),
    )


def _experts(k: int) -> ModelProto:
    return model(
        [_microsoft("MoE", "x probabilities w1  w2", "y", k=k)],
        array("probabilities", np.ones((1, 2))),
        array("w1", np.ones((2, 4, 4))),
        array("w2", np.ones((2, 4, 4))),
    )


def _words(character: int) -> ModelProto:
    return model(
        [
            _microsoft(
                "WordConvEmbedding", "sequence w b c", "e", conv_window_size=2, embedding_size=2, char_embedding_size=2
            ),
            node("ReduceSum", "e", "t", keepdims=0),
            node("Add", "x t", "y"),
        ],
        array("sequence", [[[character] * 3]], np.int32),
        array("w", np.ones((2, 1, 2, 2))),
        array("b", np.ones(2)),
        array("c", np.ones((4, 2))),
    )


def _sparse_product() -> ModelProto:
    made = graph([_microsoft("SparseToDenseMatMul", "w x", "y")])
    made.sparse_initializer.add(values=array("w", [1.0]), indices=ints("i", 0), dims=[1, 1])
    return model_of(made)


def _beam() -> ModelProto:
    """A search that generates 2³⁰ words with a decoder that is a single Identity."""
    decoder = graph(
        [node("Identity", "input_ids", "logits")], (), [value("input_ids", INT32, (1, 1))], [value("logits")]
    )
    search = _microsoft(
        "GreedySearch",
        "ids most least",
        "z",
        eos_token_id=0,
        pad_token_id=0,
        decoder_start_token_id=0,
        vocab_size=1 << 30,
        model_type=0,
        decoder=decoder,
    )
    return model(
        [search, to_float("z")],
        array("ids", [[1]], np.int32),
        array("most", [1 << 30], np.int32),
        array("least", [1], np.int32),
    )


def _strings(operator: str, **attributes: Any) -> ModelProto:
    words = TensorProto(name="words", dims=(1,), data_type=TensorProto.STRING, string_data=[b"\xff\xfe abc"])
    return model(
        [
            _microsoft(operator, "words", "few", **attributes),
            node("Size", "few", "n"),
            node("Cast", "n", "f", to=FLOAT),
            node("Add", "x f", "y"),
        ],
        words,
    )


ATTENTION = (
    _entry("attention-heads-0", "Attention of 0 heads.", lambda: _attention(0)),
    _entry("attention-heads-3", "Attention of 3 heads for 4 values.", lambda: _attention(3)),
    _entry("attention-heads-negative", "Attention of −1 heads.", lambda: _attention(-1)),
    _entry("attention-weight-shape", "Attention with a weight (4, 5).", lambda: _attention(2, (4, 5))),
    _entry("attention-bias-short", "Attention with a bias of 1 for 12.", lambda: _attention(2, bias=1)),
    _entry(
        "attention-sizes", "Attention with qkv sizes (−4, 0, 16).", lambda: _attention(2, qkv_hidden_sizes=[-4, 0, 16])
    ),
    _entry("multi-head-heads-0", "MultiHeadAttention of 0 heads.", lambda: _multi_head(0)),
    _entry("multi-head-heads-negative", "MultiHeadAttention of −2 heads.", lambda: _multi_head(-2)),
    _entry("multi-head-key", "MultiHeadAttention with a key (1, 0, 4).", lambda: _multi_head(2, (1, 0, 4))),
    _entry("multi-head-key-hidden", "MultiHeadAttention with a key (1, 1, 6).", lambda: _multi_head(2, (1, 1, 6))),
    _entry("grouped-query-heads-0", "GroupQueryAttention of 0 key heads.", lambda: _grouped(2, 0)),
    _entry("grouped-query-all-0", "GroupQueryAttention of 0 heads.", lambda: _grouped(0, 0)),
    _entry(
        "grouped-query-length",
        "GroupQueryAttention of a sequence of 2³⁰.",
        lambda: _grouped(1, 1, 1 << 30, (1 << 30) + 1),
    ),
    _entry(
        "grouped-query-length-negative",
        "GroupQueryAttention of a sequence of −2³⁰.",
        lambda: _grouped(1, 1, -(1 << 30), 1),
    ),
    _entry("grouped-query-total-negative", "GroupQueryAttention of −5 in all.", lambda: _grouped(1, 1, 0, -5)),
    _entry("rotary-position", "RotaryEmbedding at position 2⁴⁰ of 4.", lambda: _rotated(1 << 40)),
    _entry("rotary-position-negative", "RotaryEmbedding at position −2³⁰.", lambda: _rotated(-(1 << 30))),
    _entry(
        "rotary-heads-negative",
        "RotaryEmbedding of −1 heads.",
        lambda: _rotated(0, num_heads=-1, rotary_embedding_dim=4),
    ),
    _entry(
        "rotary-dim-huge",
        "RotaryEmbedding of 2³⁰ dimensions.",
        lambda: _rotated(0, num_heads=1, rotary_embedding_dim=1 << 30),
    ),
    _entry("embed-word-outside", "An embedding of word 2³⁰ of 4.", lambda: _embedded(1 << 30, 4)),
    _entry("embed-word-negative", "An embedding of word −5.", lambda: _embedded(-5, 4)),
    _entry("embed-no-positions", "An embedding without positions.", lambda: _embedded(0, 0)),
    _entry("skip-norm-scale", "SkipLayerNormalization with 3 scales of 4.", lambda: _skipped(3)),
    _entry("skip-norm-skip", "SkipLayerNormalization with a skip (1, 7, 4).", lambda: _skipped(4, (1, 7, 4))),
    _entry("skip-norm-empty-skip", "SkipLayerNormalization with a skip (0, 4).", lambda: _skipped(4, (0, 4))),
    _entry("experts-too-many", "MoE takes 99 of 2 experts.", lambda: _experts(99)),
    _entry("experts-negative", "MoE takes −1 experts.", lambda: _experts(-1)),
)

INTEGERS = (
    _entry("qlinearadd-scale-0", "QLinearAdd with output scale 0.", lambda: _added(0.0)),
    _entry("qlinearadd-scale-nan", "QLinearAdd with output scale NaN.", lambda: _added(float("nan"))),
    _entry("qlinearadd-scale-empty", "QLinearAdd with an empty output scale.", lambda: _added(0.1, 0)),
    _entry("qlinearadd-scales", "QLinearAdd with 4 output scales.", lambda: _added(0.1, 4)),
    _entry(
        "qlinearsigmoid-empty",
        "QLinearSigmoid with an empty scale.",
        lambda: _quantized("QLinearSigmoid", "q none zp s zp", array("none", [])),
    ),
    _entry(
        "qlinearleaky-scale-0",
        "QLinearLeakyRelu with scale 0.",
        lambda: _quantized("QLinearLeakyRelu", "q s zp nought zp", array("nought", 0.0), alpha=0.1),
    ),
    _entry(
        "qlinearpool-stride-0",
        "QLinearAveragePool with stride 0.",
        lambda: _average_pool(kernel_shape=[1, 1], strides=[0, 0]),
    ),
    _entry(
        "qlinearpool-kernel-0", "QLinearAveragePool with a kernel of 0.", lambda: _average_pool(kernel_shape=[0, 0])
    ),
    _entry(
        "qlinearconcat-arity",
        "QLinearConcat with 4 inputs, which come in threes.",
        lambda: _quantized("QLinearConcat", "s zp q s", axis=1),
    ),
    _entry(
        "qlinearsoftmax-axis",
        "QLinearSoftmax along axis 9.",
        lambda: _quantized("QLinearSoftmax", "q s zp s zp", opset=13, axis=9),
    ),
    _entry(
        "qgemm-scales",
        "QGemm of 4 columns with 3 scales.",
        lambda: _quantized(
            "QGemm",
            "q s zp b bs bz  s zp",
            array("b", np.ones((4, 4)), np.int8),
            array("bs", [0.1] * 3),
            array("bz", [0] * 3, np.int8),
        ),
    ),
    _entry(
        "qgemm-shape",
        "QGemm by a weight (3, 4).",
        lambda: _quantized(
            "QGemm", "q s zp b s bz  s zp", array("b", np.ones((3, 4)), np.int8), array("bz", 0, np.int8)
        ),
    ),
    _entry(
        "matmulintegertofloat-scales",
        "MatMulIntegerToFloat of 4 columns with 3 scales.",
        lambda: _quantized(
            "MatMulIntegerToFloat", "q b s bs zp", array("b", np.ones((4, 4)), np.int8), array("bs", [0.1] * 3)
        ),
    ),
    _entry(
        "matmulintegertofloat-bias",
        "MatMulIntegerToFloat with a bias of 1 for 4 columns.",
        lambda: _quantized(
            "MatMulIntegerToFloat", "q b s s zp  bias", array("b", np.ones((4, 4)), np.int8), array("bias", [1.0])
        ),
    ),
    _entry(
        "dynamicquantizematmul-bias",
        "DynamicQuantizeMatMul with a bias of 1 for 4 columns.",
        lambda: model(
            [_microsoft("DynamicQuantizeMatMul", "x b bs  bias", "y")],
            array("b", np.ones((4, 4)), np.int8),
            array("bs", 0.1),
            array("bias", [1.0]),
        ),
    ),
    _entry(
        "dynamicquantizematmul-scales",
        "DynamicQuantizeMatMul of 4 columns with 3 scales.",
        lambda: model(
            [_microsoft("DynamicQuantizeMatMul", "x b bs", "y")],
            array("b", np.ones((4, 4)), np.int8),
            array("bs", [0.1] * 3),
        ),
    ),
    _entry(
        "matmulbnb4-lies",
        "MatMulBnb4 says K=4,096 of 4.",
        lambda: model(
            [_microsoft("MatMulBnb4", "x b a", "y", K=4096, N=4, block_size=16, quant_type=1)],
            array("b", [1] * 8, np.uint8),
            array("a", [1.0]),
        ),
    ),
    _entry(
        "matmulbnb4-block-0",
        "MatMulBnb4 in blocks of 0.",
        lambda: model(
            [_microsoft("MatMulBnb4", "x b a", "y", K=4, N=4, block_size=0, quant_type=1)],
            array("b", [1] * 8, np.uint8),
            array("a", [1.0]),
        ),
    ),
    _entry(
        "matmulbnb4-type",
        "MatMulBnb4 of type 99.",
        lambda: model(
            [_microsoft("MatMulBnb4", "x b a", "y", K=4, N=4, block_size=16, quant_type=99)],
            array("b", [1] * 8, np.uint8),
            array("a", [1.0]),
        ),
    ),
    _entry(
        "bitlinear-empty",
        "QEmbedLayerNormalization without inputs.",
        lambda: model([_microsoft("QEmbedLayerNormalization", "", "z"), to_float("z")]),
    ),
)

OTHERS = (
    _entry("fused-conv-activation", "FusedConv with an activation that nobody knows.", lambda: _fused("Guess")),
    _entry("fused-conv-params", "FusedConv's HardSigmoid with one parameter of two.", lambda: _fused("HardSigmoid")),
    _entry(
        "fused-gemm-activation",
        "FusedGemm with an activation that nobody knows.",
        lambda: model([_microsoft("FusedGemm", "x w", "y", activation="Guess")], array("w", np.ones((4, 4)))),
    ),
    _entry(
        "fused-matmul-batch",
        "FusedMatMul that swaps batches of a matrix.",
        lambda: model([_microsoft("FusedMatMul", "x w", "y", transBatchA=1)], array("w", np.ones((4, 4)))),
    ),
    _entry(
        "bias-gelu-shape",
        "BiasGelu with 3 biases of 4.",
        lambda: model([_microsoft("BiasGelu", "x b", "y")], array("b", [1.0] * 3)),
    ),
    _entry(
        "bias-gelu-empty",
        "BiasGelu with an empty bias.",
        lambda: model([_microsoft("BiasGelu", "x b", "y")], array("b", [])),
    ),
    _entry("ngram-0", "NGramRepeatBlock of size 0.", lambda: _repeated(0)),
    _entry("ngram-token", "NGramRepeatBlock of token 2⁴⁰ of 4.", lambda: _repeated(2, 1 << 40)),
    _entry("ngram-token-negative", "NGramRepeatBlock of token −2³⁰.", lambda: _repeated(2, -(1 << 30))),
    _entry("crop-batch", "CropAndResize of batch 2³⁰ of 1.", lambda: _cropped(1 << 30)),
    _entry("crop-batch-negative", "CropAndResize of batch −2³⁰.", lambda: _cropped(-(1 << 30))),
    _entry("crop-size", "CropAndResize to (−2, 0).", lambda: _cropped(0, (-2, 0))),
    _entry("word-conv-character", "WordConvEmbedding of character 2³⁰ of 4.", lambda: _words(1 << 30)),
    _entry("sparse-matmul-shape", "SparseToDenseMatMul (1, 1) × (1, 4).", _sparse_product),
    _entry("greedy-search", "GreedySearch with a decoder that is an Identity.", _beam),
    _entry(
        "tokenizer-expression",
        "Tokenizer with a regular expression that explodes.",
        lambda: _strings("Tokenizer", mark=0, pad_value="#", mincharnum=1, tokenexp="(a+)+(b|c|ab)*$"),
    ),
    _entry(
        "tokenizer-mincharnum",
        "Tokenizer of −5 characters.",
        lambda: _strings("Tokenizer", mark=0, pad_value="#", mincharnum=-5, separators=[""]),
    ),
    _entry(
        "unfold-step-0",
        "UnfoldTensor with step 0.",
        lambda: model([_microsoft("UnfoldTensor", "x", "y", dim=1, size=2, step=0)]),
    ),
    _entry(
        "unfold-size", "UnfoldTensor of size −2.", lambda: model([_microsoft("UnfoldTensor", "x", "y", dim=1, size=-2)])
    ),
    _entry(
        "expand-dims-axis",
        "ExpandDims at axis 2³⁰.",
        lambda: model([_microsoft("ExpandDims", "x axis", "y")], array("axis", 1 << 30, np.int32)),
    ),
    _entry(
        "rfft-one",
        "Rfft of one dimension more than there are.",
        lambda: model([_microsoft("Rfft", "x", "y", signal_ndim=9, onesided=1, normalized=0)]),
    ),
    _entry(
        "cdist-metric",
        "CDist by a metric that nobody knows.",
        lambda: model([_microsoft("CDist", "x x", "y", metric="guess")]),
    ),
    _entry("inverse-not-square", "Inverse of (1, 4).", lambda: model([_microsoft("Inverse", "x", "y")])),
    _entry(
        "time-warping-empty",
        "DynamicTimeWarping of (0, 4).",
        lambda: model(
            [
                _microsoft("DynamicTimeWarping", "e", "z"),
                node("Size", "z", "n"),
                node("Cast", "n", "f", to=FLOAT),
                node("Add", "x f", "y"),
            ],
            array("e", np.ones((0, 4))),
        ),
    ),
    _entry(
        "max-pool-mask",
        "MaxpoolWithMask with a mask of 1 value.",
        lambda: _tokens(
            _microsoft("MaxpoolWithMask", "tokens m", "y", kernel_shape=[2, 2]),
            shape=(1, 1, 2, 2),
            initializers=[array("m", [1], np.int32)],
        ),
    ),
    _entry(
        "pad-microsoft",
        "com.microsoft's Pad by −9.",
        lambda: model([_microsoft("Pad", "x pads", "y")], ints("pads", -9, -9, -9, -9)),
    ),
    _entry(
        "range-microsoft",
        "com.microsoft's Range with step 0.",
        lambda: model(
            [
                _microsoft("Range", "a b c", "r"),
                node("Cast", "r", "f", to=FLOAT),
                node("ReduceSum", "f", "t", keepdims=0),
                node("Add", "x t", "y"),
            ],
            int64("a", 0),
            int64("b", 5),
            int64("c", 0),
        ),
    ),
)

ENTRIES = (*ATTENTION, *INTEGERS, *OTHERS)
