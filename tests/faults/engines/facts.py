"""Engines that state what is not so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pytest_qparity.backends.protocol import SessionFacts
from tests.faults.engines.sound import SoundSession, segfault


class StatesAnotherPlaceSession(SoundSession):
    def facts(self) -> SessionFacts:
        return replace(super().facts(), placement={"CPUExecutionProvider": 0, "Elsewhere": 3})


class StatesNoPlaceSession(SoundSession):
    def facts(self) -> SessionFacts:
        return replace(super().facts(), placement={})


class StatesNothingSession(SoundSession):
    def facts(self) -> SessionFacts:
        return None


class StatesWhatIsNoJsonSession(SoundSession):
    def facts(self) -> SessionFacts:
        return replace(super().facts(), settings={"model": Path("x")})


class SegfaultsInFactsSession(SoundSession):
    def facts(self) -> SessionFacts:
        segfault()
