"""The cache of made variants: content-addressed, verified at each use, whole or absent."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from pytest_qparity.digest import canonical_json, file_digest, json_digest
from pytest_qparity.durable import replacing, write_bytes
from pytest_qparity.verdict import CannotJudge, Code, Failure

Make = Callable[[Path], Sequence[str]]


@dataclass(frozen=True, slots=True)
class CachedFile:
    """A made file, its SHA-256, and the notes of its maker."""

    path: Path
    digest: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VariantCache:
    """A folder with, for each key, `<digest of key>.onnx` and beside it a JSON file with key, SHA-256 and notes."""

    folder: Path

    def get_or_make(self, key: Mapping[str, Any], make: Make) -> CachedFile:
        """The file for `key`. Where there is none yet, `make` writes it to the path it is given and returns notes.

        One process makes it and the others wait. A file that is not the one recorded is made anew; what a killed maker
        left behind is never taken for a variant, since the record is written after the file stands, and is removed by
        the next maker. The path's folder is the maker's own.
        """
        name = json_digest(key)
        path = self.folder / f"{name}.onnx"
        record = self.folder / f"{name}.json"
        with self._locked(name):
            found = _verified(path, record, key)
            if found is not None:
                return found
            record.unlink(missing_ok=True)
            self._remove_leftovers(name)
            with tempfile.TemporaryDirectory(prefix=f".{name}.", suffix=".tmp", dir=self.folder) as scratch:
                made = Path(scratch) / path.name
                notes = tuple(make(made))
                with replacing(path) as temporary:
                    made.replace(temporary)
            digest = file_digest(path)
            content = canonical_json({"key": dict(key), "sha256": digest, "notes": list(notes)})
            write_bytes(record, f"{content}\n".encode())
            return CachedFile(path, digest, notes)

    @contextlib.contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        """One maker of a key at a time; what the disk refuses, now or while it works, becomes one clear error."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self.folder / f"{name}.lock"):
                yield
        except OSError as error:
            raise CannotJudge(
                Failure(
                    Code.VARIANT_RECIPE,
                    f"The cache of variants: got {type(error).__name__} ({error.strerror}) at {self.folder}, "
                    "should be a folder with room to write in.",
                    "make it writable, make room, or name another cache folder (--qparity-cache)",
                )
            ) from error

    def _remove_leftovers(self, name: str) -> None:
        """What killed makers of this key left: under its lock, nobody else is making it."""
        for leftover in self.folder.glob(f".{name}.*.tmp"):
            if leftover.is_dir():
                shutil.rmtree(leftover, ignore_errors=True)
            else:
                leftover.unlink(missing_ok=True)


def _verified(path: Path, record: Path, key: Mapping[str, Any]) -> CachedFile | None:
    """The file on disk, where it is the one that its record says, for this key; None otherwise."""
    try:
        recorded = json.loads(record.read_text(encoding="utf-8"))
        digest, notes = recorded["sha256"], tuple(recorded["notes"])
        same_key = canonical_json(recorded["key"]) == canonical_json(key)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not same_key or not path.is_file() or file_digest(path) != digest:
        return None
    return CachedFile(path, digest, notes)
