"""Memory and work of a GPU that is none. Work is done when its stream is waited for and not before, as late as CUDA
may do it; until then what it will write is POISON, and so is what was in memory that nobody holds any more. A program
that works here waits where it has to, and keeps what it has to keep.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np

POISON = 0xDB
COPY_MS = 8.0

Room = ctypes.Array  # of bytes


@dataclass
class Device:
    """`heap`: device memory by address. `pending`: what was asked for on the stream since it was last waited for.
    `events`: those that were recorded, and when the stream came by, None until then. `clock_ms`: how long the work took
    that was done so far, its copies too: COPY_MS each. `left`: host memory that nobody holds.
    `recording`: what was asked for since a capture was begun, None outside of one. `graphs`, `executables`: work that
    was recorded, by what stands for it."""

    heap: dict[int, Room[Any]] = field(default_factory=dict)
    pending: list[Callable[[], None]] = field(default_factory=list)
    events: dict[int, float | None] = field(default_factory=dict)
    clock_ms: float = 0.0
    left: list[Room[Any]] = field(default_factory=list)
    recording: list[Callable[[], None]] | None = None
    graphs: dict[int, list[Callable[[], None]]] = field(default_factory=dict)
    executables: dict[int, list[Callable[[], None]]] = field(default_factory=dict)

    def ask(self, work: Callable[[], None], takes_ms: float = 0.0) -> None:
        """Work on the stream: to be done, or to be recorded."""

        def timed() -> None:
            work()
            self.clock_ms += takes_ms

        (self.pending if self.recording is None else self.recording).append(timed)

    def wait(self) -> None:
        """Do all that was asked for, in its order."""
        while self.pending:
            self.pending.pop(0)()

    def read(self, address: int, size: int) -> bytes:
        """Of device memory. Raises AssertionError where there is none of that size, as when it was freed."""
        return ctypes.string_at(self._room(address, size), size)

    def write(self, address: int, content: bytes) -> None:
        ctypes.memmove(self._room(address, len(content)), content, len(content))

    def held_weakly(self, content: np.ndarray) -> np.ndarray:
        """`content` in host memory that becomes POISON with the end of the array, as freed memory may."""
        room = _poisoned(content.nbytes)
        array = np.ndarray(content.shape, content.dtype, buffer=room)
        array[...] = content
        self.left.append(room)
        weakref.finalize(array, ctypes.memset, room, POISON, len(room)).atexit = False
        return array

    def answers(self, runtime: ModuleType) -> dict[str, Any]:
        """What calls of CUDA's runtime for memory, streams and events give."""
        status, kinds = runtime.cudaError_t, runtime.cudaMemcpyKind
        done = (status.cudaSuccess,)

        def malloc(_: None, size: int) -> tuple[Any, int]:
            room = _poisoned(size)
            self.heap[ctypes.addressof(room)] = room
            return status.cudaSuccess, ctypes.addressof(room)

        def free(_: None, devPtr: int) -> tuple[Any]:  # noqa: N803  (NVIDIA's name)
            del self.heap[devPtr]
            return done

        def copy(_: None, dst: int, src: int, count: int, kind: Any, stream: Any) -> tuple[Any]:
            if kind == kinds.cudaMemcpyHostToDevice:
                self.ask(lambda: self.write(dst, ctypes.string_at(src, count)), COPY_MS)
            else:
                assert kind == kinds.cudaMemcpyDeviceToHost
                ctypes.memset(dst, POISON, count)
                self.ask(lambda: _written(dst, self.read(src, count)), COPY_MS)
            return done

        def record(_: None, event: int, stream: Any) -> tuple[Any]:
            self.events[event] = None
            self.ask(lambda: self.events.update({event: self.clock_ms}))
            return done

        def elapsed(_: None, start: int, end: int) -> tuple[Any, float | None]:
            if not {start, end} <= self.events.keys():
                return status.cudaErrorInvalidResourceHandle, None
            started, ended = self.events[start], self.events[end]
            if started is None or ended is None:
                return status.cudaErrorNotReady, None
            return status.cudaSuccess, ended - started

        def synchronize(_: None, stream: Any) -> tuple[Any]:
            if self.recording is not None:
                return (status.cudaErrorStreamCaptureUnsupported,)
            self.wait()
            return done

        events = iter(range(8, 10_000))
        return {
            "cudaMalloc": malloc,
            "cudaFree": free,
            "cudaMemcpyAsync": copy,
            "cudaStreamCreate": (status.cudaSuccess, 7),
            "cudaStreamSynchronize": synchronize,
            "cudaStreamDestroy": done,
            "cudaEventCreate": lambda _: (status.cudaSuccess, next(events)),
            "cudaEventRecord": record,
            "cudaEventElapsedTime": elapsed,
            "cudaEventDestroy": done,
            **self._answers_for_graphs(runtime),
        }

    def _answers_for_graphs(self, runtime: ModuleType) -> dict[str, Any]:
        status = runtime.cudaError_t
        done = (status.cudaSuccess,)
        numbers = iter(range(100, 10_000))

        def begin(_: None, stream: Any, mode: Any) -> tuple[Any]:
            assert self.recording is None, "a capture within a capture"
            self.recording = []
            return done

        def end(_: None, stream: Any) -> tuple[Any, int | None]:
            assert self.recording is not None, "the end of no capture"
            number = next(numbers)
            self.graphs[number], self.recording = self.recording, None
            return status.cudaSuccess, number

        def instantiate(_: None, graph: int, flags: int) -> tuple[Any, int]:
            number = next(numbers)
            self.executables[number] = list(self.graphs[graph])
            return status.cudaSuccess, number

        def launch(_: None, graphExec: int, stream: Any) -> tuple[Any]:  # noqa: N803  (NVIDIA's name)
            for work in self.executables[graphExec]:
                self.ask(work)
            return done

        def destroy(_: None, graph: int) -> tuple[Any]:
            del self.graphs[graph]
            return done

        def destroy_executable(_: None, graphExec: int) -> tuple[Any]:  # noqa: N803  (NVIDIA's name)
            del self.executables[graphExec]
            return done

        return {
            "cudaStreamBeginCapture": begin,
            "cudaStreamEndCapture": end,
            "cudaGraphInstantiate": instantiate,
            "cudaGraphLaunch": launch,
            "cudaGraphDestroy": destroy,
            "cudaGraphExecDestroy": destroy_executable,
        }

    def _room(self, address: int, size: int) -> Room[Any]:
        assert address in self.heap, "device memory that was freed, or never was"
        assert size <= len(self.heap[address]), f"{size} bytes in {len(self.heap[address])} of device memory"
        return self.heap[address]


def _poisoned(size: int) -> Room[Any]:
    room = ctypes.create_string_buffer(max(size, 1))
    ctypes.memset(room, POISON, len(room))
    return room


def _written(address: int, content: bytes) -> None:
    ctypes.memmove(address, content, len(content))
