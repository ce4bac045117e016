"""What calls of a session say of its latency and throughput, and whether absolute budgets hold."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_qparity.backends.sequential import ERROR, FEWEST_PAIRS, Interval, fewest_calls, interval_of_quantile
from pytest_qparity.checks.figures import apart
from pytest_qparity.verdict import Code, Failure

if TYPE_CHECKING:
    import numpy as np

    from pytest_qparity.backends.timing import Times

__all__ = ["PERCENTILES", "TimeLimits", "beyond_limits", "percentiles_ms", "quantiles_ms", "samples_per_s"]

PERCENTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999}

# Calls that follow one another are alike (bursts of neighbours, clock speed). Stretches of a series are much less so:
# a median has its interval from those of so many of them.
STRETCHES = 20


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """Absolute budgets: of a call's median and percentiles at the case's batch, at most; of the best batch's samples a
    second, at least. None: no budget."""

    latency_ms: float | None = None
    p90_ms: float | None = None
    p99_ms: float | None = None
    samples_per_s: float | None = None

    @property
    def stated(self) -> dict[str, float]:
        named = {name: getattr(self, name) for name in ("latency_ms", "p90_ms", "p99_ms", "samples_per_s")}
        return {name: value for name, value in named.items() if value is not None}

    @property
    def calls(self) -> int:
        """How many the percentiles ask for."""
        shares = [share for limit, share in ((self.p90_ms, 0.9), (self.p99_ms, 0.99)) if limit is not None]
        return max(map(fewest_calls, shares), default=0)


def quantiles_ms(times: Times) -> list[float]:
    """0, 5, ... 100 % of the calls that were not interrupted: 21 numbers that draw their distribution."""
    import numpy as np

    return [round(float(value), 6) for value in np.quantile(times.quiet_ms, np.linspace(0.0, 1.0, 21))]


def percentiles_ms(times: Times) -> dict[str, float]:
    """Those of PERCENTILES that so many calls can tell (`fewest_calls`), of the calls that were not interrupted."""
    import numpy as np

    quiet = times.quiet_ms
    enough = {name: share for name, share in PERCENTILES.items() if len(quiet) >= fewest_calls(share)}
    return {name: float(np.quantile(quiet, share)) for name, share in enough.items()}


def samples_per_s(times: Times, batch: int) -> float:
    """batch · calls / their time, one call after another: what MLPerf's Offline counts where a system takes one query
    at a time, of the calls that were not interrupted. Copies to a device are in it where they are in `times`."""
    return 1e3 * batch / float(times.quiet_ms.mean())


def beyond_limits(times: Times, batch: int, batches: Mapping[int, Times], limits: TimeLimits) -> Iterator[Failure]:
    """`batches`: times at other batches, for throughput alone.

    Neighbours make a call slower, never faster. So a budget holds where all calls say so, those that were interrupted
    with them, and is missed where those that were left alone say so; between the two nobody can tell.
    """
    import numpy as np

    if limits.latency_ms is not None:
        yield from _at_most(_over_stretches(times, np.median), "median of a call", limits.latency_ms, len(times.ms))
    for name, limit in (("p90", limits.p90_ms), ("p99", limits.p99_ms)):
        if limit is not None:
            yield from _percentile(times, name, limit)
    if limits.samples_per_s is not None:
        yield from _throughput({batch: times, **batches}, limits.samples_per_s)


def _over_stretches(times: Times, statistic: Callable[[np.ndarray], float]) -> Interval:
    """Of a statistic of stretches of the series: from below by the calls that were left alone, from above by all."""
    quiet, whole = _stretched(times.ms[times.is_sound], statistic), _stretched(times.ms, statistic)
    return Interval(quiet.low, whole.estimate, whole.high)


def _stretched(series_ms: np.ndarray, statistic: Callable[[np.ndarray], float]) -> Interval:
    import numpy as np

    if len(series_ms) < max(STRETCHES, FEWEST_PAIRS):
        return Interval(0.0, float(statistic(series_ms)) if len(series_ms) else math.nan, math.inf)
    values = np.array([statistic(stretch) for stretch in np.array_split(series_ms, STRETCHES)])
    return interval_of_quantile(values, 0.5, ERROR)


def _percentile(times: Times, name: str, limit_ms: float) -> Iterator[Failure]:
    share = PERCENTILES[name]
    needed, calls = fewest_calls(share), len(times.ms)
    if calls < needed:
        yield Failure(
            Code.LATENCY_UNDECIDED,
            f"The {name} is of {calls} calls, should be of at least {needed} to be at most {limit_ms:g} ms.",
            "measure longer (--qparity-latency-seconds)",
        )
        return
    quiet = interval_of_quantile(times.ms[times.is_sound], share, ERROR) if times.is_sound.any() else None
    whole = interval_of_quantile(times.ms, share, ERROR)
    yield from _at_most(
        Interval(0.0 if quiet is None else quiet.low, whole.estimate, whole.high), f"{name} of a call", limit_ms, calls
    )


def _at_most(found: Interval, what: str, limit_ms: float, calls: int) -> Iterator[Failure]:
    if found.high <= limit_ms:
        return
    low, high = apart(found.low, limit_ms, 3), apart(found.high, limit_ms, 3)
    sentence = f"The {what} is {found.estimate:.3f} ms ({low} to {high}, {calls} calls), should be at most {limit_ms:g}"
    yield _beyond(sentence + " ms", found.low > limit_ms)


def _throughput(batches: Mapping[int, Times], least: float) -> Iterator[Failure]:
    import numpy as np

    rates = {}
    for batch, times in batches.items():
        call = _over_stretches(times, np.mean)
        high = 1e3 * batch / call.low if call.low > 0 else math.inf
        rates[batch] = Interval(1e3 * batch / call.high, 1e3 * batch / call.estimate, high)
    if any(rate.low >= least for rate in rates.values()):
        return
    batch, best = max(rates.items(), key=lambda each: each[1].estimate)
    span = f"{apart(best.low, least, 1)} to {apart(best.high, least, 1)}"
    sentence = f"The throughput is {best.estimate:,.1f} samples a second at batch {batch} ({span}), "
    yield _beyond(f"{sentence}should be at least {least:g}", all(rate.high < least for rate in rates.values()))


def _beyond(sentence: str, is_known: bool) -> Failure:
    if is_known:
        remedy = "look for nodes that stayed float or were not fused, or state the budget that this machine can hold"
        return Failure(Code.LATENCY_BUDGET, f"{sentence}.", remedy)
    remedy = "measure longer (--qparity-latency-seconds) or on a quieter machine"
    return Failure(Code.LATENCY_UNDECIDED, f"{sentence}, by the whole interval.", remedy)
