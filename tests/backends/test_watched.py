"""A session that is timed must give what it gave before: bit for bit, or as near as it is to itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from pytest_qparity.backends import serving
from pytest_qparity.backends.protocol import SessionFacts
from pytest_qparity.backends.timing import PairedTimes, Question, Times
from pytest_qparity.backends.watched import Watched, are_equal
from pytest_qparity.verdict import CannotJudge, Code

FEED = {"x": np.linspace(-1, 1, 64, dtype=np.float32)}
Outputs = dict[str, np.ndarray]


class Changing:
    """A session that gives what `answer(number of the run)` says."""

    def __init__(self, answer: Callable[[int], Outputs]) -> None:
        self.answer = answer
        self.runs = 0

    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        self.runs += 1
        return self.answer(self.runs)

    def facts(self) -> SessionFacts:
        return SessionFacts("changing", "1", "CPU", {}, {"here": 1}, "here")

    def close(self) -> None: ...


RIGHT = {"y": np.linspace(-2, 2, 64, dtype=np.float32)}
NOTHING = {"y": np.zeros(64, np.float32)}


def from_run(number: int, wrong: Outputs) -> Changing:
    return Changing(lambda run: RIGHT if run < number else wrong)


def wandering(power: float) -> Callable[[int], Outputs]:
    """RIGHT, with noise of `power` times its own, another at each run."""
    scale = np.sqrt(power) * np.std(RIGHT["y"])
    return lambda run: {
        "y": RIGHT["y"] + np.float32(scale) * np.random.default_rng(run).standard_normal(64, np.float32)
    }


def refused(act: Callable[[], object]) -> str:
    with pytest.raises(CannotJudge) as caught:
        act()
    assert caught.value.failure.code is Code.LATENCY_OUTPUTS
    return caught.value.failure.sentence


OTHERS = [
    pytest.param(NOTHING, id="zeros"),
    pytest.param({"y": np.nextafter(RIGHT["y"], np.float32(9))}, id="one bit"),
    pytest.param({"y": RIGHT["y"][:-1]}, id="another shape"),
    pytest.param({"y": RIGHT["y"].astype(np.float64)}, id="another type"),
    pytest.param({"z": RIGHT["y"]}, id="another name"),
    pytest.param({**RIGHT, "z": RIGHT["y"]}, id="an output more"),
    pytest.param({"y": np.full(64, np.nan, np.float32)}, id="NaN"),
]


@pytest.mark.parametrize("wrong", OTHERS)
def test_an_engine_that_is_deterministic_gives_the_same_bits(wrong: Outputs) -> None:
    watched = Watched(from_run(3, wrong), FEED, RIGHT)

    assert "in a timed run" in refused(lambda: watched.look(watched.run()))


@pytest.mark.parametrize("wrong", OTHERS)
def test_what_it_gave_before_is_what_it_gives_untimed(wrong: Outputs) -> None:
    assert "in an untimed run" in refused(lambda: Watched(from_run(1, wrong), FEED, RIGHT))


def test_nan_that_was_there_before_may_stay() -> None:
    outputs = {"y": np.array([np.nan, 1], np.float32)}
    watched = Watched(Changing(lambda _: outputs), FEED, {"y": outputs["y"].copy()})

    watched.look(watched.run())
    watched.look_again()


def test_one_buffer_for_all_runs_is_no_reason() -> None:
    buffer = RIGHT["y"].copy()
    watched = Watched(Changing(lambda _: {"y": buffer}), FEED, RIGHT)
    watched.look(watched.run())

    buffer[:] = 0

    refused(lambda: watched.look(watched.run()))


@pytest.mark.parametrize("power", [1e-12, 1e-6, 1e-2])
def test_an_engine_that_is_not_deterministic_may_wander_as_before(power: float) -> None:
    watched = Watched(Changing(wandering(power)), FEED, wandering(power)(0))

    for _ in range(50):
        watched.look(watched.run())
    watched.look_again()


@pytest.mark.parametrize("wrong", [pytest.param(NOTHING, id="zeros"), pytest.param({"y": -RIGHT["y"]}, id="another")])
@pytest.mark.parametrize("power", [1e-12, 1e-6, 1e-2])
def test_an_engine_that_is_not_deterministic_has_to_answer_all_the_same(power: float, wrong: Outputs) -> None:
    answer = wandering(power)
    watched = Watched(Changing(lambda run: answer(run) if run < 3 else wrong), FEED, answer(0))

    refused(lambda: watched.look(watched.run()))


@pytest.mark.parametrize("given", [None, {}, {"y": [1.0]}])
def test_what_is_no_output_is_named(given: Any) -> None:
    watched = Watched(Changing(lambda run: RIGHT if run < 3 else given), FEED, RIGHT)

    with pytest.raises(CannotJudge) as caught:
        watched.look(watched.run())
    assert caught.value.failure.code is Code.BACKEND_OUTPUTS


def test_equal_is_every_bit() -> None:
    zero = {"y": np.zeros(2, np.float32)}

    assert are_equal(zero, {"y": np.zeros((4, 2), np.float32)[::3, 0]})
    assert not are_equal(zero, {"y": np.array([0.0, -0.0], np.float32)})
    assert are_equal({"y": np.empty((0, 3))}, {"y": np.empty((0, 3))})


class TestServing:
    """Sessions in a worker, of which one changes once it is timed."""

    def held(self, variant: Changing, counterpart: Changing) -> dict[str, Any]:
        return {"1": serving.Opened(variant), "2": serving.Opened(counterpart)}

    @pytest.mark.parametrize("name", ["time_alone", "time_in_turn"])
    def test_both_are_watched_while_they_are_timed(self, name: str) -> None:
        time = getattr(serving, name)
        arguments = {"session": "1", "counterpart": "2", "question": Question(0.01).as_json()}

        time(self.held(from_run(999, RIGHT), from_run(999, RIGHT)), arguments, FEED)

        refused(lambda: time(self.held(from_run(9, NOTHING), from_run(999, RIGHT)), arguments, FEED))
        if name == "time_in_turn":
            refused(lambda: time(self.held(from_run(999, RIGHT), from_run(9, NOTHING)), arguments, FEED))

    @pytest.mark.parametrize("changes", ["variant", "counterpart"])
    def test_both_are_run_once_more_when_all_is_timed(self, changes: str, monkeypatch: pytest.MonkeyPatch) -> None:
        sessions = {name: Changing(lambda _: RIGHT) for name in ("variant", "counterpart")}

        def timed(*_: object) -> Any:
            sessions[changes].answer = lambda _: NOTHING
            return PairedTimes(np.ones(3), np.ones(3), Times(np.ones(3), np.ones(3, bool)))

        monkeypatch.setattr(serving, "alone", lambda *arguments: timed(*arguments).of_variant)
        monkeypatch.setattr(serving, "in_turn", timed)
        arguments = {"session": "1", "counterpart": "2", "question": Question(0.01).as_json()}

        said = refused(lambda: serving.time_in_turn(self.held(**sessions), arguments, FEED))

        assert "in the run after the timing" in said
        if changes == "variant":
            sessions[changes].answer = lambda _: RIGHT
            assert "after the timing" in refused(lambda: serving.time_alone(self.held(**sessions), arguments, FEED))

    def test_what_is_timed_is_what_the_first_run_gave(self) -> None:
        """An engine that was right until it was judged, and has not computed since."""
        held = self.held(from_run(3, NOTHING), Changing(lambda _: RIGHT))
        for _ in range(2):
            serving.run(held, {"session": "1", "most_bytes": None}, FEED)

        refused(lambda: serving.time_alone(held, {"session": "1", "question": Question(0.01).as_json()}, FEED))

    def test_a_feed_that_was_never_run_is_run_first(self) -> None:
        held = self.held(Changing(lambda _: RIGHT), Changing(lambda _: RIGHT))
        serving.run(held, {"session": "1", "most_bytes": None}, {"x": FEED["x"] * 2})

        serving.time_alone(held, {"session": "1", "question": Question(0.01).as_json()}, FEED)

        assert held["1"].first_feed["x"].tobytes() == FEED["x"].tobytes()

    def test_what_is_timed_must_give_what_was_judged_and_not_what_a_run_before_gave(self) -> None:
        judged_alone = Changing(lambda run: NOTHING if run == 2 else RIGHT)
        held: dict[str, Any] = {"1": serving.Opened(judged_alone)}

        serving.run_and_keep(held, {"session": "1"}, FEED)
        serving.run(held, {"session": "1", "most_bytes": None}, FEED)

        refused(lambda: serving.time_alone(held, {"session": "1", "question": Question(0.01).as_json()}, FEED))

    def test_of_many_feeds_that_are_judged_the_first_is_remembered(self) -> None:
        held: dict[str, Any] = {"1": serving.Opened(Changing(lambda run: RIGHT if run == 1 else NOTHING))}

        for feed in (FEED, {"x": FEED["x"] + 1}):
            serving.run(held, {"session": "1", "most_bytes": None}, feed)

        refused(lambda: serving.time_alone(held, {"session": "1", "question": Question(0.01).as_json()}, FEED))
