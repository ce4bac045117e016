"""NNCF's `quantize_with_accuracy_control`, as OpenVINO's documentation has it.

It judges what it makes itself: a given int8 file cannot be put before it. Where it puts operations back to float until
the metric holds, the fault was seen, and mended as far as the metric tells: that counts as caught.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import nncf
import numpy as np
import openvino
from protocol import adapt, arrays, batches, limits


class Told(logging.Handler):
    """The lines of NNCF's log that say what was put back."""

    def __init__(self) -> None:
        super().__init__()
        self.back: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        line = record.getMessage()
        if "out of" in line and "reverted" in line:
            self.back.append(line)


def judge(folder: Path, question: dict[str, Any]) -> str | None:
    model = openvino.Core().read_model(folder / "float.onnx")
    test = arrays(folder / "test.npz")
    calibration = nncf.Dataset(list(batches(arrays(folder / "calibration.npz")["input"], question["batch"])))
    validation = nncf.Dataset(
        list(zip(batches(test["input"], question["batch"]), batches(test["labels"], question["batch"]), strict=True))
    )

    def accuracy(compiled: Any, items: Any) -> float:
        right = [np.mean(compiled(inputs)["logits"].argmax(axis=1) == labels) for inputs, labels in items]
        return float(np.mean(right))

    options: dict[str, Any] = {}
    keep_float = (question["recipe"] or {}).get("keep_float")
    if keep_float:
        options["ignored_scope"] = nncf.IgnoredScope(names=keep_float)
    told = Told()
    logging.getLogger("nncf").addHandler(told)
    made = nncf.quantize_with_accuracy_control(
        model, calibration, validation, accuracy, max_drop=limits(folder)["drop_points"] / 100, **options
    )
    compiled = openvino.compile_model(made, "CPU")
    before = accuracy(openvino.compile_model(model, "CPU"), zip(*_batched(test, question["batch"]), strict=True))
    after = accuracy(compiled, zip(*_batched(test, question["batch"]), strict=True))
    lost = (before - after) * 100
    if lost > limits(folder)["drop_points"]:
        return f"ends {lost:.2f} points lower than the float model"
    if told.back:
        return told.back[0]
    left = sum(operation.get_type_name() == "FakeQuantize" for operation in made.get_ops())
    return None if left else "nothing is quantized"


def _batched(test: dict[str, np.ndarray], size: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    return list(batches(test["input"], size)), list(batches(test["labels"], size))


if __name__ == "__main__":
    adapt(judge, ["nncf", "openvino", "numpy"], {"calibration", "labels"}, makes=True)
