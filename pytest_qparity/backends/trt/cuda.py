"""Memory, streams and events of one CUDA device, by NVIDIA's own bindings. Each call's status is looked at."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np
from cuda.bindings import runtime

from pytest_qparity.backends.cuda_driver import version_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ALIGNMENT = 256  # bytes, that cudaMalloc promises (CUDA C++ Programming Guide, device memory accesses)


class CudaError(RuntimeError):
    """A call of the CUDA runtime that did not succeed."""


def checked(call: str, answer: Sequence[Any]) -> Any:
    """What a call gave besides its status. Raises CudaError where the status is no success."""
    status = answer[0]
    if status != runtime.cudaError_t.cudaSuccess:
        text = runtime.cudaGetErrorString(status)[1]
        said = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
        raise CudaError(f"{call}: {said} (error {int(status)})")
    return answer[1] if len(answer) > 1 else None


def runtime_version() -> str:
    """Of the CUDA runtime that the bindings hold: "12.9"."""
    return version_text(checked("cudaRuntimeGetVersion", runtime.cudaRuntimeGetVersion()))


class Buffer:
    """Device memory that grows as it is asked to and never shrinks: a run of the same shapes allocates nothing."""

    def __init__(self) -> None:
        self.address = 0
        self.size = 0

    def reserve(self, size: int) -> int:
        """The address of at least `size` bytes, and of one where `size` is 0: TensorRT takes no null address."""
        wanted = max(size, 1)
        if wanted > self.size:
            self.release()
            self.address = int(checked("cudaMalloc", runtime.cudaMalloc(wanted)))
            self.size = wanted
        return self.address

    def release(self) -> None:
        if self.address:
            address, self.address, self.size = self.address, 0, 0
            checked("cudaFree", runtime.cudaFree(address))


class Graph:
    """Work that was recorded on a stream, to be launched as often as wanted. Addresses are those of the recording."""

    def __init__(self, graph: Any) -> None:
        self._executable = checked("cudaGraphInstantiate", runtime.cudaGraphInstantiate(graph, 0))

    def launch(self, stream: Stream) -> None:
        checked("cudaGraphLaunch", runtime.cudaGraphLaunch(self._executable, stream.handle))

    def close(self) -> None:
        checked("cudaGraphExecDestroy", runtime.cudaGraphExecDestroy(self._executable))


class Stream:
    """A stream, and two events around what is timed on it."""

    def __init__(self) -> None:
        self._stream = checked("cudaStreamCreate", runtime.cudaStreamCreate())
        self._start = checked("cudaEventCreate", runtime.cudaEventCreate())
        self._end = checked("cudaEventCreate", runtime.cudaEventCreate())

    @property
    def handle(self) -> int:
        return int(self._stream)

    def upload(self, address: int, content: np.ndarray) -> None:
        """Copy bytes (uint8, contiguous) to the device. `content` must live until the stream is waited for."""
        if content.size:
            kind = runtime.cudaMemcpyKind.cudaMemcpyHostToDevice
            copy = runtime.cudaMemcpyAsync(address, content.ctypes.data, content.nbytes, kind, self._stream)
            checked("cudaMemcpyAsync", copy)

    def download(self, address: int, size: int) -> np.ndarray:
        """`size` bytes of the device, uint8 (size,), which are there once the stream was waited for."""
        content = np.empty(size, np.uint8)
        if size:
            kind = runtime.cudaMemcpyKind.cudaMemcpyDeviceToHost
            checked("cudaMemcpyAsync", runtime.cudaMemcpyAsync(content.ctypes.data, address, size, kind, self._stream))
        return content

    def start_clock(self) -> None:
        checked("cudaEventRecord", runtime.cudaEventRecord(self._start, self._stream))

    def stop_clock(self) -> None:
        checked("cudaEventRecord", runtime.cudaEventRecord(self._end, self._stream))

    def elapsed_ms(self) -> float:
        """Between the two, on the device's clock, once the stream was waited for."""
        return float(checked("cudaEventElapsedTime", runtime.cudaEventElapsedTime(self._start, self._end)))

    def recorded(self, work: Callable[[], None]) -> Graph:
        """What `work` asks of this stream, which is not done but recorded. What other threads ask of CUDA meanwhile is
        no part of it. The stream records no longer when this returns, or raises what `work` raised."""
        mode = runtime.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        checked("cudaStreamBeginCapture", runtime.cudaStreamBeginCapture(self._stream, mode))
        try:
            work()
        except BaseException:
            with contextlib.suppress(CudaError):  # it may have been broken off: what `work` raised says why
                _destroyed(checked("cudaStreamEndCapture", runtime.cudaStreamEndCapture(self._stream)))
            raise
        graph = checked("cudaStreamEndCapture", runtime.cudaStreamEndCapture(self._stream))
        try:
            return Graph(graph)
        finally:
            _destroyed(graph)

    def wait(self) -> None:
        checked("cudaStreamSynchronize", runtime.cudaStreamSynchronize(self._stream))

    def close(self) -> None:
        for event in (self._start, self._end):
            checked("cudaEventDestroy", runtime.cudaEventDestroy(event))
        checked("cudaStreamDestroy", runtime.cudaStreamDestroy(self._stream))


def _destroyed(graph: Any) -> None:
    checked("cudaGraphDestroy", runtime.cudaGraphDestroy(graph))
