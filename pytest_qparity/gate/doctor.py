"""Which backends work on this machine, why the others do not, and what they would find here."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pytest_qparity.backends.hosted import EngineHost
from pytest_qparity.environment import environment, version_of
from pytest_qparity.processor import this_processor
from pytest_qparity.verdict import CannotJudge

if TYPE_CHECKING:
    from pytest_qparity.backends.registry import BackendSpec
    from pytest_qparity.worker.protocol import Worker

SHARING = ("onnxruntime", "onnxruntime-gpu")  # packages that write into one folder
_WAIVER = "; or waive it in the case file"  # advice for a case; here there is none


@dataclass(frozen=True, slots=True)
class BackendState:
    """`reason` and `remedy` are empty where it works."""

    name: str
    works: bool
    reason: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Examination:
    """`gpus`: as `cuda_driver.Driver` has them, with the kernel's driver where NVML told it; where there is no driver,
    `no_gpu` says so. `conflicts`: of packages, each a sentence with its remedy."""

    backends: tuple[BackendState, ...]
    environment: Mapping[str, Any]
    cpu: Mapping[str, Any]
    gpus: tuple[Mapping[str, Any], ...]
    cuda: str
    driver: str
    no_gpu: str
    conflicts: tuple[str, ...]

    @property
    def works(self) -> bool:
        return any(backend.works for backend in self.backends)

    def as_json(self) -> dict[str, Any]:
        return {"works": self.works, **asdict(self)}


def examine(backends: Mapping[str, BackendSpec], worker: Callable[[], Worker]) -> Examination:
    """Ask each backend in a worker of its own: an engine that crashes while it is imported is a backend that does not
    work. `worker` starts one."""
    found = environment()
    del found["time"]
    told = _gpus(worker)
    return Examination(
        backends=tuple(_state(spec, worker) for spec in backends.values()),
        environment=found,
        cpu=this_processor().as_json(),
        gpus=tuple(told["gpus"]),
        cuda=told["cuda"],
        driver=told["driver"],
        no_gpu=told["no_gpu"],
        conflicts=tuple(conflicts()),
    )


def conflicts() -> list[str]:
    if any(version_of(package) is None for package in SHARING):
        return []
    both = f"{' and '.join(SHARING)} are both installed, should be one: they overwrite each other's files."
    return [f"{both} pip uninstall {' '.join(SHARING)}, and install the one that you need."]


def _state(spec: BackendSpec, start: Callable[[], Worker]) -> BackendState:
    try:
        with contextlib.closing(start()) as worker:
            EngineHost(worker, spec).require_available()
    except CannotJudge as reason:
        sentence = reason.failure.sentence.removeprefix(f'Backend "{spec.name}" does not work here: ').rstrip(".")
        return BackendState(spec.name, False, sentence, reason.failure.remedy.partition(_WAIVER)[0])
    return BackendState(spec.name, True)


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
