"""Times of two sessions on machines that are not quiet, in the order in which blocks are timed."""

from __future__ import annotations

import numpy as np

NOISES = ("heavy tails", "drift", "bursts")
Array = np.ndarray


def pairs_of(noise: str, pairs: int, ratio: float, generator: np.random.Generator) -> tuple[Array, Array]:
    """Milliseconds of variant and counterpart, float64 (pairs,) each: the counterpart takes `ratio` times as long, on a
    machine whose slowness at each moment is `slowness_of(noise, ...)`, and which of a pair goes first is drawn."""
    slowness = slowness_of(noise, 2 * pairs, generator).reshape(pairs, 2)
    variant_first = generator.random(pairs) < 0.5
    variant = np.where(variant_first, slowness[:, 0], slowness[:, 1])
    counterpart = np.where(variant_first, slowness[:, 1], slowness[:, 0])
    return variant, ratio * counterpart


def slowness_of(noise: str, moments: int, generator: np.random.Generator) -> Array:
    """How many times longer a call takes at each moment; 5 % of log-normal noise everywhere.

    heavy tails: a tenth of a Student t with two degrees of freedom, upwards. drift: a random walk, and a clock speed
    that falls halfway, which makes calls 40 % longer. bursts: neighbours that come and go, 20 moments at a time on
    average, and slow each call by 10 to 150 %.
    """
    calm = generator.lognormal(0.0, 0.05, moments)
    if noise == "heavy tails":
        return calm * (1.0 + 0.1 * np.abs(generator.standard_t(2, moments)))
    if noise == "drift":
        walk = np.exp(np.cumsum(generator.normal(0.0, 0.005, moments)))
        return calm * walk * np.where(np.arange(moments) > moments / 2, 1.4, 1.0)
    changes = generator.random(moments) < 0.05
    is_burst = np.cumsum(changes) % 2 == 1
    return calm * np.where(is_burst, generator.uniform(1.1, 2.5, moments), 1.0)


NEIGHBOURS = ("at random", "in bursts", "by the clock", "in slices")


def waits_beside(neighbours: str, processor_ms: Array, generator: np.random.Generator) -> Array:
    """Milliseconds that calls back to back, float64 (calls,) of processor time, wait for neighbours, 3 ms each time.

    at random: 0.25 times a millisecond that they compute. in bursts: once a millisecond, in every second 200 ms of it.
    by the clock: every 50 ms of it. in slices: every 1.3 ms, as where each has its turn.
    """
    ends = np.cumsum(processor_ms)
    whole = float(ends[-1])
    spacing = {"by the clock": 50.0, "in slices": 1.3}.get(neighbours)
    if spacing is not None:
        taken = np.arange(generator.uniform(0.0, spacing), whole, spacing)
    else:
        taken = generator.uniform(0.0, whole, generator.poisson(whole * (0.25 if neighbours == "at random" else 1.0)))
        if neighbours == "in bursts":
            taken = taken[(taken // 200.0) % 2 == 1]
    places = np.searchsorted(ends, taken)
    return 3.0 * np.bincount(places[places < len(ends)], minlength=len(ends))
