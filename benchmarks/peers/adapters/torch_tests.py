"""pytest-torch's assertions, with ONNX Runtime's sessions wrapped as modules: its own ONNX parity exports from PyTorch.

Inference contract, reference, agreement, and its paired interval of accuracy; each in the form of its documentation.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnxruntime
import torch
from protocol import adapt, arrays, batches, limits
from pytest_torch import (
    assert_matches_reference,
    assert_models_agree,
    check_inference_contract,
    evaluate_detailed,
    paired_difference,
)


class Session(torch.nn.Module):
    """An ONNX file as a module: a batch in, a dict of outputs out."""

    def __init__(self, model: Path, provider: str) -> None:
        super().__init__()
        self._session = onnxruntime.InferenceSession(model, providers=[provider])

    def forward(self, inputs: torch.Tensor) -> dict[str, torch.Tensor]:
        names = [output.name for output in self._session.get_outputs()]
        outputs = self._session.run(names, {"input": inputs.numpy()})
        return {name: torch.from_numpy(output) for name, output in zip(names, outputs, strict=True)}


def accuracy(output: dict[str, torch.Tensor], batch: Any) -> torch.Tensor:
    return (output["logits"].argmax(-1) == batch[1]).float()


def judge(folder: Path, question: dict[str, Any]) -> str | None:
    limit = limits(folder)
    reference = Session(folder / "float.onnx", "CPUExecutionProvider").eval()
    candidate = Session(folder / "int8.onnx", question["provider"]).eval()
    test = arrays(folder / "test.npz")
    size = question["batch"]
    inputs = [torch.from_numpy(batch) for batch in batches(test["input"], size)]
    for batch in inputs:
        for name, atol in limit["atol"].items():
            assert_matches_reference(
                candidate, reference, batch, select=lambda out, name=name: out[name], rtol=0.0, atol=atol
            )
    whole = torch.from_numpy(test["input"])
    whole = whole[: len(whole) // size * size]
    check_inference_contract(candidate, inputs[0], atol=max(limit["atol"].values()), rtol=0.0)
    assert_models_agree(_Whole(reference, size), _Whole(candidate, size), whole, min_top1=0.97, min_cosine=0.995)
    loader = [
        (batch, torch.from_numpy(labels)) for batch, labels in zip(inputs, batches(test["labels"], size), strict=True)
    ]
    scores = [
        evaluate_detailed(each, loader, {"accuracy": accuracy}, inputs=lambda batch: batch[0])
        for each in (candidate, reference)
    ]
    current, baseline = (each.per_sample["accuracy"] for each in scores)
    difference = paired_difference(current, baseline)
    if difference.drop * 100 > limit["drop_points"]:
        return f"accuracy is {difference.drop * 100:.2f} points lower"
    return None


class _Whole(torch.nn.Module):
    """A module over all samples, as batches of the size that the files take."""

    def __init__(self, inner: torch.nn.Module, size: int) -> None:
        super().__init__()
        self._inner, self._size = inner, size

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return torch.cat([self._inner(batch)["logits"] for batch in inputs.split(self._size)])


if __name__ == "__main__":
    adapt(judge, ["pytest-torch", "torch", "onnxruntime"], {"labels", "provider"})
