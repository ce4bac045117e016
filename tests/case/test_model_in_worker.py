"""A model is read in a worker process as in this one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_qparity.case.model import read_model_file
from pytest_qparity.verdict import CannotJudge, Code
from pytest_qparity.worker.limits import Limits
from pytest_qparity.worker.process import WorkerProcess
from tests.case.model_files import WORKER, refusal, relocated, with_external_data
from tests.case.workers import misled
from tests.models import mlp, save

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def process() -> Iterator[WorkerProcess]:
    worker = WorkerProcess(Limits(load_s=60, memory_mb=2000))
    yield worker
    worker.close()


def test_a_worker_process_reads_what_this_process_reads(tmp_path: Path, process: WorkerProcess) -> None:
    path = with_external_data(tmp_path)

    assert read_model_file(path, process) == read_model_file(path, WORKER)


def test_a_worker_process_reads_a_model_by_a_relative_path(
    tmp_path: Path, process: WorkerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_external_data(tmp_path)
    monkeypatch.chdir(tmp_path)

    assert read_model_file(Path("m.onnx"), process).external == ("weights.bin",)


@pytest.mark.parametrize("content", [b"\xff" * 40, b"\x0a" * 40], ids=["no message", "no model"])
def test_a_worker_process_says_what_is_no_model_in_the_same_words(
    tmp_path: Path, process: WorkerProcess, content: bytes
) -> None:
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(CannotJudge) as caught:
        read_model_file(tmp_path / "m.onnx", process)

    assert (caught.value.failure.code, caught.value.failure.sentence) == refusal(tmp_path / "m.onnx")


@pytest.mark.parametrize("name", ["QQQQ", "input", "logits", "N", "w1"])
def test_a_name_that_is_no_utf8_is_the_same_failure_in_both_workers(
    tmp_path: Path, process: WorkerProcess, name: str
) -> None:
    """A location, an input, an output, a dimension and a tensor."""
    path = relocated(with_external_data(tmp_path), "QQQQ")
    path.write_bytes(path.read_bytes().replace(name.encode(), b"\xff" * len(name)))
    with pytest.raises(CannotJudge) as caught:
        read_model_file(path, process)

    assert (caught.value.failure.code, caught.value.failure.sentence) == refusal(path)
    assert refusal(path) == (
        Code.MODEL_UNREADABLE,
        "m.onnx: got a name that is no UTF-8, should be an ONNX model.",
    )


def test_a_worker_process_that_ends_while_it_reads_is_named_with_the_model(tmp_path: Path) -> None:
    path = save(mlp(), tmp_path / "m.onnx")

    with misled("tests.worker.calls:segfault") as worker, pytest.raises(CannotJudge) as caught:
        read_model_file(path, worker)

    assert caught.value.failure.code is Code.WORKER_CRASH
    assert caught.value.failure.sentence.startswith("Reading m.onnx was ended by SIGSEGV during its load")
