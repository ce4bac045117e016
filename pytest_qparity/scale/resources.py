"""What a run asks of the node of a cluster that judges it: cores, GPUs, their type, memory."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from pytest_qparity.backends.registry import BackendSpec

__all__ = ["RayOptions", "Resources", "parse_resources", "resources_for"]

_KEYS = ("cpu", "gpu", "accelerator", "memory_mb")
Stated: TypeAlias = Mapping[str, Any]  # fields of Resources that somebody states


@dataclass(frozen=True, slots=True)
class Resources:
    """`gpu`: whole GPUs, so that nothing else runs on what is timed; `accelerator`: Ray's name of their type, such as
    "H100"; `memory_mb`: megabytes (10**6 bytes) that are set aside."""

    cpu: int = 1
    gpu: int = 0
    accelerator: str | None = None
    memory_mb: float | None = None

    def demands(self) -> dict[str, float]:
        """As a node of Ray states what it has."""
        asked: dict[str, float] = {"CPU": self.cpu}
        if self.gpu:
            asked["GPU"] = self.gpu
        if self.memory_mb is not None:
            asked["memory"] = math.ceil(self.memory_mb * 1e6)
        if self.accelerator is not None:
            asked[f"accelerator_type:{self.accelerator}"] = 0.001  # what Ray itself asks for of a type
        return asked

    def as_text(self) -> str:
        return ", ".join(f"{name} {amount:g}" for name, amount in self.demands().items())


@dataclass(frozen=True, slots=True)
class RayOptions:
    """Which cluster, and what its nodes need: `storage` is a URL that all of them reach, None where they see rootdir at
    the same path; `files`: globs from rootdir of files that no case file names; `resources`: by backend, fields of
    Resources that win over those of a case."""

    address: str
    storage: str | None = None
    files: tuple[str, ...] = ()
    resources: Mapping[str, Stated] = field(default_factory=dict)


def parse_resources(texts: Iterable[str], backends: Mapping[str, BackendSpec]) -> dict[str, Stated]:
    """Fields of Resources by backend in texts such as "trt:gpu=1,accelerator=H100,memory_mb=8000,cpu=2".

    Raises ValueError at anything else, "got X, should be Y".
    """
    found: dict[str, Stated] = {}
    for text in texts:
        backend, _, stated = text.partition(":")
        if backend not in backends or not stated:
            raise ValueError(f"got {text!r}, should be BACKEND:KEY=VALUE,… with one of: {', '.join(backends)}")
        found[backend] = dict(_parsed(part, text) for part in stated.split(","))
    return found


def resources_for(backend: BackendSpec, of_case: Stated, of_session: Stated, memory_mb: float | None) -> Resources:
    """What a run on `backend` asks for: what the session states wins over the case, key by key, and both over what the
    backend needs and the case's limit of memory."""
    # Files that follow TensorRT's rules are for engines on NVIDIA's GPUs.
    asked = Resources(gpu=1 if backend.placement == "trt" else 0, memory_mb=memory_mb)
    return replace(asked, **{**of_case, **of_session})


def _parsed(part: str, text: str) -> tuple[str, Any]:
    key, _, value = part.partition("=")
    if key == "accelerator" and value and value.isascii():
        return key, value
    if key in ("cpu", "gpu") and value.isascii() and value.isdigit() and len(value) <= 4:
        return key, int(value)  # a share of a GPU is none: what is timed would not be alone on it
    if key == "memory_mb":
        try:
            amount = float(value)
        except ValueError:
            amount = math.nan
        if math.isfinite(amount) and amount > 0:
            return key, amount
    should = "a whole number for cpu and gpu, megabytes above 0 for memory_mb, a name for accelerator"
    if key not in _KEYS:
        should = f"one of: {', '.join(_KEYS)}"
    raise ValueError(f"got {part!r} in {text!r}, should be {should}")
