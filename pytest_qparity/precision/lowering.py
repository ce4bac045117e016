"""What a worker does to emulate a variant."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx
from onnx import TensorProto

from pytest_qparity.precision.emulation import lowered, with_tf32
from pytest_qparity.precision.large import save_whole
from pytest_qparity.precision.making import Border
from pytest_qparity.precision.operands import TYPES

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

__all__ = ["lower"]

# Scales of blocks have types of their own.
_SCALES: Mapping[str, frozenset[int]] = {
    "mxfp8": frozenset({TensorProto.FLOAT8E8M0}),
    "mxfp4": frozenset({TensorProto.FLOAT8E8M0}),
    "nvfp4": frozenset({TensorProto.FLOAT8E4M3FN}),
}


def lower(
    held: dict[str, Any], arguments: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
) -> tuple[dict[str, int], Mapping[str, np.ndarray]]:
    """Write `model`, with the types of the `emulated` precisions lowered, to `target`; counts of nodes by type."""
    with Border(arguments["precision"]):
        model = onnx.load(arguments["model"])
        if arguments["base"] == "tf32":
            made, counts = with_tf32(model)
        else:
            bases = [base for base in arguments["emulated"] if base in TYPES]
            types = frozenset().union(*(TYPES[base] | _SCALES.get(base, frozenset()) for base in bases))
            made, counts = lowered(model, types)
        save_whole(made, Path(arguments["target"]))
        return dict(counts), {}
