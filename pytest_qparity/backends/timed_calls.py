"""Calls of an engine with their times: one, and a block of them."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from statistics import median
from typing import TYPE_CHECKING, Protocol

from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    import numpy as np

# A call that had the processor for less than this share of its time was interrupted. On a busy machine longer calls are
# interrupted more often, so that a ratio of times then measures the neighbours: 2.8 times faster read as 13.9.
LEAST_CPU_SHARE = 0.9

# A block's calls take about so long, up to the most that are counted; the one before them, which finds the caches as
# the other session left them, is not counted. Of calls beyond UNFELT_MS that is a small share, and each counts.
BLOCK_MS = 5.0
MOST_COUNTED = 7
UNFELT_MS = 100.0

# By how much a device may say that a call took longer than the host saw it take: both count the same interval from
# within and from without, on clocks of their own.
DEVICE_EXCESS = 0.01
DEVICE_EXCESS_MS = 0.01


class Clock(StrEnum):
    """Whose time is told: the host's, around a call, or a device's own, around what it computes in it."""

    HOST = "host"
    DEVICE = "device"


class Timed(Protocol):
    """What is timed: `run` in the clock's sight, `look` at what it gave out of it. `look` raises CannotJudge.

    `computes_elsewhere`: on a device, so that a call waits and the processor's share of its time tells nothing.
    `device_ms`: of the last run by the device's own clock; None where it does not tell.
    """

    @property
    def computes_elsewhere(self) -> bool: ...

    @property
    def device_ms(self) -> float | None: ...

    def run(self) -> object: ...

    def look(self, given: object) -> None: ...


@dataclass(frozen=True, slots=True)
class Call:
    """`is_sound`: it had the processor throughout. `processor_ms`: that all threads had; None of a device's."""

    host_ms: float
    device_ms: float | None
    is_sound: bool
    processor_ms: float | None = None

    def ms(self, clock: Clock) -> float:
        return self.device_ms if clock is Clock.DEVICE and self.device_ms is not None else self.host_ms


@dataclass(frozen=True, slots=True)
class Block:
    """Calls of one session back to back. Its time is the median of those that were not interrupted."""

    calls: tuple[Call, ...]

    @property
    def is_sound(self) -> bool:
        """Half of its calls or more were not interrupted."""
        return 2 * sum(call.is_sound for call in self.calls) >= len(self.calls)

    def ms(self, clock: Clock) -> float:
        sound = [call.ms(clock) for call in self.calls if call.is_sound]
        return median(sound or [call.ms(clock) for call in self.calls])

    def as_array(self) -> np.ndarray:
        """float64 (calls, 4): by the host's clock, by the device's or NaN, 1 where the call is sound, and the
        processor's or NaN."""
        import numpy as np

        rows = [(call.host_ms, call.device_ms, call.is_sound, call.processor_ms) for call in self.calls]
        return np.array(rows, np.float64)  # None becomes NaN

    @classmethod
    def of_array(cls, array: np.ndarray) -> Block:
        """Of `as_array`."""
        return cls(
            tuple(
                Call(host_ms, _known(device_ms), bool(is_sound), _known(processor_ms))
                for host_ms, device_ms, is_sound, processor_ms in array.tolist()
            )
        )


def clock_of(calls: Iterable[Call]) -> Clock:
    """The device's where it told of every call: times of two clocks are not compared."""
    return Clock.DEVICE if all(call.device_ms is not None for call in calls) else Clock.HOST


def timed_block(timed: Timed, skipped: int, counted: int) -> tuple[Block, object]:
    """A block, and what its last run gave."""
    given = None
    for _ in range(skipped):
        given = None  # before the next run, which would find less room otherwise
        given = timed.run()
    calls = []
    for _ in range(counted):
        given = None
        call, given = timed_call(timed)
        calls.append(call)
    return Block(tuple(calls)), given


def calls_in_a_block(call_ms: float) -> tuple[int, int]:
    """How many calls of a block are not counted, and how many are."""
    if not 0 < call_ms < UNFELT_MS:
        return 0, 1
    return 1, min(max(math.ceil(BLOCK_MS / call_ms) - 1, 1), MOST_COUNTED)


def timed_call(timed: Timed) -> tuple[Call, object]:
    """One run, and what it gave. Whether it had the processor throughout: threads of the engine count.

    Of what computes on a device the median over interleaved pairs alone stands against interruptions.
    """
    processor_start = time.process_time_ns()
    start = time.perf_counter_ns()
    given = timed.run()
    elapsed = time.perf_counter_ns() - start
    processor = time.process_time_ns() - processor_start
    processor_ms = None if timed.computes_elsewhere else processor / 1e6
    is_sound = processor_ms is None or processor >= LEAST_CPU_SHARE * elapsed
    return Call(elapsed / 1e6, _believed(timed.device_ms, elapsed / 1e6), is_sound, processor_ms), given


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _believed(device_ms: float | None, host_ms: float) -> float | None:
    """A device's own time lies within the call that the host has timed: raises CannotJudge where it does not."""
    if device_ms is None or 0 < device_ms <= host_ms * (1 + DEVICE_EXCESS) + DEVICE_EXCESS_MS:
        return device_ms
    raise CannotJudge(
        Failure(
            Code.LATENCY_UNMEASURED,
            f"The device says that a call took {device_ms:g} ms, should be above 0 and within the {host_ms:.4g} ms of "
            "the host's clock.",
            "look at how the backend times its runs, and whether they have ended when it returns",
        )
    )
