"""The cache of made variants: content-addressed, verified at each use, whole or absent."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from filelock import FileLock, Timeout

from pytest_qparity.case.model import stored_bytes
from pytest_qparity.digest import canonical_json, json_digest
from pytest_qparity.durable import replacing, write_bytes
from pytest_qparity.precision.large import data_beside
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from pytest_qparity.precision.remote import RemoteCache

FORMAT = 1
LEFTOVER = re.compile(r"\.([0-9a-f]{64})\..+\.tmp")

Origin: TypeAlias = Literal["made", "local", "remote"]
Make = Callable[[Path], Sequence[str]]


@dataclass(frozen=True, slots=True)
class CachedFile:
    """A made file, the SHA-256 of it and its external data, and the notes of its maker. `external`: places of such
    data, in the file's folder. `float_model`: what a recipe rewrote the float model to, before it was quantized.
    `origin`: "made" just now, or where it was found: in this cache ("local"), or in the shared one ("remote")."""

    path: Path
    digest: str
    notes: tuple[str, ...]
    external: tuple[str, ...] = ()
    float_model: Path | None = None
    origin: Origin = field(default="local", compare=False)


@dataclass(frozen=True, slots=True)
class VariantCache:
    """A folder with, for each key, `<digest of key>.onnx` and beside it a JSON file with key, SHA-256 and notes; where
    the file does not hold its weights, `<digest of key>.onnx.data` as well, and where it was calibrated its ranges, for
    people and for `ranges` of a case, and the rewritten float model, for a diagnosis (its SHA-256 is in the record).
    `remote`: a cache that is asked before a file is made, and given what was made."""

    folder: Path
    remote: RemoteCache | None = None

    def get_or_make(self, key: Mapping[str, Any], make: Make) -> CachedFile:
        """The file for `key`. Where there is none yet, `make` writes it to the path it is given and returns notes.

        One process makes it and the others wait. A file that is not the one recorded is made anew; what a killed maker
        left behind is never taken for a variant, since the record is written after the file stands, and is removed by
        the next maker, of whatever key. The path's folder is the maker's own.
        """
        name = json_digest(key)
        path, record = self.folder / f"{name}.onnx", self.folder / f"{name}.json"
        # What is there and whole needs no lock, so that a cache that is only read from may be read-only.
        return _verified(path, record, key) or self._made(path, record, key, make)

    def holding(self, digest: str) -> CachedFile | None:
        """The file with this SHA-256, by whatever recipe, where it is here and whole; None otherwise."""
        for record in sorted(self.folder.glob("*.json")):
            found = _recorded(record)
            if found is not None and found["sha256"] == digest:
                verified = _verified(record.with_suffix(".onnx"), record, found["key"])
                if verified is not None:
                    return verified
        return None

    def _made(self, path: Path, record: Path, key: Mapping[str, Any], make: Make) -> CachedFile:
        with self._locked(path.stem):
            found = _verified(path, record, key)
            if found is not None:
                return found
            with self._writing():
                record.unlink(missing_ok=True)
                self._remove_leftovers(path.stem)
                self._remove_leftovers_of_others(path.stem)
                scratch = Path(tempfile.mkdtemp(prefix=f".{path.stem}.", suffix=".tmp", dir=self.folder))
            try:
                made = scratch / path.name
                origin, notes = self._fetched_or_made(made, key, make)
                with self._writing():
                    external = (data_beside(made).name,) if data_beside(made).is_file() else ()
                    beside = (file for file in _beside(made) if file.is_file())
                    for file in (*beside, made):
                        with replacing(self.folder / file.name) as temporary:
                            file.replace(temporary)
                    digest = stored_bytes(path, external).digest
                    stated = {"format": FORMAT, "key": dict(key), "sha256": digest, "notes": list(notes)}
                    stated |= {"external": list(external)} if external else {}
                    source = _rewritten(path)
                    stated |= {} if source is None else {"float_sha256": _digest(source)}
                    write_bytes(record, f"{canonical_json(stated)}\n".encode())
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
            return CachedFile(path, digest, notes, external, source, origin)

    def _fetched_or_made(self, made: Path, key: Mapping[str, Any], make: Make) -> tuple[Origin, tuple[str, ...]]:
        """Where its bytes are from, and notes; files are then at `made` and beside it."""
        files = (made, *_beside(made))
        if self.remote is not None:
            notes = self.remote.fetch(made.stem, key, made.parent, [file.name for file in files])
            if notes is not None and made.is_file():
                return "remote", notes
        notes = tuple(make(made))
        if self.remote is not None:
            self.remote.store(made.stem, key, [file for file in files if file.is_file()], notes)
        return "made", notes

    @contextlib.contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        lock = FileLock(self.folder / f"{name}.lock")
        with self._writing():
            self.folder.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """What the disk refuses becomes one clear failure."""
        try:
            yield
        except OSError as error:
            raise CannotJudge(
                Failure(
                    Code.VARIANT_RECIPE,
                    f"The cache of variants: got {type(error).__name__} ({error.strerror}) at {self.folder}, "
                    "should be a folder to write in.",
                    "see to room and permission to write there, or name another cache folder",
                )
            ) from None

    def _remove_leftovers(self, name: str) -> None:
        """What killed makers of this key left: under its lock, nobody else is making it."""
        for leftover in self.folder.glob(f".{name}.*.tmp"):
            _remove(leftover)

    def _remove_leftovers_of_others(self, own: str) -> None:
        """What killed makers of other keys left: a key whose lock can be taken at once has no living maker."""
        names = {found[1] for path in self.folder.iterdir() if (found := LEFTOVER.fullmatch(path.name))}
        for name in names - {own}:
            with contextlib.suppress(Timeout, OSError), FileLock(self.folder / f"{name}.lock", timeout=0):
                self._remove_leftovers(name)


def _recorded(record: Path) -> dict[str, Any] | None:
    """What a record says, where it is one: ranges of calibrated files lie beside them."""
    try:
        said = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    is_record = isinstance(said, dict) and isinstance(said.get("sha256"), str) and isinstance(said.get("key"), dict)
    return said if is_record else None


def _beside(made: Path) -> tuple[Path, ...]:
    """What a maker may leave beside a variant."""
    return data_beside(made), ranges_beside(made), float_beside(made), data_beside(float_beside(made))


def ranges_beside(path: Path) -> Path:
    """Where the ranges lie that a variant was made with."""
    return path.with_name(f"{path.name}.ranges.json")


def float_beside(path: Path) -> Path:
    """Where the float model lies that a variant was made of, where a recipe rewrote the case's before it was quantized:
    for who looks at layers, since tensors inside of it are others."""
    return path.with_name(f"{path.stem}.float.onnx")


def _remove(leftover: Path) -> None:
    """What cannot be removed harms nobody: no record names it."""
    if leftover.is_dir():
        shutil.rmtree(leftover, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            leftover.unlink()


def _verified(path: Path, record: Path, key: Mapping[str, Any]) -> CachedFile | None:
    """The file on disk, where it is the one that its record says, for this key; None otherwise."""
    try:
        if not (record.is_file() and path.is_file()):  # reading a pipe would wait for its other end
            return None
        recorded = json.loads(record.read_text(encoding="utf-8"))
        _refuse_newer(recorded["format"], record)
        digest, notes = recorded["sha256"], tuple(recorded["notes"])
        external = tuple(recorded.get("external", ()))
        same_key = canonical_json(recorded["key"]) == canonical_json(key)
        only_its_own = set(external) <= {data_beside(path).name}
        if not same_key or not only_its_own or stored_bytes(path, external).digest != digest:
            return None
        source = float_beside(path) if "float_sha256" in recorded else None
        if source is not None and _digest(source) != recorded["float_sha256"]:
            return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return CachedFile(path, digest, notes, external, source)


def _rewritten(path: Path) -> Path | None:
    return float_beside(path) if float_beside(path).is_file() else None


def _digest(model: Path) -> str:
    """SHA-256 of a model and the weights beside it."""
    external = (data_beside(model).name,) if data_beside(model).is_file() else ()
    return stored_bytes(model, external).digest


def _refuse_newer(stated: object, record: Path) -> None:
    if type(stated) is int and stated > FORMAT:
        raise CannotJudge(
            Failure(
                Code.VARIANT_RECIPE,
                f"The cache of variants: got a record of format {stated}, should be {FORMAT}: "
                f"written by a newer version: upgrade pytest-qparity: {record}",
                "pip install --upgrade pytest-qparity, or name another cache folder",
            )
        )
    if stated != FORMAT:
        raise ValueError(f"got format {stated}, should be {FORMAT}")
