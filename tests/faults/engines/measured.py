"""Engines that go wrong while they are timed or measured, or when they are closed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pytest_qparity.backends.protocol import SessionOptions
from tests.faults.engines.sound import Outputs, Sound, SoundSession, hold_the_gil, segfault


class SegfaultsWhileTimedSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        if self.runs == 12:
            segfault()
        return super().run(feed)


class SpinsWhileTimedSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        if self.runs == 12:
            hold_the_gil()
        return super().run(feed)


class StopsComputingSession(SoundSession):
    """Nothing is as fast: zeros at once, from its ninth run on, which is one that is timed."""

    last: Outputs | None = None

    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        if self.runs < 8 or self.last is None:
            self.last = super().run(feed)
            return self.last
        return {name: np.zeros_like(array) for name, array in self.last.items()}


class RepeatsItselfSession(StopsComputingSession):
    """What it gave for the feed before, whatever it is fed. Nobody can tell while one feed is timed; parity can."""

    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        if self.last is None:
            self.last = super().run(feed)
        return self.last


class RaisesInCloseSession(SoundSession):
    def close(self) -> None:
        raise RuntimeError("double free")


class StopsComputingTheFloatModel(Sound):
    """The counterpart alone: a variant is slow beside it, and nobody asks why."""

    def load(self, model: Path, options: SessionOptions) -> SoundSession:
        session = self.engine.load(model, options)
        is_float = b"QuantizeLinear" not in model.read_bytes()
        return StopsComputingSession(session) if is_float else SoundSession(session)


class GivesZerosOfTheFloatModel(Sound):
    """From its first run on."""

    def load(self, model: Path, options: SessionOptions) -> SoundSession:
        session = self.engine.load(model, options)
        is_float = b"QuantizeLinear" not in model.read_bytes()
        return ZerosSession(session) if is_float else SoundSession(session)


class ZerosSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        return {name: np.zeros_like(array) for name, array in super().run(feed).items()}
