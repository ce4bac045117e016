"""Engines that start processes, or do to their own and the supervisor what none should."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping

import numpy as np

from tests.faults.engines.sound import Outputs, SoundSession, segfault


class AllocatesInChildrenSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        for _ in range(6):
            subprocess.Popen([sys.executable, "-c", "x = b'x' * (120 * 10**6); import time; time.sleep(600)"])
        time.sleep(600)


class ForksSession(SoundSession):
    """Leaves a child in its process group, which holds every descriptor open."""

    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        if os.fork() == 0:
            time.sleep(600)
        return super().run(feed)


class DetachesSession(SoundSession):
    """Leaves a grandchild in a session of its own."""

    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        child = os.fork()
        if child == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(600)
            os._exit(0)
        os.waitpid(child, 0)
        return super().run(feed)


class ForksAndDiesSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        if os.fork() == 0:
            time.sleep(600)
        segfault()


class AnswersTwiceSession(SoundSession):
    """A fork that returns goes on as if it were the worker: two processes answer one call."""

    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        os.fork()
        return super().run(feed)


class KillsItsParentSession(SoundSession):
    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(600)


class DetachesAndKillsItsParentSession(DetachesSession):
    """Nobody is left who knows the grandchild as its own."""

    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        super().run(feed)
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(600)


class StopsItsParentSession(DetachesSession):
    """A supervisor that sees neither time nor memory nor the end of its lifeline."""

    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        super().run(feed)
        os.kill(os.getppid(), signal.SIGSTOP)
        time.sleep(600)


class KeepsForkingSession(SoundSession):
    """Leaves a chain of processes, each in a session of its own, that end before anyone has looked at them twice."""

    def run(self, feed: Mapping[str, np.ndarray]) -> Outputs:
        if self.runs == 0 and os.fork() == 0:
            end = time.monotonic() + 60
            while time.monotonic() < end:
                if os.fork() != 0:
                    os._exit(0)
                os.setsid()
            os._exit(0)
        return super().run(feed)
