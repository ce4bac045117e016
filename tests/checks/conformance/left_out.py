"""What of the quantized operators no kernel of the catalogue tries, and why."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_qparity.checks.conformance.models import MICROSOFT

ATTRIBUTE, INPUT = "attribute", "input"


@dataclass(frozen=True, slots=True, order=True)
class Feature:
    """A type that a version of an operator allows, or an attribute or input that it has; the operator is named with
    its domain, but for ONNX's own."""

    operator: str
    version: int
    place: str  # of a type constraint, such as "T1", or ATTRIBUTE, or INPUT
    name: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Features that no kernel tries: these names of these versions in these places; none named: all of them."""

    operator: str
    versions: tuple[int, ...]
    names: tuple[str, ...]
    why: str
    places: tuple[str, ...] = ()

    @property
    def domain(self) -> str:
        return self.operator.rpartition(".")[0]

    def covers(self, feature: Feature) -> bool:
        return (
            feature.operator == self.operator
            and (feature.version in self.versions or not self.versions)
            and (feature.name in self.names or not self.names)
            and (feature.place in self.places or not self.places)
        )


_BY_OPSET_24 = "opset 24 brought float8e8m0 to these operators: the others are tried at the opsets around it"
_BESIDE = "tried at opsets 19, 21 and 25"
_OWN = ("bool", "string", "double", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
_OWN_WHY = "NumPy's own types: float32 is tried beside all small ones, int8 and uint8 beside those of 4 and 2 bits"
NO_KERNEL = "no kernel for CPUs"
_NO_KERNELS = (
    "DequantizeBFP",
    "DequantizeWithOrder",
    "GemmFloat8",
    "MatMulBlockQuantizedFp4Weight",
    "MatMulBlockQuantizedFp8Weight",
    "MatMulNBitsMlp",
    "MatMulNBitsQLoRA",
    "MatMulNBitsQkv",
    "MulInteger",
    "QOrderedAttention",
    "QOrderedGelu",
    "QOrderedLayerNormalization",
    "QOrderedLongformerAttention",
    "QOrderedMatMul",
    "QuantizeBFP",
    "QuantizeWithOrder",
    "ReduceSumInteger",
)
_PACKED = "its weights are packed by functions of ONNX Runtime's that are not documented"
_SAME = "ONNX's operator of opset 21 under another name, with the same documentation"
_LSTM = "the LSTM's own matter: its quantized products are the same"
LEFT_OUT = (
    LeftOut("QuantizeLinear", (10,), ("int32", "uint8"), "the formula is that of opset 13, where they are tried"),
    LeftOut(
        "QuantizeLinear",
        (19, 21),
        ("int32",),
        "y_scale would be of int32 as well, and what integers divide to is not said",
        ("T1",),
    ),
    LeftOut(
        "QuantizeLinear",
        (23, 24, 25),
        ("int32",),
        "a scale of integers: what the precision of their division is, is not said",
        ("T2",),
    ),
    LeftOut("QuantizeLinear", (24, 25), ("int32",), "tried at opsets 13 and 23", ("T1",)),
    LeftOut("QuantizeLinear", (23,), ("bfloat16",), _BESIDE),
    LeftOut("QuantizeLinear", (24,), ("bfloat16", "float16"), _BESIDE),
    LeftOut(
        "QuantizeLinear",
        (24,),
        ("float8e5m2", "float8e5m2fnuz", "int16", "uint16", "int4", "uint4", "output_dtype"),
        _BY_OPSET_24,
    ),
    LeftOut("QuantizeLinear", (28,), (), "ONNX Runtime 1.32 has no kernel of opset 28, which brought float6"),
    LeftOut("DequantizeLinear", (10,), ("int32", "uint8"), "the formula is that of opset 13, where they are tried"),
    LeftOut("DequantizeLinear", (23,), ("bfloat16",), _BESIDE),
    LeftOut("DequantizeLinear", (24,), ("bfloat16", "float16"), _BESIDE),
    LeftOut(
        "DequantizeLinear",
        (24,),
        ("float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz", "int16", "uint16", "int32", "int4", "uint4"),
        _BY_OPSET_24,
    ),
    LeftOut("DequantizeLinear", (28,), (), "ONNX Runtime 1.32 has no kernel of opset 28, which brought float6"),
    LeftOut("Cast", (19, 23, 24, 25), (*_OWN, "int8"), _OWN_WHY),
    LeftOut("Cast", (21,), _OWN, _OWN_WHY),
    LeftOut("Cast", (21, 23, 24), ("float16", "bfloat16"), "tried at opsets 19 and 25"),
    LeftOut(
        "Cast",
        (24,),
        ("float8e4m3fn", "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz", "float4e2m1", "int4", "uint4"),
        _BY_OPSET_24,
    ),
    LeftOut("Cast", (28,), (), "ONNX Runtime 1.32 has no kernel of opset 28, which brought float6"),
    *(LeftOut(f"{MICROSOFT}.{name}", (), (), NO_KERNEL) for name in _NO_KERNELS),
    *(LeftOut(f"{MICROSOFT}.{name}", (), (), _SAME) for name in ("DequantizeLinear", "QuantizeLinear")),
    LeftOut(f"{MICROSOFT}.MatMulFpQ4", (), (), _PACKED),
    LeftOut(
        f"{MICROSOFT}.QEmbedLayerNormalization", (), (), "experimental; LayerNormalization is tried in fused patterns"
    ),
    LeftOut(f"{MICROSOFT}.QMoE", (), (), "which of two experts with equal scores is picked is left open"),
    LeftOut(
        f"{MICROSOFT}.DynamicQuantizeLSTM",
        (),
        ("P", "activation_alpha", "activation_beta", "activations", "clip", "input_forget", "sequence_lens"),
        _LSTM,
    ),
    LeftOut(f"{MICROSOFT}.MatMulBnb4", (), ("training_mode",), "changes nothing of the product"),
    LeftOut(f"{MICROSOFT}.MatMulNBits", (), ("g_idx",), "deprecated"),
    LeftOut(f"{MICROSOFT}.MatMulNBits", (), ("weight_prepacked",), "layouts of CUDA alone"),
    LeftOut(f"{MICROSOFT}.QAttention", (), ("do_rotary",), "which elements are rotated with which is not documented"),
    LeftOut(f"{MICROSOFT}.QAttention", (), ("mask_filter_value",), "changes nothing of what is not masked"),
    LeftOut(
        f"{MICROSOFT}.QAttention", (), ("past_present_share_buffer",), "wants an input that the operator does not have"
    ),
    LeftOut(f"{MICROSOFT}.QLinearConv", (), ("B", "auto_pad"), "tried of ONNX's QLinearConv"),
)
