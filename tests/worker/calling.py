"""Calls of a worker process, and the failures that end them."""

from __future__ import annotations

import pytest

from pytest_qparity.verdict import CannotJudge, Failure
from pytest_qparity.worker.limits import Phase
from pytest_qparity.worker.process import WorkerProcess

CALLS = "tests.worker.calls"
PHASE = Phase("first run", 30.0)
PROMPT_S = 1.0  # far below what any wait for a supervisor would take; 0.2 is what benchmarks/ measure
WORK = 'Backend "mine" with model.onnx'


def called(worker: WorkerProcess, name: str, phase: Phase = PHASE, **arguments: object) -> object:
    return worker.call(f"{CALLS}:{name}", arguments, {}, WORK, phase).value


def refused(worker: WorkerProcess, name: str, phase: Phase = PHASE, **arguments: object) -> Failure:
    with pytest.raises(CannotJudge) as caught:
        called(worker, name, phase, **arguments)
    return caught.value.failure
