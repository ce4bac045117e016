"""What the other engines go wrong from: ONNX Runtime's own session. And what several of them do."""

from __future__ import annotations

import ctypes
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pytest_qparity.backends.ort import OnnxRuntimeCpu
from pytest_qparity.backends.protocol import Session, SessionFacts, SessionOptions, Unavailable

Outputs = dict[str, np.ndarray]


def segfault() -> None:
    ctypes.string_at(0)


def hold_the_gil() -> None:
    re.match(r"(a+)+$", "a" * 60 + "b")


def allocate_without_end() -> None:
    blocks = []
    while True:
        blocks.append(np.ones(2 * 10**6))


def descriptors() -> list[int]:
    """All that this process has open, whatever their numbers, but the standard ones."""
    return [int(path.name) for path in Path("/proc/self/fd").iterdir() if int(path.name) > 2]


def overflow_the_stack() -> None:
    """In native code, where Python's own limit does not count."""
    compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
    array = (ctypes.c_int * 2)(2, 1)
    sort = ctypes.CDLL(None).qsort
    sys.setrecursionlimit(10**9)

    def again(*_: object) -> int:
        sort(array, 2, 4, compare(again))
        return 0

    sort(array, 2, 4, compare(again))


class Sound:
    """What the others go wrong from."""

    def __init__(self) -> None:
        self.engine = OnnxRuntimeCpu()

    def unavailable(self) -> Unavailable | None:
        return self.engine.unavailable()

    def load(self, model: Path, options: SessionOptions) -> SoundSession:
        return self.opened(self.engine.load(model, options))

    def opened(self, session: Session) -> SoundSession:
        return SoundSession(session)


class SoundSession:
    def __init__(self, session: Session) -> None:
        self.session = session
        self.runs = 0

    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        self.runs += 1
        return self.session.run(feed)

    def facts(self) -> SessionFacts:
        return self.session.facts()

    def close(self) -> None:
        self.session.close()
