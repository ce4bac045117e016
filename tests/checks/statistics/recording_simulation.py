"""Populations of recordings by the thousand: how often a gate says what it should, with the gate's own functions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pytest_qparity.checks.metrics.retrieval import recall_at_k
from pytest_qparity.checks.statistics.flips import is_below
from pytest_qparity.checks.statistics.gaffke import p_of_ratio
from pytest_qparity.checks.statistics.groups import Grouping, conclude_of_groups
from pytest_qparity.checks.statistics.noninferiority import Answer, Margin, conclude

LEVEL = 0.05
PART = 1000


@dataclass(frozen=True)
class Recorded:
    """Top-1 of recordings: the float model is right at 90 % of steps, and so is the variant, which flips the share
    `flipped` of steps at random, half of them for the better; of the recordings the share `ruined` (a state that is
    lost) is right at 90 % less `loss` of its steps. Every second one has `steps`, the others `others` (None: as many).
    """

    recordings: int
    ruined: float
    steps: int = 100
    others: int | None = None
    loss: float = 0.5
    flipped: float = 0.0

    @property
    def drop(self) -> float:
        return self.ruined * self.loss

    def passes(self, margin: float, gates: int, seed: int = 0) -> tuple[float, float, float]:
        """Shares of gates that pass, that fail, and that would pass were each step drawn by itself."""
        generator, found = np.random.default_rng(seed), np.zeros(3)
        for _ in range(gates // PART):
            harmful, helpful, lengths = self._drawn(generator)
            sums = (harmful - helpful).astype(np.float64)
            within = p_of_ratio(sums, lengths, 1.0, margin) < LEVEL
            beyond = p_of_ratio(-sums, lengths, 1.0, -margin) < LEVEL
            steps = int(lengths[0].sum())
            alone = is_below(harmful.sum(axis=1), helpful.sum(axis=1), steps, margin, LEVEL)
            found += [within.sum(), beyond.sum(), alone.sum()]
        passed, failed, by_steps = (float(each) for each in found / (gates // PART * PART))
        return passed, failed, by_steps

    def _drawn(self, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Steps that are lost, gained, and there, int64 (gates, recordings) each."""
        shape = (PART, self.recordings)
        lengths = np.broadcast_to(
            np.where(np.arange(self.recordings) % 2, self.others or self.steps, self.steps), shape
        )
        is_ruined = generator.random(shape) < self.ruined
        harmful = np.where(is_ruined, self.loss + self.flipped / 2, self.flipped / 2)
        lost = generator.binomial(lengths, harmful)
        gained = generator.binomial(lengths - lost, self.flipped / 2 / (1 - harmful))
        return lost, gained, lengths


@dataclass(frozen=True)
class Losing:
    """Recordings of one length whose mean loss is one of `losses`, with probabilities `shares`: any population of three
    kinds, of which the worst is looked for."""

    recordings: int
    losses: tuple[float, ...]
    shares: tuple[float, ...]

    @property
    def mean(self) -> float:
        return float(np.dot(self.losses, self.shares))

    def passes(self, gates: int, seed: int = 0) -> float:
        """The share of gates that pass a loss of just the margin."""
        generator = np.random.default_rng(seed)
        sums = generator.choice(self.losses, size=(gates, self.recordings), p=self.shares)
        return float((p_of_ratio(sums, np.ones(sums.shape), 1.0, self.mean) < LEVEL).mean())


@dataclass(frozen=True)
class Retrieved:
    """Embeddings in 16 dimensions around a centre for each label, `each` samples of it; of the labels the share
    `ruined` has noise for embeddings in the variant. Judged is `recall_at_k` with k = 1."""

    labels: int
    ruined: float
    each: int = 10

    def passes(self, gates: int, seed: int = 0) -> tuple[float, float]:
        """Shares of gates that pass a loss of just the margin, by labels, and were each sample drawn by itself. The
        margin is the mean loss of all gates."""
        generator, of = np.random.default_rng(seed), np.repeat(np.arange(self.labels), self.each)
        grouping = Grouping(of, np.arange(len(of)), "labels")
        pairs = []
        for _ in range(gates):
            sound = generator.standard_normal((self.labels, 16))[of] + 0.35 * generator.standard_normal((len(of), 16))
            is_ruined = (generator.random(self.labels) < self.ruined)[of]
            found = np.where(is_ruined[:, None], generator.standard_normal(sound.shape), sound)
            pairs.append([recall_at_k({"y": vectors}, of, k=1) for vectors in (sound, found)])
        margin = Margin(absolute=100 * float(np.mean([one.value() - other.value() for one, other in pairs])))
        by_labels = [conclude_of_groups(*pair, margin, grouping).answer is Answer.WITHIN for pair in pairs]
        alone = [conclude(*pair, margin).answer is Answer.WITHIN for pair in pairs]
        return float(np.mean(by_labels)), float(np.mean(alone))
