"""A folder of ONNX files, such as releases that `qparity export` wrote, asked by content."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_qparity.case.model import read_model_file
from pytest_qparity.case.plan_file import PLANS, read_plan_file
from pytest_qparity.verdict import CannotJudge

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_qparity.worker.protocol import Worker

__all__ = ["StoredVariant", "VariantFolder"]

_ENDINGS = frozenset({".onnx", *PLANS})


@dataclass(frozen=True, slots=True)
class StoredVariant:
    """`external`: places of its external data, in its folder."""

    path: Path
    external: tuple[str, ...] = ()


@dataclass(slots=True)
class VariantFolder:
    """Models and built engines below `path`, each by the SHA-256 of it and its external data. They are read when first
    asked for, in a worker; what is no model that may be read is passed over."""

    path: Path
    _known: dict[str, StoredVariant] | None = field(default=None, repr=False)

    @property
    def state(self) -> list[list[str | int]]:
        """Names and sizes of its files: whether it may hold something else than it did."""
        return [[path.relative_to(self.path).as_posix(), path.stat().st_size] for path in self._files()]

    def holding(self, digest: str, worker: Worker) -> StoredVariant | None:
        """The file with this SHA-256; None where there is none."""
        if self._known is None:
            self._known = dict(self._read(worker))
        return self._known.get(digest)

    def _read(self, worker: Worker) -> Iterator[tuple[str, StoredVariant]]:
        for path in self._files():
            try:
                if path.suffix.lower() in PLANS:
                    yield read_plan_file(path).digest, StoredVariant(path)
                else:
                    model = read_model_file(path, worker)
                    yield model.digest, StoredVariant(path, model.external)
            except (CannotJudge, OSError):
                continue

    def _files(self) -> list[Path]:
        return sorted(path for path in self.path.rglob("*") if path.suffix.lower() in _ENDINGS and path.is_file())
