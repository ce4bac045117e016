"""Model files of tests, with external data of their own, read or refused."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from pytest_qparity.case.model import read_model_file
from pytest_qparity.verdict import CannotJudge, Code
from pytest_qparity.worker.in_process import InProcess
from pytest_qparity.worker.limits import Limits
from tests.models import mlp

WORKER = InProcess(Limits())


def refusal(path: Path) -> tuple[Code, str]:
    with pytest.raises(CannotJudge) as caught:
        read_model_file(path, WORKER)
    assert caught.value.failure.remedy
    return caught.value.failure.code, caught.value.failure.sentence


def with_external_data(folder: Path, location: str = "weights.bin") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "m.onnx"
    onnx.save(mlp(), path, save_as_external_data=True, location=location, size_threshold=0)
    return path


def restated(path: Path, **stated: str) -> Path:
    """The model with these entries in the external data of each of its tensors."""
    model = onnx.load(path, load_external_data=False)
    for tensor in model.graph.initializer:
        kept = {entry.key: entry.value for entry in tensor.external_data} | stated
        del tensor.external_data[:]
        for key, value in kept.items():
            tensor.external_data.add(key=key, value=value)
    path.write_bytes(model.SerializeToString())
    return path


def relocated(path: Path, location: str) -> Path:
    return restated(path, location=location)
