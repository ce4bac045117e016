"""How many samples a question takes."""

from __future__ import annotations

import math

POWER = 0.80
MOST_SAMPLES = 100_000_000  # beyond nobody collects them: no answer is the better one


def decides_flips(harmful: float, helpful: float, margin: float, level: float, power: float = POWER) -> int | None:
    """Samples with which `flips.is_below` shows on which side of `margin` the drop is, with probability `power`.

        n = ((z_level·√V0 + z_power·√V1) / (margin − drop))²

    `harmful` and `helpful`: true rates of both flips; drop = harmful − helpful. V0 is the variance of a sample's
    difference that the score test takes, V1 = harmful + helpful − drop² the true one. At least as many as the exact
    test needs without any flip: log(level)/log(1 − margin). None: no number, since the drop is the margin.
    """
    drop = harmful - helpful
    if drop > margin:
        return decides_flips(helpful, harmful, -margin, level, power)
    gap = margin - drop
    if gap <= 0:
        return None
    z_level, z_power = _z(level), _z(1 - power)
    restricted, true = _restricted_variance(harmful, helpful, margin), harmful + helpful - drop * drop
    samples = ((z_level * math.sqrt(restricted) + z_power * math.sqrt(max(true, 0.0))) / gap) ** 2
    fewest = math.log(level) / math.log1p(-margin) if 0 < margin < 1 else 0.0
    return _whole(max(samples if harmful + helpful > 0 else 0.0, fewest))


def power_of_flips(harmful: float, helpful: float, margin: float, level: float, samples: int) -> float:
    """The probability with which `samples` show that the drop is below `margin`: the above solved for the power."""
    from scipy.special import ndtr

    drop = harmful - helpful
    restricted, true = _restricted_variance(harmful, helpful, margin), harmful + helpful - drop * drop
    far = (margin - drop) * math.sqrt(samples) - _z(level) * math.sqrt(restricted)
    return float(ndtr(far / math.sqrt(true)))


def decides_mean(
    drop: float, error: float, samples: int, margin: float, level: float, unseen: float = 0.0
) -> int | None:
    """Samples that decide with probability POWER where `samples` gave the standard error `error`: the smallest n with

        z_power·e + √((z_level·e)² + (unseen·(1 − level^(1/n)))²) <= |margin − drop|,   e = error·√(samples/n)

    `unseen`: by how much the largest possible loss is above the largest one seen (`means.ruined_interval`). None: no
    number, since the drop is the margin.
    """
    gap = abs(margin - drop)
    if gap <= 0 or not (math.isfinite(error) and math.isfinite(unseen)):
        return None

    def half_width(n: int) -> float:
        e = error * math.sqrt(samples / n)
        return _z(1 - POWER) * e + math.hypot(_z(level) * e, unseen * -math.expm1(math.log(level) / n))

    low, high = 0, 1
    while half_width(high) > gap * (1 + 1e-12):
        low, high = high, 2 * high
        if high > 2 * MOST_SAMPLES:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if half_width(middle) > gap * (1 + 1e-12) else (low, middle)
    return _whole(high)


def _restricted_variance(harmful: float, helpful: float, margin: float) -> float:
    """What `flips.score_statistic` takes for the variance of one sample's difference, at the true rates."""
    middle = -harmful - helpful + (2 - harmful + helpful) * margin
    root = math.sqrt(max(0.0, middle * middle + 8 * helpful * margin * (1 - margin)))
    rate = max((root - middle) / 4, 0.0, -margin)
    return max(2 * rate + margin - margin * margin, 0.0)


def _whole(samples: float) -> int | None:
    return None if samples > MOST_SAMPLES else max(1, math.ceil(samples - 1e-9))


def _z(level: float) -> float:
    from scipy.special import ndtri

    return -float(ndtri(level))
