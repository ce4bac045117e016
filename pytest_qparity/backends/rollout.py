"""A session whose outputs are inputs of its next run, step by step through recordings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np

from pytest_qparity.case.data import Feeds
from pytest_qparity.case.sequence import wrong_state

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_qparity.backends.hosted import HostedSession, TooLarge
    from pytest_qparity.case.feeding import Feed, FeedSource
    from pytest_qparity.case.sequence import Recordings

    Arrays = Mapping[str, np.ndarray]
    Answer: TypeAlias = dict[str, np.ndarray] | TooLarge

__all__ = ["BEFORE", "FED", "Rollout", "Runs", "fitting_states", "stacked"]

# In front of the names of arrays on their way to the worker: what steps are fed, and the states before the first.
FED, BEFORE = "fed:", "before:"
STEPS_AT_ONCE = 64
BYTES_AT_ONCE = 4 << 20


class Runs(Protocol):
    """What outputs are gathered from: those of each feed, in their order, or that they are too large."""

    def over(self, feeds: FeedSource, most_bytes: int) -> Iterator[tuple[Feed, Answer]]: ...


class Rollout:
    """A session, free-running: from the second step of a recording on its states are its own outputs."""

    def __init__(self, session: HostedSession, recordings: Recordings) -> None:
        self._session = session
        self._recordings = recordings

    def over(self, feeds: FeedSource, most_bytes: int) -> Iterator[tuple[Feed, Answer]]:
        """Steps go through the worker many at a time, since one alone may take less than its way there. Raises
        CannotJudge where an output that is a state does not fit the input that it is next, and what the session
        raises."""
        assert isinstance(feeds, Feeds)  # steps of recordings are arrays
        state: Arrays = {}
        done, most = 0, 1  # the first alone: what it gives tells how many go at once
        while done < len(feeds):
            steps = feeds[done : done + most]
            begins = [self._recordings.begins(done + index) for index in range(len(steps))]
            answer = self._session.roll_out(steps, begins, state, self._recordings.state, most_bytes)
            yield from zip(steps, answer.outputs, strict=False)
            if answer.too_large is not None:
                yield steps[len(answer.outputs)], answer.too_large
                return
            done += len(answer.outputs)
            state = {name: answer.outputs[-1][output] for output, name in self._recordings.state.items()}
            most = _steps_at_once(steps[0].arrays, answer.outputs[0])


def _steps_at_once(feed: Arrays, outputs: Arrays) -> int:
    size = sum(array.nbytes for array in (*feed.values(), *outputs.values()))
    return max(1, min(STEPS_AT_ONCE, BYTES_AT_ONCE // max(size, 1)))


def fitting_states(outputs: Arrays, fed: Arrays, state: Mapping[str, str]) -> dict[str, np.ndarray]:
    """The inputs of the next step among a step's outputs, each of the type and shape of what was fed. Raises
    CannotJudge."""
    states = {}
    for output, name in state.items():
        array, before = outputs.get(output), fed[name]
        if array is None or array.dtype != before.dtype or array.shape != before.shape:
            got = "no such output" if array is None else f"{array.dtype}{list(array.shape)}"
            should = f'{before.dtype}{list(before.shape)}, since it is input "{name}" of the next step'
            remedy = "name the output that is this input at the next step, or export the model so"
            raise wrong_state(f'{got} as output "{output}"', should, remedy)
        states[name] = array
    return states


def stacked(steps: Sequence[Arrays]) -> dict[str, np.ndarray]:
    """Arrays of steps that are laid out alike, with a first axis that counts them."""
    return {name: np.stack([step[name] for step in steps]) for name in steps[0]} if steps else {}
