"""Writes `textbert_stock_int8.onnx`: what ONNX Runtime's `quantize_static` makes of textbert with its defaults.

Calibrated on padded batches, as the calibration data are. Its defaults: QDQ, MinMax, int8 activations and weights, one
scale a tensor, and every operator that it knows quantized: the attention mask of −10000 among them.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, quantize_static

CASES = Path(__file__).parent.parent


class Batches(CalibrationDataReader):
    def __init__(self, data: Path, batch: int) -> None:
        with np.load(data) as archive:
            arrays = {name: archive[name] for name in ("input_ids", "attention_mask")}
        samples = len(arrays["input_ids"])
        self._feeds: Iterator[dict[str, np.ndarray]] = iter(
            [
                {name: array[start : start + batch] for name, array in arrays.items()}
                for start in range(0, samples, batch)
            ]
        )

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._feeds, None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=CASES / "models" / "textbert.onnx")
    parser.add_argument("--calibration", type=Path, default=CASES / "data" / "textbert_calibration.npz")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--output", type=Path, default=CASES / "models" / "textbert_stock_int8.onnx")
    arguments = parser.parse_args()
    quantize_static(arguments.model, arguments.output, Batches(arguments.calibration, arguments.batch))
    nodes = onnx.load(arguments.output).graph.node
    print(f"{arguments.output.name}: {sum(node.op_type == 'QuantizeLinear' for node in nodes)} QuantizeLinear")


if __name__ == "__main__":
    main()
