"""Timing a session's runs beside the engine: alone, or two in turn, so that a machine's drift hits both alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from pytest_qparity.verdict import CannotJudge, Code, Failure

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


# By how much a device may say that a call took longer than the host saw it take: both count the same interval from
# within and from without, on clocks of their own.
DEVICE_EXCESS = 0.01
DEVICE_EXCESS_MS = 0.01


class Clock(StrEnum):
    """Whose time is told: the host's, around a call, or a device's own, around what it computes in it."""

    HOST = "host"
    DEVICE = "device"


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds a call, float64 (calls,). `end_to_end_ms`: of runs with all copies, by the host, float64 (runs,), of
    a session that is timed without; None of any other."""

    ms: np.ndarray
    clock: Clock = Clock.HOST
    end_to_end_ms: np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class PairedTimes:
    """Milliseconds a call, float64 (pairs,) each; pair i of both was measured back to back.

    Pairs of which a call was interrupted are left out, `interrupted` of them; where too few are left all are here, and
    `sound` is False. `end_to_end_ms`: of the variant, as in `Times`.
    """

    variant_ms: np.ndarray
    counterpart_ms: np.ndarray
    interrupted: int = 0
    sound: bool = True
    clock: Clock = Clock.HOST
    end_to_end_ms: np.ndarray | None = None

    @property
    def of_variant(self) -> Times:
        return Times(self.variant_ms, self.clock, self.end_to_end_ms)


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
class _Call:
    """`is_sound`: it had the processor throughout."""

    host_ms: float
    device_ms: float | None
    is_sound: bool


def alone(timed: Timed, seconds: float, seed: int = 0) -> Times:
    """At least FEWEST_PAIRS calls, then until `seconds` have passed."""
    import numpy as np

    for _ in range(WARM_UP_CALLS):
        timed.run()
    looks = np.random.default_rng(seed)
    calls: list[_Call] = []
    start = time.perf_counter()
    goes_on = True
    while goes_on:
        call, given = _timed(timed)
        calls.append(call)
        goes_on = _goes_on(len(calls), time.perf_counter() - start, seconds)
        if len(calls) == 1 or not goes_on or looks.random() < LOOKED_AT:
            timed.look(given)
        del given  # before the next run, which would find less room otherwise
    clock = _clock_of(calls)
    return Times(np.array([_ms(call, clock) for call in calls]), clock)


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
    sound: list[tuple[_Call, _Call]] = []
    interrupted: list[tuple[_Call, _Call]] = []
    start = time.perf_counter()
    goes_on = True
    while goes_on:
        if order.random() < 0.5:
            call, given = _timed(variant)
            counterpart_call, counterpart_given = _timed(counterpart)
        else:
            counterpart_call, counterpart_given = _timed(counterpart)
            call, given = _timed(variant)
        is_first = not (sound or interrupted)
        both_sound = call.is_sound and counterpart_call.is_sound
        (sound if both_sound else interrupted).append((call, counterpart_call))
        goes_on = len(interrupted) < MOST_INTERRUPTED and _goes_on(len(sound), time.perf_counter() - start, seconds)
        if is_first or not goes_on or order.random() < LOOKED_AT:
            variant.look(given)
            counterpart.look(counterpart_given)
        del given, counterpart_given  # before the next runs, which would find less room otherwise
    kept = sound if len(sound) >= FEWEST_PAIRS else sound + interrupted
    clock = _clock_of(call for pair in kept for call in pair)
    times = np.array([[_ms(call, clock) for call in pair] for pair in kept])
    return PairedTimes(times[:, 0], times[:, 1], len(interrupted), len(sound) >= FEWEST_PAIRS, clock)


def end_to_end(run: Callable[[], object], calls: int = FEWEST_PAIRS) -> np.ndarray:
    """Milliseconds of `calls` runs as a user makes them, copies to and from a device included, float64 (calls,)."""
    import numpy as np

    times_ms = []
    for _ in range(calls):
        start = time.perf_counter_ns()
        run()
        times_ms.append((time.perf_counter_ns() - start) / 1e6)
    return np.array(times_ms)


def _goes_on(measured: int, elapsed: float, seconds: float) -> bool:
    if measured < FEWEST_PAIRS:
        return elapsed < PATIENCE * seconds
    return measured < MOST_PAIRS and elapsed < seconds


def _clock_of(calls: Iterable[_Call]) -> Clock:
    """The device's where it told of every call: times of two clocks are not compared."""
    return Clock.DEVICE if all(call.device_ms is not None for call in calls) else Clock.HOST


def _ms(call: _Call, clock: Clock) -> float:
    return call.device_ms if clock is Clock.DEVICE and call.device_ms is not None else call.host_ms


def _timed(timed: Timed) -> tuple[_Call, object]:
    """One run, and what it gave. Whether it had the processor throughout: threads of the engine count.

    Of what computes on a device the median over interleaved pairs alone stands against interruptions.
    """
    processor_start = time.process_time_ns()
    start = time.perf_counter_ns()
    given = timed.run()
    elapsed = time.perf_counter_ns() - start
    processor = time.process_time_ns() - processor_start
    is_sound = timed.computes_elsewhere or processor >= LEAST_CPU_SHARE * elapsed
    return _Call(elapsed / 1e6, _believed(timed.device_ms, elapsed / 1e6), is_sound), given


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
