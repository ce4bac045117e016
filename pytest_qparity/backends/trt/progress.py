"""How far a build is: what a failure says of the place where it ended."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import tensorrt as trt

if TYPE_CHECKING:
    from pytest_qparity.worker.protocol import Tell

INTERVAL_S = 0.2
MOST_NAMED = 5


class Progress(trt.IProgressMonitor):
    """Phases that were begun and are not finished, the innermost last. TensorRT calls it from several threads. `tell`
    hears of them, every INTERVAL_S at most: there are steps of microseconds."""

    def __init__(self, tell: Tell | None = None) -> None:
        trt.IProgressMonitor.__init__(self)
        self._lock = threading.Lock()
        self._open: dict[str, tuple[int, int]] = {}
        self._finished = 0
        self._tell = tell
        self._told_s = -INTERVAL_S
        self._begun_s: dict[str, float] = {}
        self._took_s: dict[str, float] = {}

    def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:  # type: ignore[override]
        with self._lock:
            self._open[phase_name] = (0, num_steps)
            self._begun_s[phase_name] = time.monotonic()
        self._tell_now_and_then()

    def step_complete(self, phase_name: str, step: int) -> bool:  # type: ignore[override]
        """False would end the build: the worker's deadline does that."""
        with self._lock:
            steps = self._open.get(phase_name, (0, 0))[1]
            self._open[phase_name] = (step + 1, steps)
        self._tell_now_and_then()
        return True

    def phase_finish(self, phase_name: str) -> None:
        with self._lock:
            self._open.pop(phase_name, None)
            self._finished += 1
            now_s = time.monotonic()
            took_s = now_s - self._begun_s.pop(phase_name, now_s)
            self._took_s[phase_name] = self._took_s.get(phase_name, 0.0) + took_s

    def longest(self) -> tuple[str, ...]:
        """The MOST_NAMED phases that took longest, those of one name together: "Building engine 12.3 s". A phase holds
        the time of those within it."""
        with self._lock:
            longest = sorted(self._took_s.items(), key=lambda phase: -phase[1])[:MOST_NAMED]
            return tuple(f"{name} {took_s:.1f} s" for name, took_s in longest)

    def _tell_now_and_then(self) -> None:
        with self._lock:
            now_s = time.monotonic()
            is_due = self._tell is not None and now_s - self._told_s >= INTERVAL_S
            if is_due:
                self._told_s = now_s
        if is_due and self._tell is not None:
            self._tell(str(self))

    def __str__(self) -> str:
        with self._lock:
            place = ", in ".join(
                f"{name} ({done} of {steps} steps)" for name, (done, steps) in reversed(self._open.items())
            )
            return place or f"after {self._finished} phases"
