"""What a backend is: it loads an ONNX file into a session, runs it, and states what really ran."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from pytest_qparity.backends.engine_options import EngineOptions, engine_options
from pytest_qparity.backends.shapes import InputShapes, shapes_as_json, shapes_from_json

if TYPE_CHECKING:
    import numpy as np

    from pytest_qparity.backends.kernels import Kernels, NotTold
    from pytest_qparity.worker.protocol import Tell


class Optimizer(Enum):
    """How far the engine may rewrite the graph: as it does by default for a user, less, or not at all."""

    ALL = "all"
    EXTENDED = "extended"
    BASIC = "basic"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """What a session is asked for; an engine that cannot do it refuses to load rather than do something else.

    `tf32`: float32 products may be rounded to TF32, where the engine has such; never without being asked. `shapes`:
    those in which each input of a model of open shapes will be fed, for engines that are built for shapes; empty where
    they are not known. `cache`: a folder for what is slow to build; None keeps nothing. `engine`: none but those that
    the backend's spec takes (`BackendSpec.options`). `tell`: hears in one line how far loading is; it is set in the
    worker, and crosses no border.
    """

    threads: int = 1
    optimizer: Optimizer = Optimizer.ALL
    tf32: bool = False
    shapes: Mapping[str, InputShapes] = field(default_factory=dict)
    cache: Path | None = None
    engine: EngineOptions = field(default_factory=EngineOptions)
    tell: Tell | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.threads < 1:
            raise ValueError(f"got threads = {self.threads}, should be at least 1")

    def as_json(self) -> dict[str, Any]:
        return {
            "threads": self.threads,
            "optimizer": self.optimizer.value,
            "tf32": self.tf32,
            "shapes": shapes_as_json(self.shapes),
            "cache": None if self.cache is None else str(self.cache.absolute()),
            "engine": self.engine.as_json(),
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> SessionOptions:
        """What `as_json` gave, after its way through a process border."""
        cache = None if told["cache"] is None else Path(told["cache"])
        return cls(
            told["threads"],
            Optimizer(told["optimizer"]),
            told["tf32"],
            shapes_from_json(told["shapes"]),
            cache,
            engine_options(told["engine"]),
        )


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Why a backend does not work on this machine, and what would change that. `waivable`: whether a machine may
    rightly lack it, as a GPU; a run's failure then says how to waive it (`border.absent`)."""

    reason: str
    remedy: str
    waivable: bool = False


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """What really ran, in plain JSON values: it stands beside every verdict.

    `placement` counts the nodes that each provider runs, as the engine reports it. It names
    `expected_placement`, with 0 where nothing was left to place; an engine that could not tell leaves it out.
    """

    engine: str
    version: str
    device: str
    settings: Mapping[str, str | int]
    placement: Mapping[str, int]
    expected_placement: str

    @property
    def strayed(self) -> int:
        """How many nodes run elsewhere than on the provider that was asked for."""
        return sum(count for provider, count in self.placement.items() if provider != self.expected_placement)

    @property
    def proven(self) -> bool:
        """Whether the engine told that it uses the provider that was asked for: no news is not good news."""
        return self.expected_placement in self.placement


class Session(Protocol):
    """A variant loaded by a backend, ready to run."""

    def run(self, feed: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Outputs by their ONNX names, in the engine's own order, never sorted."""

    def facts(self) -> SessionFacts: ...

    def close(self) -> None: ...


@runtime_checkable
class TellsKernels(Protocol):
    """A session that tells what became of the file's compute nodes. One that cannot need not have it.

    Asked for once, by preflight and of quantized variants alone: it may take as long as loading does.
    """

    def kernels(self) -> Kernels | NotTold: ...


@runtime_checkable
class TellsInputs(Protocol):
    """A session that tells its inputs, for files that nobody else can read: of a backend that `loads_plans`."""

    def inputs(self) -> Mapping[str, np.dtype]: ...


@runtime_checkable
class TellsEngineSize(Protocol):
    """A session that runs what its engine built of the file, as something that can be stored. One that interprets the
    file need not have it."""

    def engine_bytes(self) -> int | None:
        """Of the engine as it is stored; None where that is not known."""


class BoundFeed(Protocol):
    """A feed whose arrays lie on the session's device, ready to run again and again."""

    def run(self) -> object:
        """Compute; returns when the outputs are there, on the device. Nothing is copied to the host."""

    def outputs(self) -> dict[str, np.ndarray]:
        """Copies of what the last run gave, by ONNX names, in the engine's order."""


@runtime_checkable
class TellsDeviceTime(Protocol):
    """A bound feed that times its runs on the device itself (CUDA events). Latency is judged by that."""

    @property
    def device_ms(self) -> float | None:
        """Of the last run: what the device computed, without the way there and back; None before the first."""


@runtime_checkable
class BindsFeeds(Protocol):
    """A session that computes on a device with memory of its own. It is timed on bound feeds: what copies there and
    back take is no property of the variant."""

    def bound(self, feed: Mapping[str, np.ndarray]) -> BoundFeed: ...


class Backend(Protocol):
    """An engine. Constructed without arguments and without importing the engine."""

    def unavailable(self) -> Unavailable | None:
        """None where it works. Imports the engine, so that what comes after is the model's memory."""

    def load(self, model: Path, options: SessionOptions) -> Session: ...
