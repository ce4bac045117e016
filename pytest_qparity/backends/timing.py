"""Timing a session's runs beside the engine: alone, or two in turn, so that a machine's drift hits both alike."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pytest_qparity.backends.conditions import Observer
from pytest_qparity.backends.sequential import FEWEST_PAIRS, LOOKS, MOST_PAIRS, fewest_calls, interval_of_ratios
from pytest_qparity.backends.sides import Here, Side, WarmUp, settling_calls, warmed_up
from pytest_qparity.backends.timed_calls import (
    Block,
    Call,
    Clock,
    Timed,
    calls_in_a_block,
    clock_of,
    timed_call,
)
from pytest_qparity.backends.waiting import is_unexplained, waited_percent, waits_by_itself

if TYPE_CHECKING:
    import numpy as np

FEWEST_CALLS = fewest_calls(0.9)  # that are waited for where time allows: a table without its p90 is a poor one
MOST_CALLS = 400  # of a session that is timed alone, where none are demanded
MOST_INTERRUPTED = 2000
PATIENCE = 20  # times the seconds that a question is given: what it may take where a budget is still undecided
WARM_UP_SHARE = 0.5  # of these seconds, at most

# The share of blocks whose outputs are looked at before the next: reading them moves caches, so that what follows a
# look may be slower. One in eight leaves a median alone, and an engine that skips half of its work is seen by the third
# look in seven of eight sessions.
LOOKED_AT = 0.125


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be known before timing ends.

    `bounds`: ratios on one side of which the interval must lie wholly; `narrow`: high / low of it, at most. Both are
    wished for within `seconds`; where a budget hangs on the bounds (`must_decide`), or `calls` are demanded for a
    percentile, timing goes on for PATIENCE times as long.
    """

    seconds: float
    bounds: tuple[float, ...] = ()
    narrow: float = math.inf
    must_decide: bool = False
    calls: int = 0

    def as_json(self) -> dict[str, Any]:
        return {
            "seconds": self.seconds,
            "bounds": list(self.bounds),
            "narrow": None if self.narrow == math.inf else self.narrow,
            "must_decide": self.must_decide,
            "calls": self.calls,
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Question:
        narrow = math.inf if told["narrow"] is None else told["narrow"]
        return cls(told["seconds"], tuple(told["bounds"]), narrow, told["must_decide"], told["calls"])


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds of each call in its order, float64 (calls,), and whether it had the processor throughout, bool.

    `end_to_end_ms`: of runs with all copies, by the host, float64 (runs,), of a session that is timed without; None of
    any other. `conditions`: what the machine was like, and how warm the session was.
    """

    ms: np.ndarray
    is_sound: np.ndarray
    clock: Clock = Clock.HOST
    end_to_end_ms: np.ndarray | None = None
    conditions: Mapping[str, Any] = field(default_factory=dict)

    @property
    def quiet_ms(self) -> np.ndarray:
        """Of the calls that were not interrupted; of all, where too few were not."""
        quiet: np.ndarray = self.ms[self.is_sound]
        return quiet if len(quiet) >= FEWEST_PAIRS else self.ms


@dataclass(frozen=True, slots=True)
class PairedTimes:
    """Milliseconds of a block, float64 (pairs,) each; pair i of both was measured back to back. `of_variant`: all calls
    of its blocks. `with_copies`: a device's calls took its feed there and its outputs back.

    Pairs with an interrupted block are left out, `interrupted` of them; where too few are left all are here, and
    `sound` is False, as it is where one of the two `waits`.
    """

    variant_ms: np.ndarray
    counterpart_ms: np.ndarray
    of_variant: Times
    interrupted: int = 0
    sound: bool = True
    with_copies: bool = False

    @property
    def waits(self) -> str | None:
        """ "variant" or "counterpart": which of them waits by itself (`waits_by_itself`), so that its calls that do not
        stand for none."""
        waits: str | None = self.of_variant.conditions.get("waits")
        return waits


def alone(timed: Timed, question: Question, seed: int = 0) -> Times:
    """At least FEWEST_PAIRS calls, then until the question's seconds have passed or MOST_CALLS are timed."""
    import numpy as np

    seen = Observer.begun()
    warm_up, _ = warmed_up([Here(timed)], WARM_UP_SHARE * question.seconds)
    looks = np.random.default_rng(seed)
    calls: list[Call] = []
    start = time.perf_counter()
    goes_on = True
    while goes_on:
        call, given = timed_call(timed)
        calls.append(call)
        goes_on = _goes_on_alone(len(calls), time.perf_counter() - start, question)
        if len(calls) == 1 or not goes_on or looks.random() < LOOKED_AT:
            timed.look(given)
            seen.look()
        del given  # before the next run, which would find less room otherwise
    return _times(calls, clock_of(calls), warm_up, seen, len(calls))


def in_turn(variant: Side, counterpart: Side, question: Question, seed: int = 0) -> PairedTimes:
    """Time both in pairs of blocks, which of the two goes first drawn anew for each pair.

    At least FEWEST_PAIRS pairs without an interruption, then until the question is answered, which is asked at LOOKS
    alone, or its time is over, or MOST_PAIRS are measured. What the first and the last pair gave is looked at, and that
    of a LOOKED_AT of the pairs between.
    """
    import numpy as np

    sides = (variant, counterpart)
    seen = Observer.begun(lambda: time.process_time() + sum(side.used_s for side in sides))
    warm_up, warm_ms = warmed_up(sides, WARM_UP_SHARE * question.seconds)
    # As many of both: a median of more calls is less often one that a neighbour slowed, and equal things then differed
    # by up to 17 % on a busy machine.
    skipped, counted = calls_in_a_block(max(warm_ms))
    lead = [settling_calls(ms) if side.settles else skipped for side, ms in zip(sides, warm_ms, strict=True)]
    order = np.random.default_rng(seed)
    sound: list[tuple[Block, Block]] = []
    interrupted: list[tuple[Block, Block]] = []
    calls: list[Call] = []
    is_answered = False
    start = time.perf_counter()
    goes_on = True
    while goes_on:
        blocks: dict[int, Block] = {}
        for index in (0, 1) if order.random() < 0.5 else (1, 0):
            blocks[index] = sides[index].block(lead[index], counted)
        pair = (blocks[0], blocks[1])
        is_first = not (sound or interrupted)
        calls.extend(pair[0].calls)
        if all(block.is_sound for block in pair):
            sound.append(pair)
            if len(sound) in LOOKS:
                is_answered = _is_answered(sound, question)
        else:
            interrupted.append(pair)
        elapsed = time.perf_counter() - start
        goes_on = len(interrupted) < MOST_INTERRUPTED and _goes_on(
            len(sound), len(calls), elapsed, question, is_answered
        )
        look = is_first or not goes_on or order.random() < LOOKED_AT
        for side in sides:
            side.rest(look=look)
        if look:
            seen.look()
    pairs = sound + interrupted
    kept = sound if len(sound) >= FEWEST_PAIRS else pairs
    clock = clock_of(call for pair in kept for block in pair for call in block.calls)
    times = np.array([[block.ms(clock) for block in pair] for pair in kept])
    counterpart_calls = [call for _, block in pairs for call in block.calls]
    runs = len(pairs) * (lead[0] + counted)
    of_variant = _beside(_times(calls, clock, warm_up, seen, runs), calls, counterpart_calls)
    is_sound = len(sound) >= FEWEST_PAIRS and "waits" not in of_variant.conditions
    return PairedTimes(times[:, 0], times[:, 1], of_variant, len(interrupted), is_sound)


def end_to_end(run: Callable[[], object], calls: int = FEWEST_PAIRS) -> np.ndarray:
    """Milliseconds of `calls` runs as a user makes them, copies to and from a device included, float64 (calls,)."""
    import numpy as np

    times_ms = []
    for _ in range(calls):
        start = time.perf_counter_ns()
        run()
        times_ms.append((time.perf_counter_ns() - start) / 1e6)
    return np.array(times_ms)


def _is_answered(sound: list[tuple[Block, Block]], question: Question) -> bool:
    import numpy as np

    clock = clock_of(call for pair in sound for block in pair for call in block.calls)
    times = np.array([[block.ms(clock) for block in pair] for pair in sound])
    with np.errstate(divide="ignore", invalid="ignore"):
        found = interval_of_ratios(times[:, 0], times[:, 1])
    return found.decides(question.bounds) and found.width <= question.narrow


def _goes_on(pairs: int, calls: int, elapsed: float, question: Question, is_answered: bool) -> bool:
    has_time, has_patience = elapsed < question.seconds, elapsed < PATIENCE * question.seconds
    if pairs < FEWEST_PAIRS:
        return has_patience
    if calls < question.calls:
        return has_patience
    if pairs >= MOST_PAIRS:
        return False
    if is_answered:
        return has_time and calls < FEWEST_CALLS
    return has_patience if question.must_decide else has_time


def _goes_on_alone(calls: int, elapsed: float, question: Question) -> bool:
    if calls < max(FEWEST_PAIRS, question.calls):
        return elapsed < PATIENCE * question.seconds
    return calls < max(MOST_CALLS, question.calls) and elapsed < question.seconds


def _beside(of_variant: Times, calls: list[Call], counterpart_calls: list[Call]) -> Times:
    """With what the two say of one another. Waits that are the variant's own are part of its calls: all count."""
    import numpy as np

    interrupted = 100.0 * sum(not call.is_sound for call in counterpart_calls) / len(counterpart_calls)
    conditions = {**of_variant.conditions, "counterpart_interrupted_percent": round(interrupted, 1)}
    if waits_by_itself(calls, counterpart_calls):
        return replace(of_variant, is_sound=np.ones(len(calls), bool), conditions=conditions | {"waits": "variant"})
    if waits_by_itself(counterpart_calls, calls):
        conditions |= {"waits": "counterpart"}
    return replace(of_variant, conditions=conditions)


def _times(calls: list[Call], clock: Clock, warm_up: WarmUp, seen: Observer, runs: int) -> Times:
    """`runs`: of the session once it was warm, those that are not counted too."""
    import numpy as np

    from pytest_qparity.backends.conditions import drift_percent

    ms = np.array([call.ms(clock) for call in calls])
    is_sound = np.array([call.is_sound for call in calls])
    conditions = seen.seen() | {
        "interrupted_percent": round(100.0 * float(np.mean(~is_sound)), 1),
        "warm_up_calls": warm_up.calls,
        "warm_up_stable": warm_up.is_stable,
        "runs": warm_up.calls + runs,
    }
    waited = waited_percent(calls)
    if waited is not None:
        conditions |= {"waited_percent": waited}
        if is_unexplained(waited, conditions, os.cpu_count() or 1):
            conditions |= {"waits_unexplained": True}
    drift = drift_percent(ms[is_sound])
    return Times(ms, is_sound, clock, None, conditions if drift is None else conditions | {"drift_percent": drift})
