"""Which backends work on this machine, why the others do not, and what they would find here."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_qparity.backends.cuda_driver import Driver, Gpu, hardware_of
from pytest_qparity.backends.gpu import SHARING
from pytest_qparity.backends.hosted import EngineHost
from pytest_qparity.backends.protocol import SessionOptions
from pytest_qparity.environment import environment, version_of
from pytest_qparity.gate.runs_as import int8_products, runs_as
from pytest_qparity.hardware import this_hardware
from pytest_qparity.processor import this_processor
from pytest_qparity.verdict import CannotJudge

if TYPE_CHECKING:
    from pytest_qparity.backends.registry import BackendSpec
    from pytest_qparity.worker.protocol import Worker

TAPS = 9


@dataclass(frozen=True, slots=True)
class BackendState:
    """`engine`: its name and version as a session states them, empty where it does not work; `reason` and `remedy` are
    empty where it does."""

    name: str
    works: bool
    engine: str = ""
    reason: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Examination:
    """`gpus`: as `cuda_driver.Driver` has them, with the kernel's driver where NVML told it; where there is no driver,
    `no_gpu` says so. `conflicts`: of packages, each a sentence with its remedy. `environment` has the fingerprint of
    the machine, `gpu_hardware` that of its first GPU in it, empty where there is none. `precisions`: in the groups of
    `runs_as`, for each backend that works; `int8_products`: how this CPU adds them."""

    backends: tuple[BackendState, ...]
    environment: Mapping[str, Any]
    cpu: Mapping[str, Any]
    gpus: tuple[Mapping[str, Any], ...]
    cuda: str
    driver: str
    no_gpu: str
    conflicts: tuple[str, ...]
    gpu_hardware: str = ""
    precisions: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    int8_products: str = ""

    @property
    def works(self) -> bool:
        return any(backend.works for backend in self.backends)

    def as_json(self) -> dict[str, Any]:
        return {"works": self.works, **asdict(self)}


def examine(backends: Mapping[str, BackendSpec], worker: Callable[[], Worker]) -> Examination:
    """Ask each backend in a worker of its own, and let it compute one convolution: an engine that crashes while it is
    imported, or whose provider does not start, is a backend that does not work. `worker` starts one."""
    found = environment()
    del found["time"]
    told = _gpus(worker)
    states = _states(backends, worker)
    return Examination(
        backends=states,
        environment=found,
        cpu=this_processor().as_json(),
        gpus=tuple(told["gpus"]),
        cuda=told["cuda"],
        driver=told["driver"],
        no_gpu=told["no_gpu"],
        conflicts=tuple(conflicts()),
        gpu_hardware=_gpu_hardware(told["cuda"], told["gpus"]),
        precisions={state.name: runs_as(backends[state.name]) for state in states if state.works},
        int8_products=int8_products(this_processor().as_json()["features"]),
    )


def _gpu_hardware(cuda: str, gpus: list[dict[str, Any]]) -> str:
    """As a run on it has it, whose session's facts name the device."""
    if not gpus:
        return ""
    return this_hardware(hardware_of(Driver(cuda, (Gpu(**gpus[0]),)).device))


def conflicts() -> list[str]:
    if any(version_of(package) is None for package in SHARING):
        return []
    both = f"{' and '.join(SHARING)} are both installed, should be one: they overwrite each other's files."
    return [f"{both} pip uninstall {' '.join(SHARING)}, and install the one that you need."]


def _states(backends: Mapping[str, BackendSpec], start: Callable[[], Worker]) -> tuple[BackendState, ...]:
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "convolution.onnx"
        model.write_bytes(convolution())
        return tuple(_state(spec, start, model) for spec in backends.values())


def _state(spec: BackendSpec, start: Callable[[], Worker], model: Path) -> BackendState:
    try:
        with contextlib.closing(start()) as worker:
            return _computing(EngineHost(worker, spec), model)
    except CannotJudge as reason:
        return BackendState(spec.name, False, "", reason.failure.sentence.rstrip("."), reason.failure.remedy)


def _computing(host: EngineHost, model: Path) -> BackendState:
    import numpy as np

    missing = host.unavailable()
    if missing is not None:
        return BackendState(host.spec.name, False, "", missing.reason, missing.remedy)
    session = host.load(model, SessionOptions())
    facts = session.facts()
    given = session.run({"x": np.ones((1, 1, 8, 8), np.float32)}).get("y")
    if given is None or given.shape != (1, 1, 6, 6) or not (given == TAPS).all() or facts.strayed:
        got = "nothing" if given is None else given.reshape(-1)[:3]
        reason = f"a convolution of ones gives {got}, should be {TAPS}"
        strayed = f"{facts.strayed} nodes ran elsewhere than on {facts.expected_placement}"
        return BackendState(host.spec.name, False, "", strayed if facts.strayed else reason, "reinstall the engine")
    return BackendState(host.spec.name, True, f"{facts.engine} {facts.version}")


def convolution() -> bytes:
    """x (1, 1, 8, 8) float32, convolved with 3 × 3 ones, to y (1, 1, 6, 6): of ones TAPS, exact in any float type."""
    from onnx import TensorProto, helper

    weight = helper.make_tensor("w", TensorProto.FLOAT, [1, 1, 3, 3], [1.0] * TAPS)
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["y"])],
        "convolution",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, 6, 6])],
        [weight],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    content: bytes = model.SerializeToString()
    return content


def _gpus(start: Callable[[], Worker]) -> dict[str, Any]:
    """A driver is native code as well: it is asked in a worker."""
    nothing = {"gpus": [], "cuda": "", "driver": ""}
    try:
        with contextlib.closing(start()) as worker:
            target = "pytest_qparity.backends.nvml:told"
            told = worker.call(target, {}, {}, "Looking for GPUs", worker.limits.load).value
    except CannotJudge as reason:
        return {**nothing, "no_gpu": reason.failure.sentence.rstrip(".")}
    return {**nothing, "no_gpu": "", **told}
