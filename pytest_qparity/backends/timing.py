"""Timing a session's runs beside the engine: alone, or two in turn, so that a machine's drift hits both alike."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_qparity.backends.border import engine_failure, run_once

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from pytest_qparity.backends.protocol import Session

WARM_UP_CALLS = 3
FEWEST_PAIRS = 20
MOST_PAIRS = 400
MOST_INTERRUPTED = 2000
PATIENCE = 10


# A call that had the processor for less than this share of its time was interrupted. On a busy machine longer calls are
# interrupted more often, so that a ratio of times then measures the neighbours: 2.8 times faster read as 13.9.
LEAST_CPU_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class PairedTimes:
    """Milliseconds a call, float64 (pairs,) each; pair i of both was measured back to back.

    Pairs of which a call was interrupted are left out, `interrupted` of them; where too few are left all are here, and
    `sound` is False.
    """

    variant_ms: np.ndarray
    counterpart_ms: np.ndarray
    interrupted: int = 0
    sound: bool = True


def runs_of(session: Session, feed: Mapping[str, np.ndarray]) -> Callable[[], object]:
    """A run to time. The first one is made here, and its outputs are looked at."""
    run_once(session, feed)

    def run() -> object:
        try:
            return session.run(feed)
        except Exception as error:  # the border to an engine: whatever it raises becomes one failure
            raise engine_failure(error) from error

    return run


def alone(call: Callable[[], object], seconds: float) -> np.ndarray:
    """Milliseconds a call, float64 (calls,): at least FEWEST_PAIRS, then until `seconds` have passed."""
    import numpy as np

    for _ in range(WARM_UP_CALLS):
        call()
    samples: list[float] = []
    start = time.perf_counter()
    while not samples or _goes_on(len(samples), time.perf_counter() - start, seconds):
        samples.append(_timed(call)[0])
    return np.array(samples)


def in_turn(
    variant: Callable[[], object], counterpart: Callable[[], object], seconds: float, seed: int = 0
) -> PairedTimes:
    """Time both in pairs, which of the two goes first drawn anew for each pair.

    At least FEWEST_PAIRS pairs without an interruption, then until `seconds` have passed or MOST_PAIRS are measured;
    very slow calls, or a very busy machine, end after PATIENCE times `seconds` with what they have.
    """
    import numpy as np

    for _ in range(WARM_UP_CALLS):
        variant()
        counterpart()
    order = np.random.default_rng(seed)
    sound: list[tuple[float, float]] = []
    interrupted: list[tuple[float, float]] = []
    start = time.perf_counter()
    while len(interrupted) < MOST_INTERRUPTED and (
        not (sound or interrupted) or _goes_on(len(sound), time.perf_counter() - start, seconds)
    ):
        if order.random() < 0.5:
            (variant_ms, first), (counterpart_ms, second) = _timed(variant), _timed(counterpart)
        else:
            (counterpart_ms, first), (variant_ms, second) = _timed(counterpart), _timed(variant)
        (sound if first and second else interrupted).append((variant_ms, counterpart_ms))
    kept = sound if len(sound) >= FEWEST_PAIRS else sound + interrupted
    times = np.array(kept)
    return PairedTimes(times[:, 0], times[:, 1], len(interrupted), len(sound) >= FEWEST_PAIRS)


def _goes_on(measured: int, elapsed: float, seconds: float) -> bool:
    if measured < FEWEST_PAIRS:
        return elapsed < PATIENCE * seconds
    return measured < MOST_PAIRS and elapsed < seconds


def _timed(call: Callable[[], object]) -> tuple[float, bool]:
    """Milliseconds of one call, and whether it had the processor throughout (threads of the engine count)."""
    processor_start = time.process_time_ns()
    start = time.perf_counter_ns()
    call()
    elapsed = time.perf_counter_ns() - start
    processor = time.process_time_ns() - processor_start
    return elapsed / 1e6, processor >= LEAST_CPU_SHARE * elapsed
