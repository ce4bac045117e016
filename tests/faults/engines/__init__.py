"""Engines that go wrong, each in one way, by the names that plans and backends have for them."""

from __future__ import annotations

from types import ModuleType

from pytest_qparity.backends.protocol import Session
from tests.faults.engines import before_runs, ending_runs, facts, measured, outputs, processes, sound, streams
from tests.faults.engines.sound import Sound, SoundSession


class _Session(Sound):
    """An engine that only differs by its session."""

    kind: type[SoundSession]

    def opened(self, session: Session) -> SoundSession:
        return self.kind(session)


def engine_of(session: type[SoundSession]) -> type[_Session]:
    return type(session.__name__.removesuffix("Session"), (_Session,), {"kind": session})


def _engines(module: ModuleType) -> dict[str, type[Sound]]:
    """Those that a module defines, and one for each session that it defines."""
    own = [each for each in vars(module).values() if isinstance(each, type) and each.__module__ == module.__name__]
    engines = {each.__name__: each for each in own if issubclass(each, Sound)}
    sessions = [each for each in own if issubclass(each, SoundSession) and each is not SoundSession]
    return engines | {each.__name__.removesuffix("Session"): engine_of(each) for each in sessions}


for _module in (sound, before_runs, ending_runs, processes, streams, outputs, facts, measured):
    globals().update(_engines(_module))
