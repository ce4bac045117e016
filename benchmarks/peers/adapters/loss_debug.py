"""ONNX Runtime's `qdq_loss_debug`: errors of weights and activations by tensor, as its documentation shows it.

It prints and judges nothing. In its favour a reader is assumed who knows the sound file's figures, and sees an output
that is 6 dB under them, any tensor under 20 dB, one that is not finite, and one that is not there any more.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader
from onnxruntime.quantization.qdq_loss_debug import (
    collect_activations,
    compute_activation_error,
    compute_weight_error,
    create_activation_matching,
    create_weight_matching,
    modify_model_output_intermediate_tensors,
)
from protocol import adapt, arrays, batches

SLACK_DB, FLOOR_DB = 6.0, 20.0
OUTPUTS = ("activation logits", "activation values")


class Samples(CalibrationDataReader):
    def __init__(self, inputs: np.ndarray, size: int) -> None:
        self._left = batches(inputs, size)

    def get_next(self) -> dict[str, np.ndarray] | None:
        feed = next(self._left, None)
        return None if feed is None else {"input": feed}


def figures(folder: Path, question: dict[str, Any]) -> dict[str, float]:
    """dB by tensor: `weight …` and `activation …`."""
    source, variant = str(folder / "float.onnx"), str(folder / "int8.onnx")
    found: dict[str, float] = {}
    matched = create_weight_matching(source, variant)
    for name, errors in (compute_weight_error(matched) or {}).items():
        found[f"weight {name}"] = float(errors)
    inputs = arrays(folder / "test.npz")["input"]
    sides = []
    with tempfile.TemporaryDirectory() as scratch:
        for model in (source, variant):
            augmented = str(Path(scratch) / Path(model).name)
            modify_model_output_intermediate_tensors(model, augmented)
            sides.append(collect_activations(augmented, Samples(inputs, question["batch"])))
    both = create_activation_matching(sides[1], sides[0])
    for name, errors in compute_activation_error(both).items():
        if "xmodel_err" in errors:
            found[f"activation {name}"] = float(errors["xmodel_err"])
    return found


def judge(folder: Path, question: dict[str, Any]) -> str | None:
    known_file = folder.parent / "loss_debug_sound.json"
    if not known_file.exists():
        sound = folder.parent / "sound"
        known_file.write_text(json.dumps(figures(sound, json.loads((sound / "question.json").read_text()))))
    known = json.loads(known_file.read_text())
    onnx.load(folder / "int8.onnx")
    found = figures(folder, question)
    gone = sorted(set(known) - set(found))
    if gone:
        return f"{len(gone)} of {len(known)} tensors have no figure, {gone[0]} the first"
    limit = {
        name: known[name] - SLACK_DB if name in OUTPUTS else min(known[name] - SLACK_DB, FLOOR_DB) for name in known
    }
    low = {name: value for name, value in found.items() if name in limit and not value >= limit[name]}
    if not low:
        return None
    name = min(low, key=lambda each: low[each])
    return f"{name}: {low[name]:.1f} dB, {known[name]:.1f} dB in the sound file"


if __name__ == "__main__":
    adapt(judge, ["onnxruntime", "onnx", "numpy"], set())
