"""What a worker's end is called."""

from __future__ import annotations

import signal

import pytest

from pytest_qparity.verdict import Code
from pytest_qparity.worker.failures import ended
from pytest_qparity.worker.limits import Phase
from pytest_qparity.worker.supervisor import Ending


@pytest.mark.parametrize(
    ("deadline", "deaf", "memory_mb", "code"),
    [
        pytest.param(False, False, None, Code.WORKER_CRASH, id="by itself"),
        pytest.param(True, False, None, Code.WORKER_DEADLINE, id="its time was up"),
        pytest.param(False, True, None, Code.WORKER_PROTOCOL, id="it closed its channel and lived on"),
        pytest.param(False, False, 3_001.0, Code.WORKER_MEMORY, id="it held too much"),
        pytest.param(False, True, 3_001.0, Code.WORKER_MEMORY, id="its channel closed long before it had ended"),
        pytest.param(True, False, 3_001.0, Code.WORKER_MEMORY, id="its time was up while it ended"),
    ],
)
def test_an_end_for_memory_is_that_however_it_was_found(
    deadline: bool, deaf: bool, memory_mb: float | None, code: Code
) -> None:
    ending = Ending(-signal.SIGKILL, deadline, deaf, memory_mb, "")

    failure = ended("The engine", Phase("run", 60.0), ending, memory_mb=2_900.0)

    assert failure.code is code
    assert ("held 3,001 MB" in failure.sentence) == (memory_mb is not None)
