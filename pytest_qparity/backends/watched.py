"""Whether a session that is timed still computes: an engine that returns at once is fast, and has done nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_qparity.backends.border import engine_failure, require_outputs, run_once
from pytest_qparity.backends.protocol import BindsFeeds, TellsDeviceTime
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from pytest_qparity.backends.protocol import BoundFeed, Session

    Outputs = Mapping[str, np.ndarray]


class Watched:
    """A session's runs on one feed, held against `expected`: what it gave for that feed before anything was timed.

    Outputs must be equal bit for bit. Where two untimed runs already differ, the engine is not deterministic, and an
    output must be nearer to `expected` than halfway, in dB, from what the engine wanders to no answer at all:

        Σ(given − expected)² ≤ √(Σ expected² · Σ(one − other)²)

    with `one` and `other` the untimed runs, in float64. An output of zeros has Σ expected² on the left.
    """

    def __init__(self, session: Session, feed: Mapping[str, np.ndarray], expected: Outputs) -> None:
        self._session = session
        self._feed = feed
        self._expected = expected
        one = copied(run_once(session, feed))
        other = run_once(session, feed)
        self._wandered = None if are_equal(one, other) else _squares_between(one, other)
        self._look(one, "in an untimed run")
        self._look(other, "in an untimed run")
        self._bound = _bound(session, feed)
        self.computes_elsewhere = self._bound is not None

    @property
    def device_ms(self) -> float | None:
        return self._bound.device_ms if isinstance(self._bound, TellsDeviceTime) else None

    def run_whole(self) -> object:
        """A run with all copies, as a user makes it."""
        return run_once(self._session, self._feed)

    def run(self) -> object:
        """Outputs; of a session that computes on a device nothing, since they stay there."""
        try:
            return self._session.run(self._feed) if self._bound is None else self._bound.run()
        except Exception as error:  # the border to an engine: whatever it raises becomes one failure
            raise engine_failure(error) from error

    def look(self, given: object) -> None:
        self.look_at_whole(given if self._bound is None else self._fetched())

    def look_at_whole(self, given: object) -> None:
        """At what `run_whole` gave."""
        self._look(require_outputs(given), "in a timed run")

    def _fetched(self) -> object:
        try:
            return None if self._bound is None else self._bound.outputs()
        except Exception as error:  # the same border
            raise engine_failure(error) from error

    def look_again(self) -> None:
        """Once more when all is timed."""
        self._look(run_once(self._session, self._feed), "in the run after the timing")

    def _look(self, given: Outputs, when: str) -> None:
        if not are_equal(given, self._expected) and not self._is_near(given):
            raise CannotJudge(
                Failure(
                    Code.LATENCY_OUTPUTS,
                    f"The session's outputs {when} are others than before it was timed, should be the same.",
                    "see what the engine does when it runs one feed again and again (caches, fallbacks, early exits)",
                    likely="it did not compute what was timed, or it computes at random",
                )
            )

    def _is_near(self, given: Outputs) -> bool:
        if self._wandered is None or _structure(given) != _structure(self._expected):
            return False
        wandered, deviation = self._wandered, _squares_between(given, self._expected)
        return all(
            deviation[name] <= (_squares(array) * wandered.get(name, 0.0)) ** 0.5
            for name, array in self._expected.items()
        )


class WatchedWhole:
    """Runs with all copies, of a session that computes on a device, beside those of one that needs none."""

    computes_elsewhere = True
    device_ms = None

    def __init__(self, watched: Watched) -> None:
        self._watched = watched

    def run(self) -> object:
        return self._watched.run_whole()

    def look(self, given: object) -> None:
        self._watched.look_at_whole(given)


def _bound(session: Session, feed: Outputs) -> BoundFeed | None:
    """The feed on the session's device, where it has one."""
    if not isinstance(session, BindsFeeds):
        return None
    try:
        return session.bound(feed)
    except Exception as error:  # the border to an engine
        raise engine_failure(error) from error


def copied(outputs: Outputs) -> dict[str, np.ndarray]:
    """Outputs that no later run of the engine overwrites."""
    import numpy as np

    return {name: np.array(array) for name, array in outputs.items()}


def are_equal(one: Outputs, other: Outputs) -> bool:
    """Names in their order, types, shapes and every bit: NaN equals NaN of the same bits, and 0.0 is not -0.0."""
    import numpy as np

    return _structure(one) == _structure(other) and all(
        np.array_equal(_bytes(one[name]), _bytes(other[name])) for name in one
    )


def _structure(outputs: Outputs) -> list[tuple[str, np.dtype, tuple[int, ...]]]:
    return [(name, array.dtype, array.shape) for name, array in outputs.items()]


def _bytes(array: np.ndarray) -> np.ndarray:
    import numpy as np

    return np.ascontiguousarray(array).reshape(-1).view(np.uint8) if array.size else np.empty(0, np.uint8)


def _squares_between(one: Outputs, other: Outputs) -> dict[str, float]:
    """Σ(one − other)² of each output, in float64; nothing where they do not fit together."""
    import numpy as np

    if _structure(one) != _structure(other):
        return {}
    return {name: _squares(array.astype(np.float64) - other[name].astype(np.float64)) for name, array in one.items()}


def _squares(array: np.ndarray) -> float:
    import numpy as np

    return float(np.sum(np.square(array.astype(np.float64))))
