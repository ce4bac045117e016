"""Files by their SHA-256 in storage that all nodes reach: a folder, or what fsspec knows by its URL (s3://, gs://)."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from pytest_qparity.digest import file_digest, json_digest
from pytest_qparity.durable import replacing
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["SharedStorage", "StorageError"]


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
                system.makedirs(target.rpartition("/")[0], exist_ok=True)
                system.put_file(str(path), target)
        return digests

    def fetch_tree(self, digests: Mapping[str, str], folder: Path) -> Path:
        """A folder below `folder` with these files, by name; fetched where they are not there yet. Names and bytes
        decide about its place, so that a later run with the same files finds them. Raises CannotJudge where a file is
        not in the storage, or another."""
        tree = folder / json_digest(dict(digests))[:32]
        whole = tree / ".whole"
        if whole.is_file():
            return tree
        for name, digest in digests.items():
            self._fetch(name, digest, tree / _inside(name))
        whole.touch()
        return tree

    def _fetch(self, name: str, digest: str, target: Path) -> None:
        if target.is_file() and file_digest(target) == digest:
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        system, _ = self._place
        try:
            with replacing(target) as temporary:
                system.get_file(self._path_of(digest), str(temporary))
                got = file_digest(temporary)
                if got != digest:
                    raise _not_whole(name, f"{got[:12]}", digest, self.url)
        except OSError as error:
            raise _not_whole(name, f"{error.strerror or type(error).__name__}", digest, self.url) from None

    def _path_of(self, digest: str) -> str:
        return f"{self._place[1]}/files/{digest[:2]}/{digest}"


def _inside(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"got file {name!r} of a project, should be below its folder")
    return path


def _not_whole(name: str, got: str, digest: str, url: str) -> CannotJudge:
    sentence = f"{name} from {url}: got {got}, should be {digest[:12]} as it was sent."
    remedy = "see whether all nodes reach the storage and nothing else writes to it, then judge again"
    return CannotJudge(Failure(Code.CLUSTER_FILES, sentence, remedy))


def names_from(root: Path, paths: Iterable[Path]) -> dict[str, Path]:
    """Files by their names from `root`. Raises StorageError at one that is elsewhere."""
    named = {}
    for path in paths:
        if not path.is_relative_to(root):
            raise StorageError(f"got {path}, should be below {root}: storage carries no file from elsewhere")
        named[path.relative_to(root).as_posix()] = path
    return named
