"""Feeds as the case room makes them, without its data sources; sessions as the gate sees them, in this process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_qparity.backends.border import load_session, require_available
from pytest_qparity.backends.hosted import HostedSession
from pytest_qparity.backends.registry import backend_table, load_backend
from pytest_qparity.backends.serving import Opened
from pytest_qparity.backends.shapes import InputShapes
from pytest_qparity.worker.in_process import InProcess
from pytest_qparity.worker.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import numpy as np

    from pytest_qparity.backends.protocol import Backend, Session, SessionOptions


LARGEST_MB = 10.0


@dataclass(frozen=True)
class Feed:
    arrays: Mapping[str, np.ndarray]
    count: int


@dataclass(frozen=True)
class Feeds:
    feeds: tuple[Feed, ...]
    stacked: bool = False

    def __len__(self) -> int:
        return len(self.feeds)

    def __iter__(self) -> Iterator[Feed]:
        return iter(self.feeds)

    @property
    def samples(self) -> int:
        return sum(feed.count for feed in self.feeds)


def feeds_of(samples: np.ndarray, *, batch: int, name: str = "input") -> Feeds:
    """`batch` samples a feed along the first axis; the last one may be shorter."""
    parts = [samples[start : start + batch] for start in range(0, len(samples), batch)]
    return Feeds(tuple(Feed({name: part}, len(part)) for part in parts))


def one_by_one(samples: np.ndarray, *, name: str = "input") -> Feeds:
    """Each sample fed as it is, without a batch axis."""
    return Feeds(tuple(Feed({name: sample}, 1) for sample in samples), stacked=True)


def shapes_of(path: Path, least: int = 1, most: int = 10) -> dict[str, InputShapes]:
    """As the gate takes them from a case's data: each open dimension of a file's inputs from `least` to `most`. For
    engines that are built for shapes; none of a file that cannot be read."""
    from onnx import load_model

    try:
        inputs = load_model(path, load_external_data=False).graph.input
    except Exception:  # noqa: BLE001  tests give engines anything
        return {}
    sizes = {value.name: [size.dim_value for size in value.type.tensor_type.shape.dim] for value in inputs}
    return {
        name: InputShapes(*(tuple(size or open_size for size in shape) for open_size in (least, most, most)))
        for name, shape in sizes.items()
        if 0 in shape
    }


def opened(backend: Backend, name: str, path: Path, options: SessionOptions) -> Session:
    """The engine's own session, on its side of the border."""
    return load_session(require_available(backend, name), name, path, options)


def opened_builtin(engine: str, path: Path, options: SessionOptions) -> Session:
    return opened(load_backend(backend_table()[engine]), engine, path, options)


def hosted(session: Session) -> HostedSession:
    """`session` as the gate sees it: behind the border, its outputs copied."""
    worker = InProcess(Limits())
    worker.held["0"] = Opened(session)
    return HostedSession(worker, "0", "A stand-in")
