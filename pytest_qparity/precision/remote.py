"""A cache of made variants that several machines share, behind the one on disk: any file system that fsspec opens.

What is read is verified before it is used, and what cannot be reached is passed over with a warning: the variant is
made here then. `<url>/variants/<digest of key>.json` says which files an entry has, `<url>/blobs/<SHA-256>` holds each.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_qparity.digest import canonical_json, file_digest
from pytest_qparity.durable import put_whole, replacing

__all__ = ["RemoteCache", "RemoteCacheError", "RemoteCacheWarning"]

FORMAT = 1
LARGEST_RECORD = 2**20  # bytes
_CHUNK = 2**20
_SHA256 = re.compile("[0-9a-f]{64}")


class RemoteCacheError(Exception):
    """The URL cannot be one of a cache: the text says what was found, what was expected, what to do."""


class RemoteCacheWarning(UserWarning):
    """The shared cache was passed over."""


class _Refused(Exception):  # noqa: N818  told as a warning
    """An entry that is not what its record says, or a record that is none."""


class RemoteCache:
    """The cache at one URL. After the first time that it cannot be reached it is left alone: a session without network
    waits once."""

    def __init__(self, url: str) -> None:
        """Nothing is connected to. Raises RemoteCacheError where fsspec, or what it needs for the URL, is missing."""
        try:
            import fsspec

            self._files, self._root = fsspec.core.url_to_fs(url)
        except ImportError as error:
            raise RemoteCacheError(
                f"got {url!r} and {error}, should be a URL that fsspec opens: "
                "pip install 'pytest-qparity[remote]', and s3fs, gcsfs or adlfs for what it names"
            ) from None
        except (ValueError, OSError) as error:
            raise RemoteCacheError(f"got {url!r} ({error}), should be a URL that fsspec opens") from None
        self.url = url
        self._is_off = False

    def fetch(self, name: str, key: Mapping[str, Any], folder: Path, allowed: Iterable[str]) -> tuple[str, ...] | None:
        """Put the files of the entry `name` into `folder`; the notes of its maker. None where there is none for this
        `key`, it cannot be reached, or is not what its record says; `folder` is empty then. `allowed`: names that its
        files may have."""
        if self._is_off:
            return None
        try:
            return self._fetched(name, key, folder, frozenset(allowed))
        except FileNotFoundError:
            pass
        except _Refused as reason:
            self._warn(f"refused its entry {name[:12]}: {reason}; the variant is made here, and takes its place")
        except Exception as error:  # noqa: BLE001  each file system raises what it likes where there is no network
            self._leave(error)
        for file in folder.iterdir():
            file.unlink()
        return None

    def fetch_content(self, digest: str, target: Path) -> bool:
        """Whether a file with this SHA-256 is at `target`: from before, or from here. One with external data is not
        found, as its digest is of several files."""
        if target.is_file() and file_digest(target) == digest:
            return True
        if self._is_off:
            return False
        try:
            size = int(self._files.size(self._at(f"blobs/{digest}")))
            target.parent.mkdir(parents=True, exist_ok=True)
            with replacing(target) as temporary:
                self._get(f"blobs/{digest}", temporary, digest, size)
        except FileNotFoundError:
            return False
        except _Refused as reason:
            self._warn(f"refused its file {digest[:12]}: {reason}")
            return False
        except Exception as error:  # noqa: BLE001  each file system raises what it likes where there is no network
            self._leave(error)
            return False
        return True

    def store(self, name: str, key: Mapping[str, Any], files: Sequence[Path], notes: Sequence[str]) -> None:
        """Keep an entry, its record last. What cannot be written is told as a warning."""
        if self._is_off:
            return
        try:
            stated = {}
            for file in files:
                digest = file_digest(file)
                stated[file.name] = {"sha256": digest, "size_bytes": file.stat().st_size}
                self._put(f"blobs/{digest}", file)
            record = {"format": FORMAT, "key": dict(key), "files": stated, "notes": list(notes)}
            self._files.pipe_file(self._at(f"variants/{name}.json"), canonical_json(record).encode())
        except Exception as error:  # noqa: BLE001  as above
            self._leave(error)

    def _fetched(self, name: str, key: Mapping[str, Any], folder: Path, allowed: frozenset[str]) -> tuple[str, ...]:
        with self._files.open(self._at(f"variants/{name}.json"), "rb") as stream:
            content = stream.read(LARGEST_RECORD + 1)
        files, notes = _entry(content, key, allowed)
        for file, (digest, size) in files.items():
            try:
                self._get(f"blobs/{digest}", folder / file, digest, size)
            except FileNotFoundError:
                raise _Refused(f"{file} is not there") from None
        return notes

    def _get(self, place: str, target: Path, digest: str, size: int) -> None:
        found, left = hashlib.sha256(), size
        with self._files.open(self._at(place), "rb") as stream, target.open("wb") as written:
            while chunk := stream.read(min(_CHUNK, left + 1)):
                left -= len(chunk)
                if left < 0:
                    raise _Refused(f"{target.name} is larger than the {size:,} bytes that its record states")
                found.update(chunk)
                written.write(chunk)
        if found.hexdigest() != digest:
            raise _Refused(f"{target.name} has SHA-256 {found.hexdigest()[:12]}, its record says {digest[:12]}")

    def _put(self, place: str, file: Path) -> None:
        self._files.makedirs(self._at("variants"), exist_ok=True)
        put_whole(self._files, file, self._at(place))

    def _at(self, place: str) -> str:
        return f"{self._root.rstrip('/')}/{place}"

    def _leave(self, error: Exception) -> None:
        self._is_off = True
        told = str(error).strip().splitlines() or [""]
        self._warn(f"cannot be reached ({type(error).__name__}: {told[0][:200]}): this session goes on without it")

    def _warn(self, text: str) -> None:
        with contextlib.suppress(RemoteCacheWarning):  # where warnings are errors: what is no failure stays none
            warnings.warn(f"the shared cache {self.url} {text}", RemoteCacheWarning, stacklevel=3)


def _entry(
    content: bytes, key: Mapping[str, Any], allowed: frozenset[str]
) -> tuple[Mapping[str, tuple[str, int]], tuple[str, ...]]:
    """Files with digest and size, and notes, of a record for this key. Raises _Refused where it is none."""
    try:
        record = json.loads(content)
        files = {str(name): (each["sha256"], each["size_bytes"]) for name, each in record["files"].items()}
        notes = tuple(str(note) for note in record["notes"])
        same = record["format"] == FORMAT and canonical_json(record["key"]) == canonical_json(key)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise _Refused("its record is none") from None
    is_sound = all(
        isinstance(digest, str) and _SHA256.fullmatch(digest) and type(size) is int and size >= 0
        for digest, size in files.values()
    )
    if not (same and is_sound and files and files.keys() <= allowed):
        raise _Refused("its record is of another key, or names what no variant has")
    return files, notes
