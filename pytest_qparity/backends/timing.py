"""Timing a session's runs beside the engine: alone, or two in turn, so that a machine's drift hits both alike."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np

WARM_UP_CALLS = 3
FEWEST_PAIRS = 20
MOST_PAIRS = 400
MOST_INTERRUPTED = 2000
PATIENCE = 10


# A call that had the processor for less than this share of its time was interrupted. On a busy machine longer calls are
# interrupted more often, so that a ratio of times then measures the neighbours: 2.8 times faster read as 13.9.
LEAST_CPU_SHARE = 0.9

# The share of timed runs whose outputs are looked at before the next: reading them moves caches, so that what follows a
# look may be slower. One in eight leaves a median alone, and an engine that skips half of its work is seen by the third
# look in seven of eight sessions.
LOOKED_AT = 0.125


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


class Timed(Protocol):
    """What is timed: `run` in the clock's sight, `look` at what it gave out of it. `look` raises CannotJudge.

    `computes_elsewhere`: on a device, so that a call waits and the processor's share of its time tells nothing.
    """

    @property
    def computes_elsewhere(self) -> bool: ...

    def run(self) -> object: ...

    def look(self, given: object) -> None: ...


def alone(timed: Timed, seconds: float, seed: int = 0) -> np.ndarray:
    """Milliseconds a call, float64 (calls,): at least FEWEST_PAIRS, then until `seconds` have passed."""
    import numpy as np

    for _ in range(WARM_UP_CALLS):
        timed.run()
    looks = np.random.default_rng(seed)
    samples: list[float] = []
    start = time.perf_counter()
    goes_on = True
    while goes_on:
        elapsed_ms, _, given = _timed(timed)
        samples.append(elapsed_ms)
        goes_on = _goes_on(len(samples), time.perf_counter() - start, seconds)
        if len(samples) == 1 or not goes_on or looks.random() < LOOKED_AT:
            timed.look(given)
        del given  # before the next run, which would find less room otherwise
    return np.array(samples)


def in_turn(variant: Timed, counterpart: Timed, seconds: float, seed: int = 0) -> PairedTimes:
    """Time both in pairs, which of the two goes first drawn anew for each pair.

    At least FEWEST_PAIRS pairs without an interruption, then until `seconds` have passed or MOST_PAIRS are measured;
    very slow calls, or a very busy machine, end after PATIENCE times `seconds` with what they have. What the first and
    the last pair gave is looked at, and that of a LOOKED_AT of the pairs between.
    """
    import numpy as np

    for _ in range(WARM_UP_CALLS):
        variant.run()
        counterpart.run()
    order = np.random.default_rng(seed)
    sound: list[tuple[float, float]] = []
    interrupted: list[tuple[float, float]] = []
    start = time.perf_counter()
    goes_on = True
    while goes_on:
        if order.random() < 0.5:
            variant_ms, first, given = _timed(variant)
            counterpart_ms, second, counterpart_given = _timed(counterpart)
        else:
            counterpart_ms, second, counterpart_given = _timed(counterpart)
            variant_ms, first, given = _timed(variant)
        is_first = not (sound or interrupted)
        (sound if first and second else interrupted).append((variant_ms, counterpart_ms))
        goes_on = len(interrupted) < MOST_INTERRUPTED and _goes_on(len(sound), time.perf_counter() - start, seconds)
        if is_first or not goes_on or order.random() < LOOKED_AT:
            variant.look(given)
            counterpart.look(counterpart_given)
        del given, counterpart_given  # before the next runs, which would find less room otherwise
    kept = sound if len(sound) >= FEWEST_PAIRS else sound + interrupted
    times = np.array(kept)
    return PairedTimes(times[:, 0], times[:, 1], len(interrupted), len(sound) >= FEWEST_PAIRS)


def _goes_on(measured: int, elapsed: float, seconds: float) -> bool:
    if measured < FEWEST_PAIRS:
        return elapsed < PATIENCE * seconds
    return measured < MOST_PAIRS and elapsed < seconds


def _timed(timed: Timed) -> tuple[float, bool, object]:
    """Milliseconds of one run, whether it had the processor throughout (threads of the engine count), what it gave.

    Of what computes on a device the median over interleaved pairs alone stands against interruptions.
    """
    processor_start = time.process_time_ns()
    start = time.perf_counter_ns()
    given = timed.run()
    elapsed = time.perf_counter_ns() - start
    processor = time.process_time_ns() - processor_start
    return elapsed / 1e6, timed.computes_elsewhere or processor >= LEAST_CPU_SHARE * elapsed, given
