"""Files by their SHA-256 in storage that all nodes reach: a folder, or what fsspec knows by its URL (s3://, gs://)."""

from __future__ import annotations

import functools
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from pytest_qparity.digest import file_digest, json_digest
from pytest_qparity.durable import put_whole, replacing, write_bytes
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["SharedStorage", "StorageError", "known_everywhere", "names_from"]


class StorageError(Exception):
    """The URL names no storage that can be used here; the text says why and what to do."""


@dataclass(frozen=True)
class SharedStorage:
    """`url`: any that fsspec takes. A file of a digest is written once; whoever reads it checks the digest."""

    url: str

    @functools.cached_property
    def _place(self) -> tuple[Any, str]:
        """fsspec's file system, and the path in it. Raises StorageError."""
        try:
            import fsspec
        except ImportError:
            raise StorageError("got no fsspec, should be installed: pip install 'pytest-qparity[ray]'") from None
        try:
            system, path = fsspec.core.url_to_fs(self.url)
        except (ValueError, ImportError) as error:  # an unknown protocol; one whose package is not installed
            raise StorageError(f"got storage {self.url!r} ({error}), should be a URL that fsspec knows here") from None
        return system, path.rstrip("/")

    def require_usable(self) -> None:
        """Raises StorageError where the URL names nothing that fsspec opens here."""
        _ = self._place

    def put(self, paths: Mapping[str, Path]) -> dict[str, str]:
        """Store files that are not there yet; the digest of each by its name. Raises OSError."""
        system, _ = self._place
        digests = {}
        for name, path in paths.items():
            digest = digests[name] = file_digest(path)
            target = self._path_of(digest)
            # One of another size was cut while it was written.
            if not (system.exists(target) and system.size(target) == path.stat().st_size):
                put_whole(system, path, target)
        return digests

    def fetch_tree(self, digests: Mapping[str, str], folder: Path) -> Path:
        """A folder below `folder` with these files, by name; fetched where they are not there yet. Names and bytes
        decide about its place, so that a later run with the same files finds them; what another tree has is fetched for
        none. Raises CannotJudge where a file is not in the storage, or another."""
        tree = folder / json_digest(dict(digests))[:32]
        whole = tree / ".whole"
        targets = {name: tree / _inside(name) for name in digests}
        # Folders of temporary files are swept by age: a file may be gone from a tree that was whole.
        if whole.is_file() and all(target.is_file() for target in targets.values()):
            return tree
        for name, digest in digests.items():
            place = folder / "places" / digest  # where the last tree has it
            if not (_is(targets[name], digest) or _copied(digest, targets[name], place)):
                self.fetch_file(name, digest, targets[name])
            write_bytes(place, os.fsencode(targets[name]))
        tree.mkdir(parents=True, exist_ok=True)
        whole.touch()
        return tree

    def fetch_file(self, name: str, digest: str, target: Path) -> None:
        """Make `target` the file of this digest, which a failure calls `name`. Raises CannotJudge where the storage
        has none, or another."""
        if _is(target, digest):
            return
        system, _ = self._place
        try:
            with replacing(target) as temporary:
                system.get_file(self._path_of(digest), str(temporary))
                got = file_digest(temporary)
                if got != digest:
                    raise self._not_whole(name, got[:12], digest)
        except OSError as error:
            raise self._not_whole(name, error.strerror or type(error).__name__, digest) from None

    def _path_of(self, digest: str) -> str:
        return f"{self._place[1]}/files/{digest[:2]}/{digest}"

    def _not_whole(self, name: str, got: str, digest: str) -> CannotJudge:
        sentence = f"{name} from {self.url}: got {got}, should be {digest[:12]} as it was sent."
        # Whoever sends it again takes a file of the right size for what was sent: reading all of them would take long.
        remedy = (
            f"remove {self._path_of(digest)} if it is there, see that all nodes reach this storage and nothing else "
            "writes to it, then judge again: the file is sent anew"
        )
        return CannotJudge(Failure(Code.CLUSTER_FILES, sentence, remedy))


def _is(path: Path, digest: str) -> bool:
    return path.is_file() and file_digest(path) == digest


def _copied(digest: str, target: Path, place: Path) -> bool:
    """Whether the file that `place` names had this digest and is at `target` now. No link: onnx refuses external data
    that have two names."""
    try:
        other = Path(os.fsdecode(place.read_bytes()))
        with replacing(target) as temporary:
            shutil.copyfile(other, temporary)
    except OSError:
        return False
    return _is(target, digest)


def _inside(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"got file {name!r} of a project, should be below its folder")
    return path


def known_everywhere(url: str) -> str:
    """The URL of a folder with its whole path: each process of a cluster has a working folder of its own."""
    place = url.removeprefix("file://")
    is_elsewhere = "://" in place or "::" in place
    return url if is_elsewhere or Path(place).is_absolute() else Path(place).absolute().as_uri()


def names_from(root: Path, paths: Iterable[Path]) -> dict[str, Path]:
    """Files by their names from `root`. Raises StorageError at one that is elsewhere."""
    named = {}
    for path in paths:
        if not path.is_relative_to(root):
            raise StorageError(f"got {path}, should be below {root}: storage carries no file from elsewhere")
        named[path.relative_to(root).as_posix()] = path
    return named
