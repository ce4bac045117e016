"""ONNX Runtime's quantizer: `quant_pre_process`, then `quantize_static`. It makes a file, or says why it does not."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from protocol import adapt, arrays, batches


class Samples(CalibrationDataReader):
    def __init__(self, inputs: np.ndarray) -> None:
        self._left = batches(inputs, 64)

    def get_next(self) -> dict[str, np.ndarray] | None:
        feed = next(self._left, None)
        return None if feed is None else {"input": feed}


def judge(folder: Path, question: dict[str, Any]) -> str | None:
    with tempfile.TemporaryDirectory() as scratch:
        prepared = Path(scratch) / "prepared.onnx"
        quant_pre_process(folder / "float.onnx", prepared)
        quantize_static(
            prepared,
            Path(scratch) / "int8.onnx",
            Samples(arrays(folder / "calibration.npz")["input"]),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            nodes_to_exclude=(question["recipe"] or {}).get("keep_float", []),
        )
    return None


if __name__ == "__main__":
    adapt(judge, ["onnxruntime", "onnx", "numpy"], {"calibration"}, makes=True)
