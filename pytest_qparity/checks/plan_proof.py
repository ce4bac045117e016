"""What a built engine holds of its precision: there is no ONNX file to read, so that the engine inspector proves it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_qparity.backends.kernels import NotTold
from pytest_qparity.precision.examination import Examined
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_qparity.backends.kernels import Kernels

_CLAIM_NOTHING = frozenset({"fp32", "tf32"})
# As an inspector names them; int16 and E5M2 are in no engine of TensorRT.
_TYPES: Mapping[str, str] = {
    "fp16": "fp16",
    "bf16": "bf16",
    "int8": "int8",
    "uint8": "uint8",
    "fp8": "fp8",
    "fp8-e4m3": "fp8",
    "mxfp8": "fp8",
    "int4": "int4",
    "uint4": "int4",
    "nvfp4": "fp4",
    "mxfp4": "fp4",
}


def examined_engine(kernels: Kernels | NotTold, layers: int, base: str) -> Examined:
    """An engine of `layers` layers as preflight sees a file: it holds `base` where at least one of them computes in its
    type. Scales and the opset are no longer to be seen. Raises CannotJudge where the inspector tells no types.
    """
    if base in _CLAIM_NOTHING:
        computing = 0
    elif isinstance(kernels, NotTold):
        raise CannotJudge(
            Failure(
                Code.PREFLIGHT_KERNELS_UNTOLD,
                f"Got an engine that does not tell what it computes in ({kernels.reason}), should tell it: "
                f"nothing else proves that it is {base}.",
                "build it with ProfilingVerbosity.DETAILED (trtexec --profilingVerbosity=detailed)",
            )
        )
    else:
        computing = kernels.types.get(_TYPES.get(base, ""), 0)
    return Examined(
        holds_precision=base in _CLAIM_NOTHING or computing > 0,
        quantized_nodes=computing,
        nodes=layers,
        opset=None,
        own_operators=False,
        bad_scales=(),
    )
