"""The same calls in this process give what a worker gives."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from pytest_qparity.verdict import CannotJudge, Code
from pytest_qparity.worker.in_process import InProcess
from pytest_qparity.worker.limits import Limits, Phase
from pytest_qparity.worker.process import WorkerProcess
from pytest_qparity.worker.protocol import Worker

PHASE = Phase("run", 30.0)


@pytest.fixture(params=[InProcess, WorkerProcess])
def worker(request: pytest.FixtureRequest) -> Iterator[Worker]:
    worker = request.param(Limits())
    yield worker
    worker.close()


def test_values_go_through_json(worker: Worker) -> None:
    answer = worker.call("tests.worker.calls:echo", {"a": (1, 2), "b": {3: 4}}, {}, "W", PHASE)

    assert answer.value == {"a": [1, 2], "b": {"3": 4}}


def test_arrays_are_the_callers_own(worker: Worker) -> None:
    x = np.ones(4)

    answer = worker.call("tests.worker.calls:echo", {}, {"x": x}, "W", PHASE)
    answer.arrays["x"][:] = 7

    np.testing.assert_array_equal(x, np.ones(4))


def test_a_refusal_is_the_same_failure(worker: Worker) -> None:
    with pytest.raises(CannotJudge) as caught:
        worker.call("tests.worker.calls:refuse", {}, {}, "W", PHASE)

    assert caught.value.failure.code is Code.BACKEND_LOAD
    assert caught.value.failure.likely == "a bad export"


def test_what_has_no_name_is_the_same_failure(worker: Worker) -> None:
    with pytest.raises(CannotJudge) as caught:
        worker.call("tests.worker.calls:raise_it", {}, {}, "W", PHASE)

    assert caught.value.failure.code is Code.WORKER_ERROR
    assert caught.value.failure.sentence == 'W got ValueError: "too hot" during its run, should have given an answer.'
