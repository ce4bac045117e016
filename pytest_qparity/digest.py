"""Digests: what identifies a file, a set of arrays, a recipe. The only place that computes one."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path
    from typing import BinaryIO

    import numpy as np


_SMALL_BYTES = 65_536  # hashlib.file_digest makes a buffer of four times as much for each file


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as stream:
        begun = hashlib.sha256(first := stream.read(_SMALL_BYTES))
        if len(first) == _SMALL_BYTES:
            hashlib.file_digest(stream, lambda: begun)
        return begun.hexdigest()


def bytes_digest(content: bytes | memoryview) -> str:
    return hashlib.sha256(content).hexdigest()


def write_digested(stream: BinaryIO, blocks: Iterable[bytes | memoryview]) -> str:
    """Write `blocks` one after the other; SHA-256 of them all. Each is passed over once and none is kept."""
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(block)
        stream.write(block)
    return digest.hexdigest()


def array_digest(array: np.ndarray) -> str:
    """SHA-256 over type, shape and elements (little-endian, C order): the same for one array however it is stored."""
    import numpy as np

    dtype = array.dtype.newbyteorder("<")
    stored = np.ascontiguousarray(array, dtype)
    # The name tells apart what NumPy's own code does not: bfloat16 is "<V2" there, int4 and a float8 both "<V1".
    digest = hashlib.sha256(f"{dtype.name} {dtype.str}{array.shape}".encode())
    digest.update(stored.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def arrays_digest(arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 over names and arrays, in the order of the names."""
    return json_digest({name: array_digest(array) for name, array in arrays.items()})


def json_digest(value: Mapping[str, Any]) -> str:
    """SHA-256 of a JSON value in canonical form (sorted keys, no spaces)."""
    return bytes_digest(canonical_json(value).encode())


def canonical_json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def tree_digest(folder: Path, pattern: str = "*") -> str:
    """SHA-256 over names and contents of the files below `folder` that `pattern` matches, without Python's bytecode.
    A folder that is not there has one too: that it is absent is a fact like any other."""
    files = (path for path in sorted(folder.rglob(pattern)) if "__pycache__" not in path.parts and path.is_file())
    return json_digest({path.relative_to(folder).as_posix(): file_digest(path) for path in files})
