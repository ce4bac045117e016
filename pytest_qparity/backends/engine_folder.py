"""A folder in which an engine keeps what it builds, writing as it likes: whole, or emptied before its next use."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from pytest_qparity.digest import canonical_json, file_digest
from pytest_qparity.durable import write_bytes

_RECORD = "whole.json"  # names and SHA-256 of all files beside it, written when the engine was done


@dataclass(frozen=True, slots=True)
class EngineFolder:
    path: Path

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Alone with the folder, in which the files of earlier sessions are left where they are those on record. What
        is in it afterwards is put on record; where the block raises, or its process is killed, nothing is.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self.path.with_name(f"{self.path.name}.lock")):
            if not self._is_whole():
                shutil.rmtree(self.path, ignore_errors=True)
            self.path.mkdir(exist_ok=True)
            record = self.path / _RECORD
            record.unlink(missing_ok=True)  # what happens from here on is on no record until it has ended well
            yield
            write_bytes(record, f"{canonical_json({'files': self._digests()})}\n".encode())

    def _is_whole(self) -> bool:
        try:
            recorded = json.loads((self.path / _RECORD).read_text(encoding="utf-8"))
            return bool(recorded["files"] == self._digests())
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def _digests(self) -> dict[str, str]:
        files = sorted(file for file in self.path.rglob("*") if file.is_file() and file.name != _RECORD)
        return {file.relative_to(self.path).as_posix(): file_digest(file) for file in files}
