"""Makes models/digits_int8.onnx, which the service loads: ONNX Runtime's quantizer, calibrated on requests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from digits_service import MODEL
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from recorded import requests

FLOAT_MODEL = Path(__file__).parent.parent.parent / "cases" / "models" / "digits_resnet.onnx"


class Recorded(CalibrationDataReader):
    def __init__(self) -> None:
        self._feeds: Iterator[dict[str, np.ndarray]] = ({"input": each} for each in requests("calibration.jsonl")[0])

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._feeds, None)


if __name__ == "__main__":
    MODEL.parent.mkdir(exist_ok=True)
    quantize_static(FLOAT_MODEL, MODEL, Recorded(), per_channel=True, weight_type=QuantType.QInt8)
