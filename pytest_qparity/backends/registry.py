"""The table of backends. Collection reads it: it imports no engine and no NumPy."""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from pytest_qparity.verdict import CannotJudge, Code, Failure
from pytest_qparity.worker.message import said_by

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_qparity.backends.protocol import Backend

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_TARGET = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


@dataclass(frozen=True)
class BackendSpec:
    """A backend by name, without importing it. `activation` is the 8-bit activation type it is fastest with;
    `optimizers` are the levels of graph rewriting that it can be asked for."""

    name: str
    target: str
    activation: Literal["uint8", "int8"] = "uint8"
    optimizers: tuple[Literal["all", "extended", "basic", "off"], ...] = ("all",)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f'got backend name "{self.name}", should be lower-case words joined by "-" ("my-engine")')
        if not _TARGET.fullmatch(self.target):
            raise ValueError(f'got target "{self.target}" of backend "{self.name}", should be "package.module:Class"')
        object.__setattr__(self, "optimizers", tuple(self.optimizers))  # a list where it came as JSON
        if not self.optimizers or not set(self.optimizers) <= {"all", "extended", "basic", "off"}:
            raise ValueError(
                f'got optimizers {self.optimizers} of backend "{self.name}", should be some of: all, extended, basic, '
                "off"
            )
        if self.activation not in ("uint8", "int8"):
            raise ValueError(f'got activation "{self.activation}" of backend "{self.name}", should be uint8 or int8')


_LEVELS: tuple[Literal["all", "extended", "basic", "off"], ...] = ("off", "basic", "extended", "all")
BUILTIN: tuple[BackendSpec, ...] = (
    BackendSpec("ort", "pytest_qparity.backends.ort:OnnxRuntimeCpu", "uint8", _LEVELS),
    BackendSpec("ort-cuda", "pytest_qparity.backends.gpu:OnnxRuntimeCuda", "int8"),
    BackendSpec("ort-tensorrt", "pytest_qparity.backends.gpu:OnnxRuntimeTensorrt", "int8"),
    BackendSpec("trt", "pytest_qparity.backends.gpu:Tensorrt", "int8"),
    BackendSpec("openvino", "pytest_qparity.backends.openvino:OpenVinoCpu", "uint8"),
    BackendSpec("reference", "pytest_qparity.backends.reference:OnnxReference", "uint8"),
)


def backend_table(contributed: Iterable[BackendSpec] = ()) -> dict[str, BackendSpec]:
    """Backends by name. One that a plugin adds takes the place of a built-in one; two plugins cannot share a name."""
    added: dict[str, BackendSpec] = {}
    for spec in contributed:
        other = added.setdefault(spec.name, spec)
        if other != spec:
            raise ValueError(
                f'got two backends named "{spec.name}" ({other.target} and {spec.target}), should be one: '
                "rename one of them where it is added"
            )
    return {spec.name: spec for spec in BUILTIN} | added


def load_backend(spec: BackendSpec) -> Backend:
    """Import the backend's file and construct it; the engine itself is imported later, by `unavailable` or `load`."""
    module, _, name = spec.target.partition(":")
    try:
        return cast("Backend", getattr(importlib.import_module(module), name)())
    except Exception as error:  # a stranger's module may raise anything while it is imported
        raise CannotJudge(
            Failure(
                Code.BACKEND_UNAVAILABLE,
                f'got {said_by(error)} from importing {spec.target} for backend "{spec.name}", should be a Backend',
                f"run python -c 'import {module}' to see where it fails",
            )
        ) from error
