"""A TensorRT engine that runs: feeds in, arrays out, by the names of the file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import tensorrt as trt

from pytest_qparity.backends.feeding import require_declared
from pytest_qparity.backends.protocol import SessionFacts
from pytest_qparity.backends.trt.building import sizes_of
from pytest_qparity.backends.trt.cuda import Buffer, Stream, runtime_version
from pytest_qparity.backends.trt.decoding import buffer_bytes, decoded, dtype_of, encoded
from pytest_qparity.backends.trt.failures import not_loaded, not_run, quoted
from pytest_qparity.backends.trt.graphs import REMEDY, GraphReplay, why_not_recorded
from pytest_qparity.backends.trt.inspecting import kernels_of_engine
from pytest_qparity.backends.trt.log import Warnings
from pytest_qparity.backends.trt.output_allocator import OutputAllocator
from pytest_qparity.backends.trt.settings import stated
from pytest_qparity.backends.trt.tensors import Tensor, in_order, tensors_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from pytest_qparity.backends.kernels import Kernels, NotTold
    from pytest_qparity.backends.trt.cuda import Graph
    from pytest_qparity.backends.trt.engine import Engine
    from pytest_qparity.backends.trt.log import Log, Mark
    from pytest_qparity.backends.trt.plans import Plan
    from pytest_qparity.backends.trt.settings import BuildSettings

PLACE = "TensorRT"
_MOST_WARNINGS = 5


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a session is made of. `settings` and `model`: None for a plan that somebody else built, of which neither
    is known. `outputs`: the file's, in its order. `cuda_graphs`: whether runs are to be recorded and replayed."""

    engine: Engine
    plan: Plan
    device: str
    log: Log
    settings: BuildSettings | None = None
    model: Path | None = None
    outputs: Sequence[str] | None = None
    cuda_graphs: bool = False


