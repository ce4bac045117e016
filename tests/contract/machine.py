"""A machine with a GPU that is none: recording fakes under the names of TensorRT and CUDA's bindings, with device
memory in the host's. A test says what engine a plan holds; that engine then takes and gives its tensors by address, as
one on a device would, and when its stream is waited for. It shows that the backend's calls fit the bindings and one
another, that it waits and keeps what it must, and nothing of what TensorRT computes.
"""

from __future__ import annotations

import ctypes
import importlib
import math
import sys
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from pytest_qparity.backends.cuda_driver import Driver, Gpu
from tests.contract.device import Device
from tests.contract.fakes import STUBS, Recorder, fake, made_inside

BACKEND = "pytest_qparity.backends.trt"
PLAN = b"a plan"
ENGINE_MS = 0.25


@dataclass(frozen=True)
class Port:
    """An input or output of the fake engine. `of_data`: its shape is known once it is computed."""

    kind: str
    shape: tuple[int, ...]
    on_host: bool = False
    form: str = "LINEAR"
    of_data: bool = False


@dataclass
class FakeEngine:
    """What a plan holds. `compute`: raw bytes of the inputs and their shapes in, raw bytes and shapes out."""

    inputs: dict[str, Port]
    outputs: dict[str, Port]
    compute: Callable[[dict[str, tuple[bytes, tuple[int, ...]]]], dict[str, tuple[bytes, tuple[int, ...]]]]
    inspector: str = "{}"

    @property
    def ports(self) -> dict[str, Port]:
        return {**self.inputs, **self.outputs}


@dataclass
class Machine:
    """The fakes, and the states that their answers share."""

    release: str
    trt: ModuleType
    recorder: Recorder
    cuda: Recorder
    runtime: ModuleType
    engine: FakeEngine | None = None
    device: Device = field(default_factory=Device)
    driver: Driver = field(default_factory=lambda: driver_of("NVIDIA Test GPU"))
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    addresses: dict[str, int] = field(default_factory=dict)
    allocators: dict[str, Any] = field(default_factory=dict)

    def dims(self, *sizes: int) -> Any:
        return self.trt.Dims(sizes)

    def trt_made(self, name: str) -> Any:
        """An object of TensorRT's own making."""
        return made_inside(getattr(self.trt, name))

    def tensor(self, name: str, shape: tuple[int, ...], *, decides_shapes: bool = False) -> Any:
        """A tensor of a network."""
        made = made_inside(self.trt.ITensor)
        made.name, made.shape = name, self.dims(*shape)
        self.answers["ITensor.is_shape_tensor"] = decides_shapes
        return made

    def say(self, severity: str, message: str) -> None:
        """Let TensorRT log something, through the logger that it was given first."""
        logger = self.recorder.of("Builder.__init__") or self.recorder.of("Runtime.__init__")
        logger[0]["logger"].log(self.trt.ILogger.Severity[severity], message)

    def __post_init__(self) -> None:
        self.answers = self.recorder.answers


def driver_of(name: str) -> Driver:
    return Driver("13.4", (Gpu(name, "9.0", 80_000.0, "0"),))


