"""What engines want of Q/DQ placement, as values: a file that an engine fuses is fast there, another is only right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["TARGETS", "Target"]


@dataclass(frozen=True, slots=True)
class Target:
    """The rules of an engine.

    `activation`: its 8-bit activation type. `symmetric`: activations have a zero point of 0. `integer_bias`: biases are
    int32 with the scale of their products. `fused_outputs`: a convolution runs on integers only where what leaves it is
    quantized as well, behind the activation function that is fused with it. `quantized_skips`: where a convolution's
    output is added to another tensor that is quantized, the sum takes the quantized one. `fused_sums`: a product of
    matrices and the sum behind it become a Gemm, which runs on integers only where its bias is int32 or it has none.
    """

    name: str
    activation: str
    symmetric: bool
    integer_bias: bool
    fused_outputs: bool
    quantized_skips: bool
    fused_sums: bool = False


_ONNX_RUNTIME = Target(
    "ort", "uint8", symmetric=False, integer_bias=True, fused_outputs=True, quantized_skips=True, fused_sums=True
)
# Sources: TensorRT developer guide, "Q/DQ Layer-Placement Recommendations" (quantize all inputs of weighted operators,
# not their outputs, and the skip input of residual additions), and what its ONNX importer refuses: zero points other
# than 0, uint8, int32 biases.
_TENSORRT = Target("trt", "int8", symmetric=True, integer_bias=False, fused_outputs=False, quantized_skips=True)

TARGETS: Mapping[str, Target] = MappingProxyType(
    {
        "ort": _ONNX_RUNTIME,
        "openvino": Target(
            "openvino", "uint8", symmetric=False, integer_bias=False, fused_outputs=False, quantized_skips=True
        ),
        "trt": _TENSORRT,
        # One file that all take: the strictest importer is TensorRT's.
        "any": Target("any", "int8", symmetric=True, integer_bias=False, fused_outputs=False, quantized_skips=True),
    }
)
