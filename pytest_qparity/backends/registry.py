"""The table of backends. Collection reads it: it imports no engine and no NumPy."""

from __future__ import annotations

import ast
import importlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast, get_args

from pytest_qparity.backends import scripts
from pytest_qparity.verdict import CannotJudge, Code, Failure
from pytest_qparity.worker.message import said_by

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_qparity.backends.protocol import Backend

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_TARGET = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
EngineOption = Literal["workspace_mb", "optimization_level", "strict_nans", "cuda_graphs"]


@dataclass(frozen=True)
class BackendSpec:
    """A backend by name, without importing it. `placement` is the engine whose rules for Q/DQ nodes it follows
    (docs/precisions.md); `emulated` are the precisions that it does not compute in, so that files of them are lowered
    to float operators for it; `optimizers` are the levels of graph rewriting that it can be asked for. `script` is the
    text of a Python function `run(model, inputs, optimizer)`, with which the scripts of deviations run an
    onnx.ModelProto without this package (docs/conformance.md). `options`: the keys that a case may state for it under
    [backends.<name>], names of `engine_options.EngineOptions`. `loads_plans`: whether it takes engines that somebody
    built (`case.plan_file`) in the place of an ONNX file."""

    name: str
    target: str
    placement: Literal["any", "ort", "openvino", "trt"] = "any"
    optimizers: tuple[Literal["all", "extended", "basic", "off"], ...] = ("all",)
    emulated: tuple[str, ...] = ()
    script: str = ""
    options: tuple[EngineOption, ...] = ()
    loads_plans: bool = False

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
        if self.script and not _defines_run(self.script):
            raise ValueError(
                f'got a script of backend "{self.name}" without it, should be the text of a Python function '
                "run(model, inputs, optimizer)"
            )
        object.__setattr__(self, "emulated", tuple(self.emulated))
        object.__setattr__(self, "options", tuple(self.options))
        if not set(self.options) <= set(get_args(EngineOption)):
            raise ValueError(
                f'got options {self.options} of backend "{self.name}", should be some of: '
                f"{', '.join(get_args(EngineOption))}"
            )
        if self.placement not in ("any", "ort", "openvino", "trt"):
            raise ValueError(
                f'got placement "{self.placement}" of backend "{self.name}", should be any, ort, openvino or trt'
            )


def _defines_run(script: str) -> bool:
    try:
        statements = ast.parse(script).body
    except SyntaxError:
        return False
    return any(isinstance(each, ast.FunctionDef) and each.name == "run" for each in statements)


_LEVELS: tuple[Literal["all", "extended", "basic", "off"], ...] = ("off", "basic", "extended", "all")
_NOT_ON_CPUS = ("tf32", "bf16", "fp8", "fp8-e4m3", "fp8-e5m2", "mxfp8", "mxfp4", "nvfp4")
# Its importer takes int8 and int4 alone of the integers, and its one 8-bit float is E4M3 (docs/lint.md, TRT-Q-011).
_NOT_IN_TENSORRT = ("int16", "uint8", "fp8-e5m2", "mxfp4", "uint4")
_BUILT_IN = "pytest_qparity.backends"
BUILTIN: tuple[BackendSpec, ...] = (
    BackendSpec("ort", f"{_BUILT_IN}.ort:OnnxRuntimeCpu", "ort", _LEVELS, _NOT_ON_CPUS, scripts.ONNX_RUNTIME),
    BackendSpec("ort-cuda", f"{_BUILT_IN}.ort_cuda:OnnxRuntimeCuda", "trt", emulated=("mxfp8", "mxfp4", "nvfp4")),
    # Its TensorRT provider has no option for TF32: it is off, for the whole process.
    BackendSpec(
        "ort-tensorrt",
        f"{_BUILT_IN}.ort_tensorrt:OnnxRuntimeTensorrt",
        "trt",
        emulated=("tf32", *_NOT_IN_TENSORRT),
        options=("workspace_mb", "optimization_level"),
    ),
    BackendSpec(
        "trt",
        f"{_BUILT_IN}.trt.backend:Tensorrt",
        "trt",
        emulated=_NOT_IN_TENSORRT,
        options=("workspace_mb", "optimization_level", "strict_nans", "cuda_graphs"),
        loads_plans=True,
    ),
    # Its CPU plugin strips 16-bit Q/DQ pairs, and computes in float32 as it is asked to.
    BackendSpec(
        "openvino",
        f"{_BUILT_IN}.openvino:OpenVinoCpu",
        "openvino",
        emulated=("int16", *_NOT_ON_CPUS),
        script=scripts.OPENVINO,
    ),
    BackendSpec(
        "reference",
        f"{_BUILT_IN}.reference:OnnxReference",
        "any",
        emulated=_NOT_ON_CPUS,
        script=scripts.ONNX_REFERENCE,
    ),
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
