"""What is known of one bad file before any engine has seen it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from pathlib import Path

from onnx import ModelProto


class Interface(Enum):
    """Whether a gate can feed the file in the place of a sane model's variant."""

    COMMON = "x float32 (1, 4) to y float32"
    OWN = "other inputs, other outputs, or none that can be read"


@dataclass(frozen=True, slots=True)
class Hostile:
    """`make` writes the file, and what lies around it, below an empty folder and returns the model's path."""

    id: str
    family: str
    wrong: str
    make: Callable[[Path], Path]
    interface: Interface = Interface.COMMON


def of_bytes(
    family: str, name: str, wrong: str, build: Callable[[], bytes], interface: Interface = Interface.COMMON
) -> Hostile:
    return Hostile(name, family, wrong, partial(_write, build), interface)


def of_model(
    family: str, name: str, wrong: str, build: Callable[[], ModelProto], interface: Interface = Interface.COMMON
) -> Hostile:
    return of_bytes(family, name, wrong, partial(_serialized, build), interface)


def _serialized(build: Callable[[], ModelProto]) -> bytes:
    return build().SerializeToString(deterministic=True)


def _write(build: Callable[[], bytes], folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "model.onnx"
    path.write_bytes(build())
    return path
