from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from pytest_qparity.backends import rollout
from pytest_qparity.backends.outputs import Misfit, gather_outputs, gather_outputs_like
from pytest_qparity.backends.protocol import SessionFacts
from pytest_qparity.backends.rollout import Rollout
from pytest_qparity.case.data import Feeds
from pytest_qparity.case.sequence import Recordings
from pytest_qparity.verdict import CannotJudge, Code
from tests.backends.stand_ins import LARGEST_MB, hosted

STEPS = np.array([1, 2, 3, 1, 2])


class Counter:
    """Gives state + x as "sum", what `also` makes of it, and remembers what it was fed."""

    def __init__(self, dtype: type = np.float32, also: Any = None) -> None:
        self.dtype = dtype
        self.also = also
        self.fed: list[float] = []
        self.addresses: set[int] = set()

    def run(self, feed: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        self.fed.append(float(feed["state"]))
        self.addresses.update(array.ctypes.data % 64 for array in feed.values())
        total = (feed["state"] + feed["x"]).astype(self.dtype)
        outputs = {"sum": np.asarray(total)}
        return outputs if self.also is None else {**outputs, "also": self.also(float(total))}

    def facts(self) -> SessionFacts:
        return SessionFacts("computed", "1", "CPU", {}, {"here": 1}, "here")

    def close(self) -> None: ...


def feeds_of(steps: int = 5) -> Feeds:
    """x = 1 at each step; the state is 0-dimensional, and its array says 0, 100, 200, …"""
    arrays = {"x": np.ones(steps, np.float32), "state": 100 * np.arange(steps, dtype=np.float32)}
    return Feeds(arrays, steps, 1, stacked=True)


def rolled(session: Counter, steps: np.ndarray = STEPS, state: str = "sum") -> dict[str, np.ndarray]:
    runs = Rollout(hosted(session), Recordings({state: "state"}, steps))
    return gather_outputs(runs, feeds_of(len(steps)), LARGEST_MB)


@pytest.mark.parametrize("at_once", [1, 2, 64])
def test_from_the_second_step_on_a_state_is_the_sessions_own_until_the_next_recording_begins(
    monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(rollout, "STEPS_AT_ONCE", at_once)
    session = Counter()

    gathered = rolled(session)["sum"]

    assert session.fed == [0.0, 1.0, 2.0, 300.0, 301.0]
    assert gathered.tolist() == [1.0, 2.0, 3.0, 301.0, 302.0]


def test_many_steps_go_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    session = hosted(Counter())
    real = session.roll_out

    def counted(_: object, steps: Any, *more: Any) -> Any:
        calls.append(len(steps))
        return real(steps, *more)

    monkeypatch.setattr(type(session), "roll_out", counted)

    gather_outputs(Rollout(session, Recordings({"sum": "state"}, np.arange(1, 201))), feeds_of(200), LARGEST_MB)

    assert calls == [1, 64, 64, 64, 7]


def test_steps_lie_in_memory_as_those_do_that_come_alone() -> None:
    session = Counter()

    rolled(session)

    assert session.addresses == {0}


def test_an_output_that_does_not_fit_its_input_is_told() -> None:
    with pytest.raises(CannotJudge) as caught:
        rolled(Counter(np.float64))

    assert caught.value.failure.code is Code.SEQUENCE_STATE
    assert 'float64[] as output "sum"' in caught.value.failure.sentence


def test_an_output_that_is_missing_is_told() -> None:
    with pytest.raises(CannotJudge, match="no such output"):
        rolled(Counter(), state="other")


def test_outputs_that_are_laid_out_otherwise_from_a_step_on_are_told_with_that_step() -> None:
    session = Counter(also=lambda total: np.zeros(3 if total < 302 else 2, np.float32))

    with pytest.raises(CannotJudge, match=r"shape \(2,\) in feed 4, should be \(3,\)"):
        rolled(session)


def test_outputs_that_are_too_large_do_not_leave_the_worker() -> None:
    session = Counter(also=lambda _: np.zeros(10_000, np.float32))
    expected = {"sum": np.zeros(5, np.float32)}

    found = gather_outputs_like(Rollout(hosted(session), Recordings({"sum": "state"}, STEPS)), feeds_of(), expected)

    assert isinstance(found, Misfit)
    assert found.layouts["also"].shape == (5, 10_000)
    assert len(session.fed) == 1
