"""The hand-written tests. `PAIR` names the folder of the two files."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import onnxruntime

FOLDER = Path(os.environ["PAIR"])
QUESTION = json.loads((FOLDER / "question.json").read_text())
LIMITS = json.loads((FOLDER.parent / "limits.json").read_text())
TEST = np.load(FOLDER / "test.npz")


def run(file: str) -> dict[str, np.ndarray]:
    providers = [QUESTION["provider"]] if file == "int8.onnx" else ["CPUExecutionProvider"]
    session = onnxruntime.InferenceSession(FOLDER / file, providers=providers)
    names = ["logits", "values"]
    inputs = TEST["input"]
    batches = [inputs[start : start + QUESTION["batch"]] for start in range(0, len(inputs), QUESTION["batch"])]
    parts = [session.run(names, {"input": batch}) for batch in batches]
    return {name: np.concatenate([part[index] for part in parts]) for index, name in enumerate(names)}


def reference() -> dict[str, np.ndarray]:
    golden = FOLDER / "golden.npz"
    return dict(np.load(golden)) if golden.exists() else run("float.onnx")


def test_outputs_are_close():
    got, want = run("int8.onnx"), reference()
    for name in want:
        np.testing.assert_allclose(got[name], want[name], rtol=0, atol=LIMITS["atol"][name])


def test_accuracy_is_kept():
    labels = TEST["labels"]
    accuracy = {file: np.mean(run(file)["logits"].argmax(1) == labels) for file in ("float.onnx", "int8.onnx")}
    assert accuracy["int8.onnx"] >= accuracy["float.onnx"] - LIMITS["drop_points"] / 100
