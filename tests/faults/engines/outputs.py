"""Engines whose outputs are wrong."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import numpy as np

from tests.faults.engines.sound import Outputs, SoundSession


class GivesNaNSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        return {name: np.full_like(array, np.nan) for name, array in super().run(feed).items()}


class GivesOneInfSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        outputs = super().run(feed)
        next(iter(outputs.values())).flat[0] = np.inf
        return outputs


class GivesZerosSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        return {name: np.zeros_like(array) for name, array in super().run(feed).items()}


class GivesStaleBuffersSession(SoundSession):
    """The outputs of the run before: right numbers, for another sample."""

    before: Outputs | None = None

    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        now = super().run(feed)
        given, self.before = self.before or now, now
        return given


class GivesViewsItOverwritesSession(SoundSession):
    """One buffer for all runs: whoever keeps a view of it finds the last run there."""

    buffers: Outputs | None = None

    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        outputs = super().run(feed)
        if self.buffers is None:
            self.buffers = {name: array.copy() for name, array in outputs.items()}
        for name, array in outputs.items():
            self.buffers[name][...] = array
        return self.buffers


class OverwritesLaterSession(SoundSession):
    """A thread goes on writing into what was given."""

    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        outputs = super().run(feed)
        threading.Timer(0.02, lambda: [array.fill(7) for array in outputs.values()]).start()
        return outputs


class WritesOverItsInputSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        outputs = super().run(feed)
        for array in feed.values():
            array.fill(0)
        return outputs


class LosesAnOutputSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        super().run(feed)
        return {}


class RenamesAnOutputSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        return {f"{name}_0": array for name, array in super().run(feed).items()}


class AddsAnOutputSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        return {**super().run(feed), "debug": np.ones((len(next(iter(feed.values()))), 1), np.float32)}


class GivesAnotherTypeSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        return {name: array.astype(np.float64) for name, array in super().run(feed).items()}


class GivesOneRowLessSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        return {name: array[1:] for name, array in super().run(feed).items()}


class GivesObjectsSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        return {name: array.astype(object) for name, array in super().run(feed).items()}


class GivesAListSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        return {name: array.tolist() for name, array in super().run(feed).items()}


class GivesFarTooMuchSession(SoundSession):
    """An output that is larger than the worker may be, and takes no memory: a view without strides."""

    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        return {name: np.broadcast_to(np.float32(1), (10**12,)) for name in super().run(feed)}


class GivesMuchSession(SoundSession):
    """Each output a million times over, in memory: what a Tile in a model comes to."""

    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        return {name: np.repeat(array, 50 * 10**6 // array.nbytes, axis=0) for name, array in super().run(feed).items()}


class WandersSession(SoundSession):
    """Another answer at each run."""

    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        noise = np.random.default_rng()
        return {
            name: array + noise.standard_normal(array.shape).astype(array.dtype) * 10
            for name, array in super().run(feed).items()
        }