def machine(release: str, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Put the fakes in the place of what is not installed here, until the test ends."""
    trt, recorder = fake(STUBS / release / "tensorrt/__init__.pyi", "tensorrt")
    runtime, cuda = fake(STUBS / "cuda-13.4/cuda/bindings/runtime.pyi", "cuda.bindings.runtime")
    bindings, package = ModuleType("cuda.bindings"), ModuleType("cuda")
    bindings.runtime = runtime  # type: ignore[attr-defined]
    package.bindings = bindings  # type: ignore[attr-defined]
    for name in [name for name in sys.modules if name.startswith(f"{BACKEND}.")]:
        monkeypatch.delitem(sys.modules, name)  # those that imported another release
    for module in (trt, runtime, bindings, package):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr("pytest_qparity.backends.gpu.missing_device", list)
    monkeypatch.setattr("pytest_qparity.backends.cuda_driver.this_driver", lambda: made.driver)
    session = importlib.import_module(f"{BACKEND}.session")
    made = Machine(release, trt, recorder, cuda, runtime)
    _answer_for_cuda(made)
    _answer_for_tensorrt(made)
    encoded = session.encoded

    def held_weakly(array: np.ndarray, kind: str) -> np.ndarray:
        """Bytes that the backend made, and that nobody else holds; those of the caller's own array are as they were."""
        content = encoded(array, kind)
        return content if np.may_share_memory(content, array) else made.device.held_weakly(content)

    monkeypatch.setattr(session, "encoded", held_weakly)
    return made


def _answer_for_cuda(machine: Machine) -> None:
    success = machine.runtime.cudaError_t.cudaSuccess
    machine.cuda.answers |= {
        "cudaRuntimeGetVersion": (success, 12090),
        "cudaGetErrorString": (success, b"out of memory"),
        **machine.device.answers(machine.runtime),
    }


def _answer_for_tensorrt(machine: Machine) -> None:
    """Answers of an engine that works; a test that wants another puts it in their place."""
    flags: dict[Any, bool] = {machine.trt.BuilderFlag.TF32: True}  # its default, as the documentation says

    def deserialize(runtime: Any, serialized_engine: bytes) -> Any:
        engine = machine.trt_made("ICudaEngine")
        engine._runtime = weakref.ref(runtime)
        return engine

    def create_context(engine: Any) -> Any:
        context = machine.trt_made("IExecutionContext")
        context._engine = engine
        return context

    machine.answers |= {
        "Runtime.deserialize_cuda_engine": deserialize,
        "ICudaEngine.create_execution_context": create_context,
        "Dims.__len__": lambda dims: len(dims._arguments["shape"]),
        "Dims.__getitem__": lambda dims, arg0: dims._arguments["shape"][arg0],
        "IHostMemory.__buffer__": PLAN,
        "IBuilderConfig.set_flag": lambda _, flag: flags.__setitem__(flag, True),
        "IBuilderConfig.clear_flag": lambda _, flag: flags.__setitem__(flag, False),
        "IBuilderConfig.get_flag": lambda _, flag: flags.get(flag, False),
        "EngineInspector.get_engine_information": lambda *_, **named: machine.engine.inspector,  # type: ignore[union-attr]
        **_engine_answers(machine),
        **_context_answers(machine),
    }


def _engine_answers(machine: Machine) -> dict[str, Any]:
    """What the plan holds: its tensors by index and name."""
    names = lambda: list(machine.engine.ports)  # type: ignore[union-attr]  # noqa: E731
    port = lambda name: machine.engine.ports[name]  # type: ignore[union-attr]  # noqa: E731
    return {
        "ICudaEngine.num_io_tensors": lambda _: len(names()),
        "ICudaEngine.num_layers": 3,
        "ICudaEngine.device_memory_size_v2": 5_000_000,
        "ICudaEngine.num_optimization_profiles": 1,
        "ICudaEngine.get_tensor_name": lambda _, index: names()[index],
        "ICudaEngine.get_tensor_dtype": lambda _, name: machine.trt.DataType[port(name).kind],
        "ICudaEngine.get_tensor_format": lambda _, name: machine.trt.TensorFormat[port(name).form],
        "ICudaEngine.get_tensor_shape": lambda _, name: machine.dims(*port(name).shape),
        "ICudaEngine.get_tensor_profile_shape": lambda _, name, profile_index: [
            machine.dims(*(size if each == -1 else each for each in port(name).shape)) for size in (1, 2, 4)
        ],
        "ICudaEngine.get_tensor_mode": lambda _, name: machine.trt.TensorIOMode[
            "INPUT" if name in machine.engine.inputs else "OUTPUT"  # type: ignore[union-attr]
        ],
        "ICudaEngine.get_tensor_location": lambda _, name: machine.trt.TensorLocation[
            "HOST" if port(name).on_host else "DEVICE"
        ],
    }


def _context_answers(machine: Machine) -> dict[str, Any]:
    """What is set for a call, and the call."""

    def shape_now(_: Any, name: str) -> Any:
        if name in machine.shapes:
            return machine.dims(*machine.shapes[name])
        return machine.dims(*_resolved(machine, name))

    def set_shape(_: Any, name: str, shape: Any) -> bool:
        machine.shapes[name] = tuple(shape)
        return True

    def set_address(_: Any, name: str, memory: int) -> bool:
        machine.addresses[name] = memory
        return True

    def set_allocator(_: Any, name: str, output_allocator: Any) -> bool:
        machine.allocators[name] = output_allocator
        return True

    return {
        "IExecutionContext.infer_shapes": [],
        "IExecutionContext.get_tensor_shape": shape_now,
        "IExecutionContext.set_input_shape": set_shape,
        "IExecutionContext.set_tensor_address": set_address,
        "IExecutionContext.set_output_allocator": set_allocator,
        "IExecutionContext.execute_async_v3": lambda context, stream_handle: _execute(machine, context, stream_handle),
    }


def _resolved(machine: Machine, name: str) -> tuple[int, ...]:
    """An output's shape for the shapes that were set: open dimensions are those of the first input, at their place."""
    assert machine.engine is not None
    stated = machine.engine.outputs[name].shape
    if machine.engine.outputs[name].of_data:
        return stated
    first = machine.shapes[next(iter(machine.engine.inputs))]
    return tuple(first[place] if size == -1 else size for place, size in enumerate(stated))


def _execute(machine: Machine, context: Any, stream: int) -> bool:
    """Ask for a run: inputs are read where their addresses say, and outputs are written where theirs do, once the
    stream is waited for. Where outputs are of shapes that the data decide, TensorRT waits itself: it tells the shapes
    before it returns."""
    assert context._engine._runtime() is not None, "an engine whose runtime nobody holds"
    engine, device = machine.engine, machine.device
    assert engine is not None
    ports, compute = engine.ports, engine.compute
    shapes, addresses, allocators = dict(machine.shapes), dict(machine.addresses), dict(machine.allocators)

    def computed() -> dict[str, tuple[bytes, tuple[int, ...]]]:
        return compute({name: (read(name), shapes[name]) for name in engine.inputs})

    def read(name: str) -> bytes:
        size = _size(ports[name], shapes[name])
        return ctypes.string_at(addresses[name], size) if ports[name].on_host else device.read(addresses[name], size)

    def write(outputs: Mapping[str, tuple[bytes, tuple[int, ...]]]) -> None:
        for name, (content, _) in outputs.items():
            if ports[name].on_host:
                ctypes.memmove(addresses[name], content, len(content))
            else:
                device.write(addresses[name], content)

    if not allocators:
        device.ask(lambda: write(computed()), ENGINE_MS)
        return True
    assert device.recording is None, "an engine that waits in the middle of a capture"
    device.wait()
    outputs = computed()
    for name, (content, shape) in outputs.items():
        if name in allocators:
            addresses[name] = allocators[name].reallocate_output_async(name, 0, len(content), 256, stream)
            if addresses[name] == 0:
                return True  # TensorRT goes on; the allocator knows
            allocators[name].notify_shape(name, machine.dims(*shape))
    device.ask(lambda: write(outputs), ENGINE_MS)
    return True


def _size(port: Port, shape: tuple[int, ...]) -> int:
    bits = {"INT4": 4, "FP4": 4, "INT64": 64, "FLOAT": 32, "INT32": 32, "HALF": 16, "BF16": 16}.get(port.kind, 8)
    return -(-math.prod(shape) * bits // 8)


def doubling() -> FakeEngine:
    """y = 2·x in float32, over an open batch."""

    def compute(fed: Mapping[str, tuple[bytes, tuple[int, ...]]]) -> dict[str, tuple[bytes, tuple[int, ...]]]:
        content, shape = fed["x"]
        return {"y": ((2 * np.frombuffer(content, np.float32)).tobytes(), shape)}

    return FakeEngine({"x": Port("FLOAT", (-1, 3))}, {"y": Port("FLOAT", (-1, 3))}, compute)


def model_file(folder: Path, name: str = "double.onnx") -> Path:
    """The file that `doubling` would be the engine of."""
    from onnx import TensorProto, helper, save

    two = helper.make_tensor("two", TensorProto.FLOAT, [], [2.0])
    graph = helper.make_graph(
        [helper.make_node("Mul", ["x", "two"], ["y"], name="double")],
        "double",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 3])],
        [two],
    )
    path = folder / name
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10), path)
    return path
