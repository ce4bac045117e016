"""What the GPU does later: the backend waits before it looks, and holds what is still to be read. On a fake device
that does its work when it is waited for, and on that fake itself.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from pytest_qparity.verdict import CannotJudge
from tests.contract.device import POISON
from tests.contract.machine import FakeEngine, Machine, Port

Load = Callable[..., Any]

FEED = {"x": np.arange(6, dtype=np.float32).reshape(2, 3)}


def echo(kind: str, *, on_host: bool = False) -> FakeEngine:
    """An engine that gives what it is fed."""
    port = Port(kind, (-1, 3), on_host)
    return FakeEngine({"x": port}, {"y": port}, lambda fed: {"y": fed["x"]})


FEEDS = [
    pytest.param("FLOAT", np.arange(12, dtype=np.float32).reshape(2, 6)[:, ::2], id="with gaps"),
    pytest.param("FLOAT", np.arange(6, dtype=np.float32).reshape(3, 2).T, id="by columns"),
    pytest.param("INT4", np.array([[1, -8, 3], [7, 0, 5]], ml_dtypes.int4), id="packed"),
]


class TestBackend:
    @pytest.mark.parametrize("on_host", [False, True])
    @pytest.mark.parametrize(("kind", "array"), FEEDS)
    def test_bytes_made_of_an_input_live_until_they_are_read(
        self, gpu: Machine, load: Load, kind: str, array: np.ndarray, *, on_host: bool
    ) -> None:
        gpu.engine = echo(kind, on_host=on_host)

        output = load().run({"x": array})["y"]

        np.testing.assert_array_equal(output.astype(np.float32), array.astype(np.float32))

    def test_those_of_a_bound_feed_live_as_long_as_it_runs(self, gpu: Machine, load: Load) -> None:
        gpu.engine = echo("INT4", on_host=True)
        array = np.array([[1, -8, 3]], ml_dtypes.int4)
        bound = load().bound({"x": array})

        for _ in range(3):
            bound.run()

        np.testing.assert_array_equal(bound.outputs()["y"].astype(np.int8), array.astype(np.int8))

    def test_a_bound_run_returns_when_the_outputs_are_there(self, gpu: Machine, load: Load) -> None:
        bound = load().bound(FEED)

        bound.run()

        assert not gpu.device.pending
        assert all(gpu.device.events.values())

    def test_outputs_in_the_hosts_memory_are_waited_for(self, gpu: Machine, load: Load) -> None:
        gpu.engine = echo("FLOAT", on_host=True)

        np.testing.assert_array_equal(load().run(FEED)["y"], FEED["x"])

    def test_outputs_are_there_when_they_are_given(self, gpu: Machine, load: Load) -> None:
        output = load().run(FEED)["y"]

        assert not gpu.device.pending
        np.testing.assert_array_equal(output, 2 * FEED["x"])

    def test_an_error_that_is_logged_while_the_gpu_works_is_no_answer(self, gpu: Machine, load: Load) -> None:
        def fail(fed: Any) -> Any:
            gpu.say("ERROR", "CUDA error 700")
            return {"y": fed["x"]}

        assert gpu.engine is not None
        gpu.engine.compute = fail

        with pytest.raises(CannotJudge) as caught:
            load().run(FEED)

        assert '"CUDA error 700" in its log during a run' in caught.value.failure.sentence

    def test_the_runtime_of_an_engine_lives_as_long_as_it(self, gpu: Machine, load: Load) -> None:
        told = gpu.answers["Runtime.deserialize_cuda_engine"]
        runtimes: list[weakref.ref[Any]] = []

        def deserialize(runtime: Any, serialized_engine: bytes) -> Any:
            runtimes.append(weakref.ref(runtime))
            return told(runtime, serialized_engine)

        gpu.answers["Runtime.deserialize_cuda_engine"] = deserialize
        session = load()
        gc.collect()

        assert runtimes[0]() is not None
        np.testing.assert_array_equal(session.run(FEED)["y"], 2 * FEED["x"])


class TestFakeDevice:
    """A fake that did its work at once would show nothing above."""

    @pytest.fixture
    def address(self, gpu: Machine) -> int:
        return int(gpu.runtime.cudaMalloc(4)[1])

    def upload(self, gpu: Machine, address: int, content: np.ndarray) -> None:
        kind = gpu.runtime.cudaMemcpyKind.cudaMemcpyHostToDevice
        gpu.runtime.cudaMemcpyAsync(address, content.ctypes.data, content.nbytes, kind, 7)

    def download(self, gpu: Machine, address: int) -> np.ndarray:
        content, kind = np.zeros(4, np.uint8), gpu.runtime.cudaMemcpyKind.cudaMemcpyDeviceToHost
        gpu.runtime.cudaMemcpyAsync(content.ctypes.data, address, content.nbytes, kind, 7)
        return content

    def test_copies_are_done_when_the_stream_is_waited_for(self, gpu: Machine, address: int) -> None:
        content = np.array([1, 2, 3, 4], np.uint8)
        self.upload(gpu, address, content)
        assert gpu.device.read(address, 4) == bytes([POISON] * 4)
        got = self.download(gpu, address)
        assert got.tolist() == [POISON] * 4

        gpu.runtime.cudaStreamSynchronize(7)

        assert got.tolist() == [1, 2, 3, 4]

    def test_memory_that_nobody_holds_is_not_what_it_was(self, gpu: Machine, address: int) -> None:
        content = gpu.device.held_weakly(np.array([1, 2, 3, 4], np.uint8))
        self.upload(gpu, address, content)
        del content

        gpu.runtime.cudaStreamSynchronize(7)

        assert gpu.device.read(address, 4) == bytes([POISON] * 4)

    def test_memory_that_was_freed_or_is_too_small_cannot_be_used(self, gpu: Machine, address: int) -> None:
        with pytest.raises(AssertionError, match="5 bytes in 4"):
            gpu.device.read(address, 5)
        self.download(gpu, address)
        gpu.runtime.cudaFree(address)

        with pytest.raises(AssertionError, match="freed"):
            gpu.runtime.cudaStreamSynchronize(7)

    def test_events_have_no_time_before_the_stream_came_by(self, gpu: Machine) -> None:
        status = gpu.runtime.cudaError_t
        start, end = (gpu.runtime.cudaEventCreate()[1] for _ in range(2))
        assert gpu.runtime.cudaEventElapsedTime(start, end)[0] == status.cudaErrorInvalidResourceHandle
        for event in (start, end):
            gpu.runtime.cudaEventRecord(event, 7)
        assert gpu.runtime.cudaEventElapsedTime(start, end) == (status.cudaErrorNotReady, None)

        gpu.runtime.cudaStreamSynchronize(7)

        assert gpu.runtime.cudaEventElapsedTime(start, end) == (status.cudaSuccess, 0.0)

    def test_the_time_between_events_is_that_of_the_work_between_them(self, gpu: Machine) -> None:
        start, end = (gpu.runtime.cudaEventCreate()[1] for _ in range(2))
        gpu.device.ask(lambda: None, 1.0)
        gpu.runtime.cudaEventRecord(start, 7)
        for takes_ms in (2.0, 4.0):
            gpu.device.ask(lambda: None, takes_ms)
        gpu.runtime.cudaEventRecord(end, 7)
        gpu.device.ask(lambda: None, 8.0)

        gpu.runtime.cudaStreamSynchronize(7)

        assert gpu.runtime.cudaEventElapsedTime(start, end)[1] == 6.0
