"""Whether calls wait by themselves, for a lock, a disk or a sleep, and not because neighbours have the processor."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from pytest_qparity.backends.timed_calls import Call

ERROR = 0.001  # that neighbours alone are taken for waits of a session
NOTABLE_SHARE = 0.1  # and so much more of the calls, or of their time, are beyond what neighbours explain

# A call with so much of its time as processor time, and so much more, computed in several threads; a few calls seem to
# have, where something comes between two looks at two clocks.
THREADS_SHARE = 1.1
UNTOLD_MS = 0.01
MOST_IN_THREADS = 0.05

# Neighbours took the processor from 0.2 to 0.8 times a millisecond that calls computed, at a load of 5 to 17 on two
# cores; one that does keeps it for a while. Interrupts of the system come more often, and are shorter than 0.1 ms.
MOST_PER_MS = 5.0
LEAST_WAIT_MS = 0.1
STEPS = 400  # of a share that is not known


@dataclass(frozen=True, slots=True)
class Waited:
    """So many of `calls` waited."""

    count: int
    calls: int

    @property
    def share(self) -> float:
        return self.count / self.calls


def waits_by_itself(calls: Sequence[Call], others: Sequence[Call]) -> bool:
    """Whether `calls` wait far more often than neighbours explain, who hit `others`, timed in turn, as well.

        p > min(1, q · max(1, t/u), MOST_PER_MS · t), by NOTABLE_SHARE, and by chance in ERROR of cases

    t, u: processor time of a call of each; p, q: shares of calls that waited longer than θ, for θ = t/9 and u/9 (at
    which one of either was interrupted), LEAST_WAIT_MS at least. The share that neighbours hit is concave in t, 0 at 0,
    and does not fall, whatever they do: its slope is their rate times the share that nothing has hit yet.
    (1 − exp(−λt), of neighbours at random, is too little of those that come by the clock: of two fifths of calls they
    hit all that last 2.5 times as long.) False where nothing tells: on a device, or in several threads, whose processor
    time hides a wait.
    """
    if _is_untold(calls) or _is_untold(others):
        return False
    own_ms, other_ms = (_processor_ms(each) for each in (calls, others))
    if not (own_ms > 0 and other_ms > 0):
        return False
    explained = Explained(max(1.0, own_ms / other_ms), MOST_PER_MS * own_ms)
    return any(
        _is_beyond(_waited(calls, least_ms), _waited(others, least_ms), explained)
        for least_ms in (max(own_ms / 9, LEAST_WAIT_MS), max(other_ms / 9, LEAST_WAIT_MS))
    )


@dataclass(frozen=True, slots=True)
class Explained:
    """Calls `longer` times as long as others, of which neighbours hit a share of `most` at most."""

    longer: float
    most: float

    def share(self, of_others: np.ndarray) -> np.ndarray:
        import numpy as np

        return np.minimum(self.longer * of_others, min(self.most, 1.0))


def waited_percent(calls: Sequence[Call]) -> float | None:
    """Of the calls' time, that in which they had no processor; None where nothing tells."""
    if _is_untold(calls):
        return None
    return round(100.0 * sum(map(_wait_ms, calls)) / sum(call.host_ms for call in calls), 1)


def is_unexplained(waited: float, conditions: Mapping[str, Any], processors: int) -> bool:
    """Whether calls waited for more of their time than others had any processor. `waited`: percent.

    One that can run waits while others, or the host, have at least one of `processors`; so the share of its time in
    which it does is at most processors · (others_percent + stolen_percent).
    """
    taken = processors * (conditions["others_percent"] + conditions["stolen_percent"])
    return bool(waited > taken + 100.0 * NOTABLE_SHARE)


def _is_beyond(own: Waited, others: Waited, explained: Explained) -> bool:
    import numpy as np

    if own.share <= float(explained.share(np.array(others.share))) + NOTABLE_SHARE:
        return False
    return _chance_of_both(own, others, explained) <= ERROR / 2  # of two thresholds


def _chance_of_both(own: Waited, others: Waited, explained: Explained) -> float:
    """c · (1 − log c), c = max over q of P(so many of `own`, or more, at p(q)) · P(so many of `others`, or fewer, at q)

    Fisher 1932: the product of two independent chances is c or less with that one, whatever q is. Without scipy, which
    would weigh in a process whose memory is measured.
    """
    import numpy as np

    share = np.linspace(0.0, 1.0, STEPS + 1)[1:-1]
    so_many = _chance_between(own.count, own.calls, own.calls, explained.share(share))
    so_few = _chance_between(0, others.count, others.calls, share)
    product = min(max(float((so_many * so_few).max()), math.ulp(0.0)), 1.0)
    return product * (1.0 - math.log(product))


def _chance_between(low: int, high: int, calls: int, share: np.ndarray) -> np.ndarray:
    """P(low ≤ Bin(calls, p) ≤ high) for each p of `share`."""
    import numpy as np

    share = np.minimum(share, 1.0 - 1e-12)
    log_share, log_free = np.log(share), np.log1p(-share)
    n = np.arange(1, calls + 1)
    log_choose = np.concatenate([[0.0], np.cumsum(np.log(n[::-1]) - np.log(n))])
    chance = np.zeros(len(share))
    for k in range(low, high + 1):
        chance += np.exp(log_choose[k] + k * log_share + (calls - k) * log_free)
    return chance


def _waited(calls: Sequence[Call], least_ms: float) -> Waited:
    return Waited(sum(_wait_ms(call) > least_ms for call in calls), len(calls))


def _wait_ms(call: Call) -> float:
    return 0.0 if call.processor_ms is None else max(call.host_ms - call.processor_ms, 0.0)


def _processor_ms(calls: Sequence[Call]) -> float:
    """Median of the calls that did not wait, where there are any: those that did find their caches cold."""
    told = [(call.is_sound, call.processor_ms) for call in calls if call.processor_ms is not None]
    return median([ms for is_sound, ms in told if is_sound] or [ms for _, ms in told])


def _is_untold(calls: Sequence[Call]) -> bool:
    """A device's, or computed in several threads, or by a clock that stands still."""
    if any(call.processor_ms is None for call in calls) or not sum(call.host_ms for call in calls) > 0:
        return True
    in_threads = sum(
        call.processor_ms > THREADS_SHARE * call.host_ms + UNTOLD_MS for call in calls if call.processor_ms is not None
    )
    return in_threads > MOST_IN_THREADS * len(calls)
