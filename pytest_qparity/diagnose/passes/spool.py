"""Outputs of a model over all feeds, on disk: later phases compare with them, and memory is that of one feed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["Spool"]


class Spool:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, kind: str, index: int, arrays: Mapping[str, Array]) -> None:
        for place, array in enumerate(arrays.values()):
            np.save(self._path(kind, index, place), array)
        self._names = list(arrays)

    def get(self, kind: str, index: int) -> dict[str, Array]:
        """As they were put. Raises OSError where nothing was."""
        return {name: np.load(self._path(kind, index, place)) for place, name in enumerate(self._names)}

    def _path(self, kind: str, index: int, place: int) -> Path:
        return self._folder / f"{kind}-{index}-{place}.npy"
