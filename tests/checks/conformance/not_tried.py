"""Quantized operators, their attributes and inputs that no kernel of the catalogue tries, each with its reason.

python -m tests.checks.conformance.not_tried writes the list into docs/conformance.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "conformance.md"
MARK = "<!-- not tried: operators -->"
QUANTIZED = re.compile(r"quant|qlinear|integer|nbits|bnb4|fpq4|float8|fp8|fp4|^Q(?!uick)", re.IGNORECASE)

NO_KERNEL = "no kernel for CPUs"
_PACKED = "its weights are packed by functions of ONNX Runtime's that are not documented"
_SAME_CODE = "ONNX's operator of opset 21 under another name, with the same documentation"

OPERATORS: dict[str, str] = {
    "com.microsoft.DequantizeBFP": NO_KERNEL,
    "com.microsoft.DequantizeLinear": _SAME_CODE,
    "com.microsoft.DequantizeWithOrder": NO_KERNEL,
    "com.microsoft.GemmFloat8": NO_KERNEL,
    "com.microsoft.MatMulBlockQuantizedFp4Weight": NO_KERNEL,
    "com.microsoft.MatMulBlockQuantizedFp8Weight": NO_KERNEL,
    "com.microsoft.MatMulFpQ4": _PACKED,
    "com.microsoft.MatMulNBitsMlp": NO_KERNEL,
    "com.microsoft.MatMulNBitsQLoRA": NO_KERNEL,
    "com.microsoft.MatMulNBitsQkv": NO_KERNEL,
    "com.microsoft.MulInteger": NO_KERNEL,
    "com.microsoft.QEmbedLayerNormalization": "experimental; LayerNormalization is tried in fused patterns",
    "com.microsoft.QMoE": "which of two experts with equal scores is picked is left open",
    "com.microsoft.QOrderedAttention": NO_KERNEL,
    "com.microsoft.QOrderedGelu": NO_KERNEL,
    "com.microsoft.QOrderedLayerNormalization": NO_KERNEL,
    "com.microsoft.QOrderedLongformerAttention": NO_KERNEL,
    "com.microsoft.QOrderedMatMul": NO_KERNEL,
    "com.microsoft.QuantizeBFP": NO_KERNEL,
    "com.microsoft.QuantizeLinear": _SAME_CODE,
    "com.microsoft.QuantizeWithOrder": NO_KERNEL,
    "com.microsoft.ReduceSumInteger": NO_KERNEL,
}

# Attributes and inputs by operator.
_LSTM = "the LSTM's own matter: its quantized products are the same"
OPTIONS: dict[str, dict[str, str]] = {
    "com.microsoft.DynamicQuantizeLSTM": {
        "P": _LSTM,
        "activation_alpha": _LSTM,
        "activation_beta": _LSTM,
        "activations": _LSTM,
        "clip": _LSTM,
        "input_forget": _LSTM,
        "sequence_lens": _LSTM,
    },
    "com.microsoft.MatMulBnb4": {"training_mode": "changes nothing of the product"},
    "com.microsoft.MatMulNBits": {
        "g_idx": "deprecated",
        "weight_prepacked": "layouts of CUDA alone",
    },
    "com.microsoft.QAttention": {
        "do_rotary": "which elements are rotated with which is not documented",
        "mask_filter_value": "changes nothing of what is not masked",
        "past_present_share_buffer": "wants an input that the operator does not have",
    },
    "com.microsoft.QLinearConv": {
        "B": "tried of ONNX's QLinearConv",
        "auto_pad": "tried of ONNX's QLinearConv",
    },
}


def lines() -> Iterator[str]:
    yield from ("| operator | what | why |", "| --- | --- | --- |")
    for operator, reason in OPERATORS.items():
        yield f"| {operator} | all of it | {reason} |"
    for operator, options in OPTIONS.items():
        for option, reason in options.items():
            yield f"| {operator} | `{option}` | {reason} |"


def printed(page: str) -> str:
    """The page with the list as it is now. ValueError where it has no place for it."""
    before, mark, rest = page.partition(MARK)
    if not mark:
        raise ValueError(f"got a page without {MARK}, should have it")
    after = rest[rest.index("\n\n", rest.index("| --- |")) :] if "| --- |" in rest else rest
    return f"{before}{MARK}\n\n{chr(10).join(lines())}{after}"


if __name__ == "__main__":
    PAGE.write_text(printed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