class TensorrtSession:
    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded
        self._engine = loaded.engine.engine
        self._warnings = Warnings((*loaded.plan.building.warnings, *loaded.engine.warnings))
        tensors = tensors_of(self._engine)
        self._inputs = [tensor for tensor in tensors if tensor.is_input]
        self._outputs = in_order([tensor for tensor in tensors if not tensor.is_input], loaded.outputs)
        self._declared = {
            tensor.name: (dtype_of(tensor.kind), [None if size < 0 else size for size in tensor.shape])
            for tensor in self._inputs
        }
        mark = loaded.log.mark()
        self._context: trt.IExecutionContext | None = self._engine.create_execution_context()
        self._warnings.add(mark)
        if self._context is None:
            raise not_loaded(
                f"no execution context: {quoted(mark.errors())}",
                "get one",
                "see whether the GPU has room for the engine",
            )
        self._stream = Stream()
        self._buffers = {tensor.name: Buffer() for tensor in tensors}
        self._host: dict[str, np.ndarray] = {}
        self._allocators: dict[str, OutputAllocator] = {}
        self._placed: Mapping[str, np.ndarray] | None = None  # the feed that lies on the device
        self._held: list[np.ndarray] = []  # bytes of its inputs, which TensorRT may read as long as it runs
        self._device_ms: float | None = None
        self._addresses: dict[str, int] = {}
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._graphs_refused = (
            why_not_recorded(self._engine, self._context, tensors) if loaded.cuda_graphs else "not asked for"
        )
        self._graphs = GraphReplay(self._stream) if self._graphs_refused is None else None

    def run(self, feed: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Outputs by name, in the file's order. Copies to and from the device belong to a run."""
        self._placed = None
        self.compute(feed)
        return self.taken()

    def engine_bytes(self) -> int:
        """Of the plan, as TensorRT serializes it."""
        return len(self._loaded.plan.content)

    def bound(self, feed: Mapping[str, np.ndarray]) -> BoundFeed:
        """`feed` to be run again and again without its copies."""
        return BoundFeed(self, dict(feed))

    def compute(self, feed: Mapping[str, np.ndarray]) -> None:
        """Run on the device, and wait for it; a feed that lies there from the call before is not copied again."""
        mark = self._loaded.log.mark()
        try:
            self._compute(feed, mark)
        finally:
            self._warnings.add(mark)

    def _compute(self, feed: Mapping[str, np.ndarray], mark: Mark) -> None:
        context = self._open()
        if self._placed is not feed:
            self._place(context, feed)
        for allocator in self._allocators.values():
            allocator.begin()

        def enqueue() -> None:
            if not context.execute_async_v3(self._stream.handle):
                raise not_run(f"{quoted(mark.errors())} from execute_async_v3", "run", "run this one sample by itself")

        graph = self._recorded(enqueue)  # before the clock starts: a recording is no part of a run
        self._stream.start_clock()
        if graph is None:
            enqueue()
        else:
            graph.launch(self._stream)
        self._stream.stop_clock()
        self._stream.wait()
        self._device_ms = self._stream.elapsed_ms()
        for name, allocator in self._allocators.items():
            if allocator.shape is None or allocator.failure is not None:
                got = allocator.failure or f'no shape of output "{name}"'
                raise not_run(got, "get memory for it", "see whether the GPU has room for this output")
        if mark.errors():  # an error that TensorRT only logs is no answer
            raise not_run(f"{quoted(mark.errors())} in its log during a run", "run without", "see what it says")

    def taken(self) -> dict[str, np.ndarray]:
        """Copies of what the last run gave."""
        context = self._open()
        raw = [self._taken(context, tensor) for tensor in self._outputs]
        self._stream.wait()
        return {
            tensor.name: decoded(content, tensor.kind, shape)
            for tensor, (content, shape) in zip(self._outputs, raw, strict=True)
        }

    @property
    def device_ms(self) -> float | None:
        """Of the last run, between two events around the engine, without the copies; None before the first."""
        return self._device_ms

    def facts(self) -> SessionFacts:
        self._open()
        loaded = self._loaded
        settings: dict[str, str | int] = {
            "plan": loaded.plan.digest,
            "plan_from": loaded.plan.origin,
            "plan_kb": len(loaded.plan.content) // 1000,
            "activations_kb": self._engine.device_memory_size_v2 // 1000,
            "optimization_profiles": self._engine.num_optimization_profiles,
            "optimizer": "all",
            "cuda_runtime": runtime_version(),
            "cuda_graphs": self._told_of_graphs(),
            **stated(loaded.settings),
        }
        building = loaded.plan.building
        if building.build_ms is not None:
            settings |= {"build_ms": building.build_ms, "build_phases": ", ".join(building.phases) or "not told"}
        warnings = self._warnings.told()
        settings["warnings"] = len(warnings)
        settings |= {f"warning_{number}": text for number, text in enumerate(warnings[:_MOST_WARNINGS], 1)}
        return SessionFacts(
            engine="tensorrt",
            version=trt.__version__,
            device=loaded.device,
            settings=settings,
            placement={PLACE: self._engine.num_layers},
            expected_placement=PLACE,
        )

    def inputs(self) -> dict[str, np.dtype]:
        return {name: dtype for name, (dtype, _) in self._declared.items()}

    def kernels(self) -> Kernels | NotTold:
        """From TensorRT's engine inspector, for the shapes of the last run where some are open."""
        mark = self._loaded.log.mark()
        inspector = self._engine.create_engine_inspector()
        inspector.execution_context = self._open()
        told = inspector.get_engine_information(trt.LayerInformationFormat.JSON)
        self._warnings.add(mark)
        return kernels_of_engine(told, self._loaded.model)

    def close(self) -> None:
        """What holds device memory is let go of in the order in which TensorRT wants it: the context first."""
        if self._context is None:
            return
        if self._graphs is not None:
            self._graphs.close()
        self._context = None
        for buffer in (*self._buffers.values(), *(allocator.buffer for allocator in self._allocators.values())):
            buffer.release()
        self._stream.close()

    def _recorded(self, enqueue: Callable[[], None]) -> Graph | None:
        if self._graphs is None:
            return None
        if self._allocators:
            got = f"shapes of {', '.join(self._allocators)} that depend on the data"
            raise not_run(got, "be known before a run that is recorded as a CUDA graph", REMEDY)
        return self._graphs.ready((tuple(self._shapes.items()), tuple(self._addresses.items())), enqueue)

    def _told_of_graphs(self) -> str:
        if not self._loaded.cuda_graphs:
            return "off"
        if self._graphs_refused is not None:
            return f"refused: {self._graphs_refused}"
        return "recorded in the second run of a shape"

    def _open(self) -> trt.IExecutionContext:
        if self._context is None:
            raise ValueError("got a closed session, should be an open one")
        return self._context

    def _place(self, context: trt.IExecutionContext, feed: Mapping[str, np.ndarray]) -> None:
        """Bring the inputs to the device, and make room for the outputs that they will have."""
        self._placed = None
        require_declared(feed, self._declared)
        self._held = [self._feed(context, tensor, feed[tensor.name]) for tensor in self._inputs]
        unknown = context.infer_shapes()
        if unknown:
            raise not_run(f"inputs {unknown} that leave shapes open", "know all shapes", "feed each input's full shape")
        for tensor in self._outputs:
            self._make_room(context, tensor)
        self._placed = feed

    def _feed(self, context: trt.IExecutionContext, tensor: Tensor, array: np.ndarray) -> np.ndarray:
        """Bytes of the input, which have to live until the run has ended."""
        content = np.ascontiguousarray(encoded(array, tensor.kind))
        if tensor.on_host:
            address = content.ctypes.data
        else:
            address = self._buffers[tensor.name].reserve(content.nbytes)
            self._stream.upload(address, content)
        # Set anew, even to what it is, a shape may have TensorRT do what must not be recorded in a CUDA graph.
        is_known = self._shapes.get(tensor.name) == array.shape
        if not is_known and not context.set_input_shape(tensor.name, array.shape):
            raise not_run(
                f'a refusal of shape {array.shape} for input "{tensor.name}"',
                "be within the engine's optimization profile",
                "feed shapes that the engine was built for",
            )
        self._shapes[tensor.name] = array.shape
        self._set_address(context, tensor, address)
        return content

    def _make_room(self, context: trt.IExecutionContext, tensor: Tensor) -> None:
        shape = sizes_of(context.get_tensor_shape(tensor.name))
        if -1 in shape:
            if tensor.name not in self._allocators:
                allocator = OutputAllocator()
                if not context.set_output_allocator(tensor.name, allocator):
                    raise not_run(f'a refusal of an allocator for "{tensor.name}"', "take it", "see TensorRT's log")
                self._allocators[tensor.name] = allocator
            return
        size = buffer_bytes(tensor.kind, shape)
        if tensor.on_host:
            self._host[tensor.name] = np.zeros(max(size, 1), np.uint8)
            self._set_address(context, tensor, self._host[tensor.name].ctypes.data)
        else:
            self._set_address(context, tensor, self._buffers[tensor.name].reserve(size))

    def _taken(self, context: trt.IExecutionContext, tensor: Tensor) -> tuple[np.ndarray, tuple[int, ...]]:
        """The output's bytes and shape; the bytes are there once the stream was waited for."""
        allocator = self._allocators.get(tensor.name)
        if allocator is not None:
            shape = allocator.shape or ()
            return self._stream.download(allocator.buffer.address, buffer_bytes(tensor.kind, shape)), shape
        shape = sizes_of(context.get_tensor_shape(tensor.name))
        if tensor.on_host:
            return self._host[tensor.name], shape
        return self._stream.download(self._buffers[tensor.name].address, buffer_bytes(tensor.kind, shape)), shape

    def _set_address(self, context: trt.IExecutionContext, tensor: Tensor, address: int) -> None:
        if not context.set_tensor_address(tensor.name, address):
            raise not_run(f'a refusal of an address for "{tensor.name}"', "take it", "see TensorRT's log")
        self._addresses[tensor.name] = address


class BoundFeed:
    """A feed that lies on the device: what is timed is the engine, and not the way there and back."""

    def __init__(self, session: TensorrtSession, feed: Mapping[str, np.ndarray]) -> None:
        self._session, self._feed = session, feed

    def run(self) -> None:
        """Returns when the outputs are there, on the device."""
        self._session.compute(self._feed)

    @property
    def device_ms(self) -> float | None:
        """Of the last run, between two CUDA events around the engine."""
        return self._session.device_ms

    def outputs(self) -> dict[str, np.ndarray]:
        return self._session.taken()
