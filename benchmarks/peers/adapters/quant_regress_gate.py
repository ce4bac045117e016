"""quant-regress through its library: `QuantHarness` takes a factory of models that answer. It judges labels alone.

The command line quantizes by itself, and models of Hugging Face alone: it takes no pair of ONNX files.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from protocol import adapt, arrays, batches, limits
from quant_regress import QuantHarness, Verdict
from quant_regress.evalset import Case, EvalSet

FILES = {"fp32": "float.onnx", "int8": "int8.onnx"}


class Answers:
    """A classifier, as the harness takes it: `answer(prompt)`; the prompt is the number of the sample."""

    def __init__(self, model: Path, inputs: np.ndarray, size: int) -> None:
        session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        parts = [session.run(["logits"], {"input": batch})[0] for batch in batches(inputs, size)]
        self._classes = np.concatenate(parts).argmax(axis=1) if parts else np.array([])

    def answer(self, prompt: str) -> str:
        return str(self._classes[int(prompt)])


def judge(folder: Path, question: dict[str, Any]) -> str | None:
    test = arrays(folder / "test.npz")
    cases = [Case(str(index), str(index), str(label)) for index, label in enumerate(test["labels"])]
    harness = QuantHarness(lambda precision: Answers(folder / FILES[precision], test["input"], question["batch"]))
    result = harness.compare(EvalSet(cases), max_drop_points=limits(folder)["drop_points"], min_accuracy=0.5)
    if result.verdict is Verdict.PASS:
        return None
    return result.floor_failure or f"{result.worst_drop_points:.2f} points lower"


if __name__ == "__main__":
    adapt(judge, ["quant-regress", "onnxruntime", "numpy"], {"labels"})
