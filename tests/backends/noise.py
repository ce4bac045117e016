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
