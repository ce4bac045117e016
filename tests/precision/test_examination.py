"""What the gate asks a worker about a variant's file."""

from __future__ import annotations

import pytest
from onnx import helper

from pytest_qparity.precision.examination import Examined, examined
from pytest_qparity.verdict import CannotJudge, Code
from pytest_qparity.worker.in_process import InProcess
from pytest_qparity.worker.limits import Limits
from pytest_qparity.worker.process import WorkerProcess
from tests.case.workers import misled
from tests.models import mlp, save
from tests.precision.graphs import FLOAT, model_of, quantized, weights


@pytest.fixture(scope="module")
def process():
    worker = WorkerProcess(Limits(memory_mb=4000))
    yield worker
    worker.close()


@pytest.fixture(params=["none", "process"])
def worker(request, process):
    return process if request.param == "process" else InProcess(Limits())


def integer_matmul():
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["i", "s", "z"], name="quantize"),
        helper.make_node("MatMulInteger", ["i", "w", "z"], ["sum"], name="matmul"),
        helper.make_node("Cast", ["sum"], ["y"], name="cast", to=FLOAT),
    ]
    constants = {"w": (weights(8, 4) * 100).astype("int8")}
    return model_of(nodes, [("x", FLOAT, ["N", 8])], [("y", FLOAT, ["N", 4])], constants)


CASES = {
    "Q/DQ": (quantized(), "int8", Examined(True, 2, 2, 17, False, ())),
    "Q/DQ asked for fp16": (quantized(), "fp16", Examined(False, 0, 2, 17, False, ())),
    "operators of their own": (integer_matmul(), "int8", Examined(True, 2, 3, 17, True, ())),
    "float": (mlp(), "int8", Examined(False, 0, 3, 17, False, ())),
    "float asked for fp32": (mlp(), "fp32", Examined(True, 0, 3, 17, False, ())),
    "bad scales": (quantized(scale=0.0), "int8", Examined(True, 2, 2, 17, False, ("quantize", "dequantize"))),
    "old opset": (quantized(opset=10), "int8", Examined(True, 2, 2, 10, False, ())),
}


@pytest.mark.parametrize(("model", "base", "expected"), CASES.values(), ids=CASES)
def test_counts_are_those_of_the_file_for_the_precision_asked_for(worker, tmp_path, model, base, expected):
    path = save(model, tmp_path / "v.onnx")

    assert examined(path, base, worker) == expected


def test_a_path_may_be_relative_to_where_pytest_is(worker, tmp_path, monkeypatch):
    path = save(quantized(), tmp_path / "v.onnx")
    monkeypatch.chdir(tmp_path)

    assert examined(path.relative_to(tmp_path), "int8", worker).quantized_nodes == 2


@pytest.mark.parametrize("content", [b"", b"\xff" * 40], ids=["empty", "bytes"])
def test_what_is_no_model_cannot_be_examined(worker, tmp_path, content):
    (tmp_path / "v.onnx").write_bytes(content)

    with pytest.raises(CannotJudge, match=r"^v\.onnx: got ") as stop:
        examined(tmp_path / "v.onnx", "int8", worker)

    assert stop.value.failure.code is Code.MODEL_UNREADABLE


def test_a_file_that_ends_its_worker_is_named_by_what_was_done_with_it(tmp_path):
    path = save(quantized(), tmp_path / "v.onnx")

    with misled("tests.worker.calls:segfault") as worker, pytest.raises(CannotJudge) as stop:
        examined(path, "int8", worker)

    assert stop.value.failure.code is Code.WORKER_CRASH
    assert stop.value.failure.sentence.startswith("Examining v.onnx was ended by SIGSEGV during its load")
