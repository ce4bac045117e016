"""Arrays between processes: one writes them into shared memory, the other finds them by a layout.

A side that does not trust the other reads with pread and never maps: memory that the other side shrinks or
changes can then not end this process by SIGBUS, nor change an array that was already looked at.
"""

from __future__ import annotations

import contextlib
import math
import mmap
import os
import tempfile
from collections.abc import Mapping
from typing import Any

import ml_dtypes
import numpy as np

ALIGNMENT = 64  # one cache line and one AVX-512 register, as feeds are aligned in process
LARGEST_RANK = 32
_LARGEST_READ = 2**30  # Linux transfers no more than 0x7ffff000 bytes at a time
_EXTENDED = frozenset(name for name in dir(ml_dtypes) if isinstance(getattr(ml_dtypes, name), type))

Array = np.ndarray[Any, Any]


class LayoutError(ValueError):
    """A layout that does not describe arrays in its arena."""


def open_arena() -> int:
    """A descriptor of empty shared memory without a name: it is gone when nobody holds it.

    memfd is not /dev/shm, of which containers have 64 MB. Where the system has none, an unlinked file serves.
    """
    if hasattr(os, "memfd_create"):
        with contextlib.suppress(OSError):  # a kernel or sandbox that refuses it
            return os.memfd_create("qparity", os.MFD_CLOEXEC)
    descriptor, name = tempfile.mkstemp(prefix="qparity-arena-")
    os.unlink(name)  # noqa: PTH108  the name of an open file
    return descriptor


def layout_of(arrays: Mapping[str, Array]) -> tuple[list[dict[str, Any]], int]:
    """Where each array goes, and the bytes that all of them take."""
    layout = []
    offset = 0
    for name, array in arrays.items():
        layout.append({"name": name, "dtype": _type_name(array.dtype), "shape": list(array.shape), "offset": offset})
        offset += -(-array.nbytes // ALIGNMENT) * ALIGNMENT
    return layout, offset


def write_arrays(descriptor: int, arrays: Mapping[str, Array]) -> list[dict[str, Any]]:
    """Write `arrays` into the arena, which grows as needed; their layout."""
    layout, size = layout_of(arrays)
    if size > os.fstat(descriptor).st_size:
        os.ftruncate(descriptor, size)
    for place, array in zip(layout, arrays.values(), strict=True):
        _write(descriptor, _bytes_of(np.ascontiguousarray(array)), place["offset"])
    return layout


def read_arrays(descriptor: int, layout: object, most_bytes: float) -> dict[str, Array]:
    """Copies of the arrays that a layout from the other side describes. Raises LayoutError."""
    available = min(os.fstat(descriptor).st_size, most_bytes)
    arrays: dict[str, Array] = {}
    total = 0
    for name, dtype, shape, offset in _places(layout):
        if name in arrays:
            raise LayoutError(f'two arrays "{name}"')
        size = dtype.itemsize * math.prod(shape)
        total += size
        if offset + size > available or total > available:
            raise LayoutError(f'an array "{name}" of {size:,} bytes, should be within {available:,.0f}')
        try:
            arrays[name] = np.empty(shape, dtype)
        except (ValueError, MemoryError) as error:  # (0, 2**62) has no bytes and is none that NumPy makes
            raise LayoutError(f"the shape {shape} ({error})") from None
        _read(descriptor, _bytes_of(arrays[name]), offset)
    return arrays


class MappedArena:
    """The worker's side: it maps what it was given, so that an engine reads and writes there without a copy."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._memory: mmap.mmap | None = None

    def views(self, layout: object) -> dict[str, Array]:
        """The arrays as views of the arena."""
        memory = self._mapped(os.fstat(self._descriptor).st_size)
        return {
            name: np.ndarray(shape, dtype, memory, offset) if math.prod(shape) else np.empty(shape, dtype)
            for name, dtype, shape, offset in _places(layout)
        }

    def put(self, arrays: Mapping[str, Array]) -> list[dict[str, Any]]:
        """Copy `arrays` into the arena, which grows as needed; their layout."""
        layout, size = layout_of(arrays)
        if size > os.fstat(self._descriptor).st_size:
            os.ftruncate(self._descriptor, size)
        for array, view in zip(arrays.values(), self.views(layout).values(), strict=True):
            view[...] = array
        return layout

    def _mapped(self, size: int) -> mmap.mmap | None:
        if size and (self._memory is None or len(self._memory) < size):
            self._memory = mmap.mmap(self._descriptor, size)  # an older, smaller one lives while an engine holds views
        return self._memory


def _type_name(dtype: np.dtype[Any]) -> str:
    """NumPy's own code, which tells the length of a text; ml_dtypes' types share codes, and go by name."""
    return dtype.name if dtype.name in _EXTENDED else dtype.str


def _type(name: object) -> np.dtype[Any]:
    if isinstance(name, str) and name in _EXTENDED:
        extended: np.dtype[Any] = np.dtype(getattr(ml_dtypes, name))
        return extended
    try:
        dtype = np.dtype(name) if isinstance(name, str) else None
    except (TypeError, ValueError, SyntaxError):
        dtype = None
    if dtype is None or dtype.kind not in "biufcU" or dtype.fields is not None or dtype.subdtype is not None:
        raise LayoutError(f"the type {str(name)[:40]!r}")
    return dtype


def _places(layout: object) -> list[tuple[str, np.dtype[Any], tuple[int, ...], int]]:
    if not isinstance(layout, list):
        raise LayoutError(f"a {type(layout).__name__} as layout")
    return [_place(entry) for entry in layout]


def _place(entry: object) -> tuple[str, np.dtype[Any], tuple[int, ...], int]:
    if not isinstance(entry, dict) or entry.keys() != {"name", "dtype", "shape", "offset"}:
        raise LayoutError(f"{str(entry)[:80]} as the place of an array")
    name, shape, offset = entry["name"], entry["shape"], entry["offset"]
    if not isinstance(name, str) or type(offset) is not int or offset < 0 or offset % ALIGNMENT:
        raise LayoutError(f"{str(entry)[:80]} as the place of an array")
    if not isinstance(shape, list) or len(shape) > LARGEST_RANK:
        raise LayoutError(f"the shape {str(shape)[:80]}")
    if not all(type(size) is int and 0 <= size < 2**63 for size in shape):
        raise LayoutError(f"the shape {str(shape)[:80]}")
    return name, _type(entry["dtype"]), tuple(shape), offset


def _bytes_of(array: Array) -> memoryview:
    return array.reshape(-1).view(np.uint8).data if array.size else memoryview(b"")


def _write(descriptor: int, content: memoryview, offset: int) -> None:
    while content:
        written = os.pwrite(descriptor, content[:_LARGEST_READ], offset)
        content = content[written:]
        offset += written


def _read(descriptor: int, target: memoryview, offset: int) -> None:
    while target:
        if hasattr(os, "preadv"):
            got = os.preadv(descriptor, [target[:_LARGEST_READ]], offset)
        else:  # older macOS
            part = os.pread(descriptor, min(len(target), _LARGEST_READ), offset)
            target[: len(part)] = part
            got = len(part)
        if got == 0:
            raise LayoutError("an arena that ends before its arrays do")
        target = target[got:]
        offset += got
