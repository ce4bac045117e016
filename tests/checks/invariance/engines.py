"""Engines that tell ways of running apart, each in one way. All the rest of them is ONNX Runtime's own session."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tests.faults.engines.sound import Outputs, Sound, SoundSession


class PreviousSession(SoundSession):
    """Gives what the call before it computed, where that has the same layout."""

    last: Outputs | None = None

    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        now = {name: array.copy() for name, array in super().run(feed).items()}
        before, self.last = self.last, now
        if before is None or [each.shape for each in before.values()] != [each.shape for each in now.values()]:
            return now
        return before


class GivesThePreviousOutputs(Sound):
    def opened(self, session):
        return PreviousSession(session)


class SecondCallSession(SoundSession):
    """Gives the outputs of the first call once more for the second."""

    first: Outputs | None = None

    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        now = {name: array.copy() for name, array in super().run(feed).items()}
        if self.runs == 1:
            self.first = now
        return self.first if self.runs == 2 and self.first is not None else now


class RepeatsItsFirstOutputs(Sound):
    def opened(self, session):
        return SecondCallSession(session)


class LargerSession(SoundSession):
    """Its output buffer grows and is never filled anew after a larger feed: the rows of that stand there still."""

    last: Outputs | None = None

    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        now = {name: array.copy() for name, array in super().run(feed).items()}
        before, self.last = self.last, now
        if before is None or not all(len(before[name]) > len(array) for name, array in now.items()):
            return now
        return {name: before[name][: len(array)] for name, array in now.items()}


class KeepsALargerFeed(Sound):
    def opened(self, session):
        return LargerSession(session)


class RandomSession(SoundSession):
    """A hundredth of each value is chance."""

    def __init__(self, session) -> None:
        super().__init__(session)
        self.random = np.random.default_rng()

    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        outputs = super().run(feed)
        return {
            name: (array * self.random.normal(1.0, 0.01, array.shape)).astype(array.dtype)
            for name, array in outputs.items()
        }


class ComputesAtRandom(Sound):
    def opened(self, session):
        return RandomSession(session)


class MeanSession(SoundSession):
    """Takes a tenth of the mean of all its outputs so far away."""

    mean = 0.0

    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        outputs = super().run(feed)
        given = {name: (array - 0.1 * self.mean).astype(array.dtype) for name, array in outputs.items()}
        first = next(iter(outputs.values()))
        self.mean += (float(first.mean()) - self.mean) / self.runs
        return given


class KeepsARunningMean(Sound):
    def opened(self, session):
        return MeanSession(session)


class OneRowSession(SoundSession):
    """Gives the first sample of a batch alone."""

    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        return {name: array[:1] for name, array in super().run(feed).items()}


class GivesOneRow(Sound):
    def opened(self, session):
        return OneRowSession(session)
