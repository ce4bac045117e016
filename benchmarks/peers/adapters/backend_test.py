"""onnx's backend test runner over a folder of the kind that its data has: model.onnx, test_data_set_*/*.pb.

Through `onnx.backend.test.runner.Runner` with ONNX Runtime's backend, tolerances those of the sound pair.
"""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import onnxruntime.backend as ort_backend
from onnx import numpy_helper
from onnx.backend.test.case.test_case import TestCase
from onnx.backend.test.runner import Runner
from protocol import adapt, arrays, batches, limits

RUNNER = Runner(ort_backend, __name__)
DEVICE = {"CPUExecutionProvider": "CPU", "CUDAExecutionProvider": "CUDA"}


def judge(folder: Path, question: dict[str, Any]) -> str | None:
    device = DEVICE[question["provider"]]
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch)
        (target / "model.onnx").write_bytes((folder / "int8.onnx").read_bytes())
        _data_sets(folder, question["batch"], target)
        atol = max(limits(folder)["atol"].values())
        name = f"test_{folder.name.replace('-', '_')}"
        case = TestCase(name, name, None, str(target), None, None, "real", rtol=0.0, atol=atol)
        RUNNER._add_model_test(case, "Release")
        item = RUNNER._test_items["ReleaseModel"][f"{name}_{device.lower()}"]
        holder = type("Release", (unittest.TestCase,), {"test": item.func})
        result = unittest.TestResult()
        holder("test").run(result)
    if result.skipped:
        return f"skipped: {result.skipped[0][1]}"
    told = [*result.failures, *result.errors]
    return told[0][1][-240:] if told else None


def _data_sets(folder: Path, size: int, target: Path) -> None:
    inputs = arrays(folder / "test.npz")["input"]
    stored = arrays(folder / "golden.npz") if (folder / "golden.npz").exists() else None
    session = onnxruntime.InferenceSession(folder / "float.onnx", providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    for index, batch in enumerate(batches(inputs, size)):
        if stored is None:
            outputs = dict(zip(names, session.run(names, {"input": batch}), strict=True))
        else:
            outputs = {name: held[index * size : (index + 1) * size] for name, held in stored.items()}
            if not len(next(iter(outputs.values()))):
                break  # what was stored ends here
        data_set = target / f"test_data_set_{index}"
        data_set.mkdir()
        _write(data_set / "input_0.pb", batch, "input")
        for position, (name, output) in enumerate(outputs.items()):
            _write(data_set / f"output_{position}.pb", output, name)


def _write(path: Path, array: np.ndarray, name: str) -> None:
    path.write_bytes(numpy_helper.from_array(np.ascontiguousarray(array), name).SerializeToString())


if __name__ == "__main__":
    adapt(judge, ["onnx", "onnxruntime", "numpy"], {"golden", "provider"})
