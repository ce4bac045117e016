"""Built engines that a case gives in the place of an ONNX file: which they are, and which bytes they stand for."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from pytest_qparity.case.model import StoredBytes, require_plain_file, stored_bytes

if TYPE_CHECKING:
    from pathlib import Path

PLANS = frozenset({".engine", ".plan"})  # TensorRT's, by the ending of the file


def is_plan(path: str | PurePath) -> bool:
    """Whether a file is an engine that somebody built, by its name: what is in it is read by the engine alone."""
    return PurePath(path).suffix.lower() in PLANS


def read_plan_file(path: Path) -> StoredBytes:
    """Nothing of it is parsed. Raises CannotJudge where it is no plain file, or stands for one (Git LFS)."""
    require_plain_file(path, "a TensorRT engine")
    return stored_bytes(path, ())
