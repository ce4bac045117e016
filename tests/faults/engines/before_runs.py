"""Engines that go wrong before they run."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pytest_qparity.backends.protocol import SessionOptions, Unavailable
from tests.faults.engines.sound import Sound, SoundSession, allocate_without_end, hold_the_gil, segfault


class SegfaultsAtImport(Sound):
    def unavailable(self) -> Unavailable | None:
        segfault()


class ExitsAtImport(Sound):
    def unavailable(self) -> Unavailable | None:
        sys.exit(0)


class SpinsAtImport(Sound):
    def unavailable(self) -> Unavailable | None:
        hold_the_gil()


class RaisesAtImport(Sound):
    def unavailable(self) -> Unavailable | None:
        raise OSError("libengine.so.7: cannot open shared object file")


class SegfaultsInLoad(Sound):
    def load(self, model: Path, options: SessionOptions) -> SoundSession:
        os.write(2, b"engine: node Conv_7 has no kernel\n")
        segfault()


class AbortsInLoad(Sound):
    def load(self, model: Path, options: SessionOptions) -> SoundSession:
        os.abort()


class SpinsInLoad(Sound):
    def load(self, model: Path, options: SessionOptions) -> SoundSession:
        hold_the_gil()


class AllocatesInLoad(Sound):
    def load(self, model: Path, options: SessionOptions) -> SoundSession:
        allocate_without_end()


class LeavesInLoad(Sound):
    """`exit(0)` in native code: pytest itself would end here, with the status of a pass."""

    def load(self, model: Path, options: SessionOptions) -> SoundSession:
        os._exit(0)


class GivesNoSession(Sound):
    def load(self, model: Path, options: SessionOptions) -> SoundSession:
        return None


class RewritesTheModel(Sound):
    def load(self, model: Path, options: SessionOptions) -> SoundSession:
        session = super().load(model, options)
        with model.open("ab") as stream:
            stream.write(b"\x72\x00")  # an empty metadata entry: another file, the same graph
        return session


class DeletesTheModel(Sound):
    def load(self, model: Path, options: SessionOptions) -> SoundSession:
        session = super().load(model, options)
        model.unlink()
        return session


class LoadsTheFloatModel(Sound):
    """A silent fallback: whatever is asked for, the float model runs."""

    def load(self, model: Path, options: SessionOptions) -> SoundSession:
        return super().load(Path(os.environ["QPARITY_FAULT_FLOAT_MODEL"]), options)
