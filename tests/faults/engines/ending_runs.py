"""Engines whose runs crash, raise, never end, or allocate without end."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tests.faults.engines.sound import (
    Outputs,
    SoundSession,
    allocate_without_end,
    hold_the_gil,
    overflow_the_stack,
    segfault,
)


class SegfaultsInFirstRunSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        segfault()


class SegfaultsInThirdRunSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        if self.runs == 2:
            segfault()
        return super().run(feed)


class SegfaultsLaterSession(SoundSession):
    """By a thread of its own, between two calls."""

    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        threading.Timer(0.05, segfault).start()
        time.sleep(0.03)
        return super().run(feed)


class DividesByZeroSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        os.kill(os.getpid(), signal.SIGFPE)


class OverflowsItsStackSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        overflow_the_stack()


class LeavesInRunSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        os._exit(0)


class ExitsInRunSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        sys.exit(0)


class InterruptsItselfSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        raise KeyboardInterrupt


class SegfaultsOnceSession(SoundSession):
    """In the first process that runs it; the next ones find the file that it leaves."""

    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        marker = Path(os.environ["QPARITY_FAULT_MARKER"])
        if not marker.exists():
            marker.touch()
            segfault()
        return super().run(feed)


class SpinsInFirstRunSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        hold_the_gil()


class SpinsInThirdRunSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        if self.runs == 2:
            hold_the_gil()
        return super().run(feed)


class SaysItRunsAndSpinsSession(SoundSession):
    """Leaves a file when it is about to spin, for whoever waits for that moment."""

    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        Path(os.environ["QPARITY_FAULT_MARKER"]).touch()
        hold_the_gil()


class SleepsSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        time.sleep(600)


class StopsItselfSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        os.kill(os.getpid(), signal.SIGSTOP)


class IgnoresSignalsSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGIO, signal.SIGALRM):
            signal.signal(number, signal.SIG_IGN)
        hold_the_gil()


class AllocatesInRunSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        allocate_without_end()


class RaisesSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        raise RuntimeError("out of memory in Conv_3\nand a long log")


class RaisesMuchSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        raise RuntimeError("no " * 10**7)


class RaisesWhatCannotBeSaidSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        class UnspeakableError(Exception):
            def __str__(self) -> str:
                raise RuntimeError("no words")

        raise UnspeakableError
