"""The two sides of a comparison of times: each makes its blocks of calls in turn, and is warm before it is timed."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Protocol

from pytest_qparity.backends.timed_calls import UNFELT_MS, Block, Timed, timed_block

# Warm: the median of the last so many calls is no more than 5 % below that of as many before them. Becoming slower is
# drift, not warming up.
WARM_UP_WINDOW = 3
WARM_UP_GAIN = 0.05
FEWEST_WARM_UP_CALLS = 3

# A process that waited for another's block finds its caches cold, and maybe another core: products of 256 x 256 took
# 2.2, 1.3, 1.1 and 1.0 times as long in their first calls, for a millisecond in all, and calls of 9 us 3.8 to 1.0 times
# over seven. So much of a block is not counted there.
SETTLING_MS = 3.0
MOST_SETTLING_CALLS = 300


class Side(Protocol):
    """What is timed in turn with another: a session here, or in a worker.

    `settles`: it waits in a process of its own while the other is timed. `used_s`: processor time of that process, as
    of its last block; 0 where it is this one.
    """

    settles: bool

    @property
    def used_s(self) -> float: ...

    def block(self, skipped: int, counted: int) -> Block:
        """Calls back to back, of which the first `skipped` are not counted."""

    def rest(self, *, look: bool) -> None:
        """Let go of what the last run gave, after a look at it where `look`, which raises CannotJudge."""


class Here:
    """A session that is timed in this process."""

    settles = False
    used_s = 0.0

    def __init__(self, timed: Timed) -> None:
        self._timed = timed
        self._given: object = None

    def block(self, skipped: int, counted: int) -> Block:
        block, self._given = timed_block(self._timed, skipped, counted)
        return block

    def rest(self, *, look: bool) -> None:
        given, self._given = self._given, None  # before the next runs, which would find less room otherwise
        if look:
            self._timed.look(given)


@dataclass(frozen=True, slots=True)
class WarmUp:
    """`calls` of each session; `is_stable`: both were warm by the criterion before the time for it was over."""

    calls: int
    is_stable: bool


def settling_calls(call_ms: float) -> int:
    """How many calls of a block are not counted where the process of its session has waited for another's."""
    if not 0 < call_ms < UNFELT_MS:
        return 0
    return min(max(math.ceil(SETTLING_MS / call_ms), 1), MOST_SETTLING_CALLS)


def warmed_up(sides: Sequence[Side], seconds: float) -> tuple[WarmUp, tuple[float, ...]]:
    """Run sessions in turn until each is warm: at least FEWEST_WARM_UP_CALLS each, then until `seconds` have passed.

    Gives the median milliseconds of a call of each, by the host's clock, over the last WARM_UP_WINDOW.
    """
    times: list[list[float]] = [[] for _ in sides]
    start = time.perf_counter()
    while True:
        for side, seen in zip(sides, times, strict=True):
            (call,) = side.block(0, 1).calls
            side.rest(look=False)
            seen.append(call.host_ms)
        is_stable = all(_is_warm(seen) for seen in times)
        is_over = len(times[0]) >= FEWEST_WARM_UP_CALLS and not time.perf_counter() - start < seconds
        if is_stable or is_over:
            return WarmUp(len(times[0]), is_stable), tuple(median(seen[-WARM_UP_WINDOW:]) for seen in times)


def _is_warm(times_ms: Sequence[float]) -> bool:
    if len(times_ms) < 2 * WARM_UP_WINDOW:
        return False
    before, last = times_ms[-2 * WARM_UP_WINDOW : -WARM_UP_WINDOW], times_ms[-WARM_UP_WINDOW:]
    return median(last) >= (1 - WARM_UP_GAIN) * median(before)
