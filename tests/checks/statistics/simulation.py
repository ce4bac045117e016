"""Gates by the ten thousand: how often the accuracy test says what it should, with the functions that the gate calls.

Vectorised: of flips only their numbers are drawn, of a metric of the whole only how many samples of each kind there
are, which is all that the metric sees.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pytest_qparity.checks.statistics.bootstrap import acceleration, bca
from pytest_qparity.checks.statistics.flips import FEWEST_FOR_SCORE_TEST, ShareOf, is_below
from pytest_qparity.checks.statistics.means import mean_interval, ruined_interval
from pytest_qparity.checks.statistics.sequential import nominal_levels

GATES = 20_000
LEVEL = 0.05
RATE = 0.76  # of the float model
RESAMPLES = 199  # with one more a multiple of 20: quantiles of 5 % are exact


def monte_carlo_error(rate: float) -> float:
    return float(np.sqrt(rate * (1 - rate) / GATES))


@dataclass(frozen=True)
class Flipping:
    """Samples whose scores of 0 and 1 flip with a given discordance. `share`: the margin is that part of RATE."""

    samples: int
    discordance: float
    margin: float = 0.005
    share: float | None = None
    looks: tuple[float, ...] = (1.0,)

    @property
    def margin_at_rate(self) -> float:
        return self.margin if self.share is None else self.share * RATE

    def rates(self, drop: float) -> tuple[float, float]:
        return (self.discordance + drop) / 2, (self.discordance - drop) / 2

    def passes(self, drop: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Of each gate: whether it passes, and the share of samples that it takes to pass, fail or run out."""
        return self._says(drop, seed, fails=False)

    def fails(self, drop: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
        return self._says(drop, seed, fails=True)

    def _says(self, drop: float, seed: int, *, fails: bool) -> tuple[np.ndarray, np.ndarray]:
        generator = np.random.default_rng(seed)
        harmful, helpful = self.rates(drop)
        kinds = [harmful, helpful, RATE - harmful, max(0.0, 1 - RATE - helpful)]
        seen = np.zeros((GATES, 4), np.int64)
        answer, taken = np.zeros(GATES, np.int8), np.zeros(GATES)
        before = 0
        for look, level in zip(self.looks, nominal_levels(self.looks, LEVEL), strict=True):
            until = round(look * self.samples)
            seen += generator.multinomial(until - before, kinds, size=GATES)
            before = until
            open_ = answer == 0
            taken[open_] = look
            within, beyond = self._tested(seen[open_], until, level)
            answer[open_] = np.where(within, 1, np.where(beyond, -1, 0))
        return answer == (-1 if fails else 1), taken

    def _tested(self, seen: np.ndarray, samples: int, level: float) -> tuple[np.ndarray, np.ndarray]:
        b, c = seen[:, 0], seen[:, 1]
        if self.share is None:
            return is_below(b, c, samples, self.margin, level), is_below(c, b, samples, -self.margin, level)
        hits = seen[:, 0] + seen[:, 2]
        of, margin = ShareOf(self.share, hits), self.share * hits / samples
        return is_below(b, c, samples, margin, level, of), np.zeros(len(seen), np.bool_)


@dataclass(frozen=True)
class Scoring:
    """Samples whose losses are drawn by `losses(generator, shape)`, of mean `mean`."""

    samples: int
    losses: Callable[[np.random.Generator, tuple[int, int]], np.ndarray]
    mean: float

    def passes(self, margin: float, seed: int = 0) -> np.ndarray:
        generator, part = np.random.default_rng(seed), 2000
        highs = []
        for _ in range(GATES // part):
            drawn = self.losses(generator, (part, self.samples))
            highs.append(mean_interval(drawn, LEVEL)[1])
        return np.concatenate(highs) < margin


@dataclass(frozen=True)
class Ruining:
    """Samples of a metric in percent that all move by rounding (normal, of standard deviation `rounding`), of which the
    share `ruined` loses `loss`, and the share `marred` loses `mark`."""

    samples: int
    ruined: float
    rounding: float
    loss: float = 1.0
    marred: float = 0.0
    mark: float = 0.0

    @property
    def mean(self) -> float:
        return self.ruined * self.loss + self.marred * self.mark

    def passes(self, margin: float, seed: int = 0, *, plainly: bool = False) -> float:
        """The share of gates that pass; `plainly`: by the interval that knows nothing of what was not seen."""
        generator, part = np.random.default_rng(seed), max(200, min(2000, 2_000_000 // self.samples))
        passed = 0
        for _ in range(GATES // part):
            drawn = self._losses(generator, (part, self.samples))
            interval = mean_interval(drawn, LEVEL) if plainly else ruined_interval(drawn, 1.0, LEVEL)
            passed += int((interval[1] < margin).sum())
        return passed / (GATES // part * part)

    def _losses(self, generator: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
        drawn = generator.standard_normal(shape, np.float32) * np.float32(self.rounding)
        kind = generator.random(shape, np.float32)
        drawn = np.where(kind < self.ruined, np.float32(self.loss), drawn)
        is_marred = (kind >= self.ruined) & (kind < self.ruined + self.marred)
        return np.clip(np.where(is_marred, np.float32(self.mark), drawn), -1.0, 1.0)


@dataclass(frozen=True)
class OwnUnit:
    """Errors in a unit of their own (exponential, mean 1, no end), which the variant moves by rounding (normal, of
    standard deviation `rounding`, never below 0); the share `ruined` gets `loss` more, where the float model's outputs
    lose `known` on average against labels of other samples: what `Scores.ruined` holds."""

    samples: int
    ruined: float
    rounding: float
    loss: float
    known: float = 3.0

    @property
    def mean(self) -> float:
        """Of the loss: of what rounding adds where it is cut at 0 as well, to 1e-4, from a million samples."""
        reference, variant = self._scores(np.random.default_rng(99), (1, 1_000_000), ruined=0.0)
        return float((variant - reference).mean()) * (1 - self.ruined) + self.ruined * self.loss

    def answers(self, margin: float, seed: int = 0) -> tuple[float, float]:
        """Shares of gates that pass and that fail, by the interval that `conclude` takes."""
        generator, part = np.random.default_rng(seed), max(100, min(2000, 1_000_000 // self.samples))
        passed = failed = 0
        for _ in range(GATES // part):
            reference, variant = self._scores(generator, (part, self.samples), self.ruined)
            values = np.maximum(reference.mean(axis=1), variant.mean(axis=1))
            highest = np.maximum(reference.max(axis=1), variant.max(axis=1))
            lowest = np.minimum(reference.min(axis=1), variant.min(axis=1))
            largest = np.maximum(np.maximum(values, self.known), highest - lowest)
            gain = np.minimum(largest, reference.max(axis=1))
            low, high = ruined_interval(variant - reference, largest, LEVEL, gain)
            passed += int((high < margin).sum())
            failed += int((low > margin).sum())
        return passed / (GATES // part * part), failed / (GATES // part * part)

    def _scores(
        self, generator: np.random.Generator, shape: tuple[int, int], ruined: float
    ) -> tuple[np.ndarray, np.ndarray]:
        reference = generator.standard_exponential(shape)
        moved = np.maximum(reference + self.rounding * generator.standard_normal(shape), 0.0)
        return reference, np.where(generator.random(shape) < ruined, reference + self.loss, moved)


# Kinds of samples of a binary F1: (label, float model's class, variant's class).
_LABEL, _FLOAT, _VARIANT = np.array([(a, b, c) for a in (1, 0) for b in (1, 0) for c in (1, 0)]).T


def f1(counts: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """2·TP / (2·TP + FP + FN), over the last axis (…, kinds)."""
    positive, found = counts @ _LABEL, counts @ predicted
    return 2.0 * (counts @ (_LABEL * predicted)) / np.maximum(positive + found, 1e-9)


def f1_drop(counts: np.ndarray) -> np.ndarray:
    return f1(counts, _FLOAT) - f1(counts, _VARIANT)


@dataclass(frozen=True)
class WholeScoring:
    """A binary F1 of samples of which 30 % are positive; `lossy`: the part of flips that are harmful."""

    samples: int
    discordance: float
    lossy: float

    @property
    def kinds(self) -> np.ndarray:
        share = np.where(_LABEL == 1, 0.3, 0.7)
        right = np.where(_LABEL == 1, 0.9, 0.95)
        is_right = _LABEL == _FLOAT
        flips = np.where(
            is_right, self.discordance * self.lossy / right, self.discordance * (1 - self.lossy) / (1 - right)
        )
        return share * np.where(is_right, right, 1 - right) * np.where(_FLOAT == _VARIANT, 1 - flips, flips)

    @property
    def drop(self) -> float:
        return float(f1_drop(self.kinds))

    def passes(self, margin: float, seed: int = 0) -> np.ndarray:
        generator, part = np.random.default_rng(seed), 2000
        return np.concatenate([self._passes(margin, generator, part) for _ in range(GATES // part)])

    def _passes(self, margin: float, generator: np.random.Generator, gates: int) -> np.ndarray:
        counts = generator.multinomial(self.samples, self.kinds, size=gates)
        shares = counts[:, None, :] / self.samples
        replicates = f1_drop(generator.multinomial(self.samples, shares, size=(gates, RESAMPLES)))
        left_out = np.stack([f1_drop(np.maximum(counts - one, 0)) for one in np.eye(8, dtype=np.int64)], axis=-1)
        high = bca(replicates, f1_drop(counts), acceleration(left_out, counts), LEVEL)[1]
        differing = counts[:, _FLOAT != _VARIANT].sum(axis=1)
        return (high < margin) & (differing >= FEWEST_FOR_SCORE_TEST)  # of fewer the gate bounds their share


def normal_losses(generator: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    return generator.normal(0.0, 1.0, shape)


def rare_losses(generator: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """One sample in ten loses something between nothing and all."""
    return np.where(generator.random(shape, np.float32) < 0.1, generator.random(shape, np.float32), np.float32(0))


def skewed_losses(generator: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    return generator.exponential(1.0, shape)
