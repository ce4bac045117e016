"""Arrays between processes: one writes them into shared memory, the other finds them by a layout.

The owner trusts nobody who shares its memory: it maps only memory that is sealed against shrinking, since a page that
is gone ends a process by SIGBUS, and copies each array once, so that none changes after it was looked at.
"""

from __future__ import annotations

import contextlib
import math
import mmap
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np

ALIGNMENT = 64  # one cache line and one AVX-512 register: engines read the same way wherever an array lies
LARGEST_RANK = 32
_LARGEST_TRANSFER = 2**30  # Linux moves no more than 0x7ffff000 bytes at a time
_EXTENDED = frozenset(name for name in dir(ml_dtypes) if isinstance(getattr(ml_dtypes, name), type))

Array = np.ndarray[Any, Any]


class LayoutError(ValueError):
    """A layout that does not describe arrays in its arena."""


class Arena:
    """Shared memory without a name, by its owner: it is gone when nobody holds `descriptor`.

    memfd is not /dev/shm, of which containers have 64 MB. Where the system has none, an unlinked file serves, which
    nothing seals: it is written and read by system calls.
    """

    def __init__(self) -> None:
        self.descriptor, self._is_sealed = _opened()
        self._mapped = _Mapping(self.descriptor)

    def write(self, arrays: Mapping[str, Array]) -> list[dict[str, Any]]:
        """Write `arrays` into the arena, which grows as needed; their layout."""
        layout, size = layout_of(arrays)
        _grow(self.descriptor, size)
        for place, array in zip(_places(layout), arrays.values(), strict=True):
            if self._is_sealed:
                self._mapped.view(place)[...] = array
            else:
                _write(self.descriptor, _bytes_of(np.ascontiguousarray(array)), place.offset)
        return layout

    def read(self, layout: object, most_bytes: float) -> dict[str, Array]:
        """Copies of the arrays that a layout from the other side describes. Raises LayoutError."""
        available = min(os.fstat(self.descriptor).st_size, most_bytes)
        arrays: dict[str, Array] = {}
        total = 0
        for place in _places(layout):
            if place.name in arrays:
                raise LayoutError(f'two arrays "{place.name}"')
            total += place.bytes
            if place.offset + place.bytes > available or total > available:
                raise LayoutError(
                    f'an array "{place.name}" of {place.bytes:,} bytes, should be within {available:,.0f}'
                )
            arrays[place.name] = self._copied(place)
        return arrays

    def close(self) -> None:
        self._mapped.close()
        os.close(self.descriptor)

    def _copied(self, place: _Place) -> Array:
        try:
            array = np.empty(place.shape, place.dtype)
        except (ValueError, MemoryError) as error:  # (0, 2**62) has no bytes and is none that NumPy makes
            raise LayoutError(f"the shape {place.shape} ({error})") from None
        if self._is_sealed:
            array[...] = self._mapped.view(place)
        else:
            _read(self.descriptor, _bytes_of(array), place.offset)
        return array


class GivenArena:
    """The same memory by the process that was given it: engines read and write there without a copy."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._mapped = _Mapping(descriptor)

    def views(self, layout: object) -> dict[str, Array]:
        """The arrays as views of the arena."""
        return {place.name: self._mapped.view(place) for place in _places(layout)}

    def put(self, arrays: Mapping[str, Array]) -> list[dict[str, Any]]:
        """Copy `arrays` into the arena, which grows as needed; their layout."""
        layout, size = layout_of(arrays)
        _grow(self._descriptor, size)
        for array, view in zip(arrays.values(), self.views(layout).values(), strict=True):
            view[...] = array
        return layout


def layout_of(arrays: Mapping[str, Array]) -> tuple[list[dict[str, Any]], int]:
    """Where each array goes, and the bytes that all of them take."""
    layout = []
    offset = 0
    for name, array in arrays.items():
        layout.append({"name": name, "dtype": _type_name(array.dtype), "shape": list(array.shape), "offset": offset})
        offset += -(-array.nbytes // ALIGNMENT) * ALIGNMENT
    return layout, offset


def described(layout: object) -> dict[str, tuple[np.dtype[Any], tuple[int, ...]]]:
    """Types and shapes of the arrays of a layout from the other side, by name. Raises LayoutError."""
    return {place.name: (place.dtype, place.shape) for place in _places(layout)}


def room_of(arrays: Mapping[str, Array]) -> int:
    """The bytes that `arrays` take in an arena."""
    return layout_of(arrays)[1]


def aligned(array: Array) -> Array:
    """A C-ordered copy that begins at a multiple of ALIGNMENT bytes, as arrays in an arena do."""
    buffer = np.empty(array.nbytes + ALIGNMENT, np.uint8)
    offset = -buffer.ctypes.data % ALIGNMENT
    copy: Array = buffer[offset : offset + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


@dataclass(frozen=True, slots=True)
class _Place:
    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    offset: int

    @property
    def bytes(self) -> int:
        return self.dtype.itemsize * math.prod(self.shape)


class _Mapping:
    """A file descriptor as memory, mapped anew where it has grown; older mappings live while views of them do."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._memory: mmap.mmap | None = None

    def view(self, place: _Place) -> Array:
        if not place.bytes:
            return np.empty(place.shape, place.dtype)
        if self._memory is None or len(self._memory) < place.offset + place.bytes:
            self._memory = mmap.mmap(self._descriptor, os.fstat(self._descriptor).st_size)
        return np.ndarray(place.shape, place.dtype, self._memory, place.offset)

    def close(self) -> None:
        """Unmap; with a view of it still held that is left to whoever lets go of the view last."""
        if self._memory is not None:
            with contextlib.suppress(BufferError):
                self._memory.close()


def _opened() -> tuple[int, bool]:
    """A descriptor, and whether its memory can never shrink."""
    if hasattr(os, "memfd_create"):
        with contextlib.suppress(OSError):  # a kernel or sandbox that refuses it
            descriptor = os.memfd_create("qparity", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
            return descriptor, _sealed(descriptor)
    descriptor, name = tempfile.mkstemp(prefix="qparity-arena-")
    os.unlink(name)  # noqa: PTH108  the name of an open file
    return descriptor, False


def _sealed(descriptor: int) -> bool:
    import fcntl

    try:
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL)
    except OSError:
        return False
    return True


def _grow(descriptor: int, size: int) -> None:
    if size > os.fstat(descriptor).st_size:
        os.ftruncate(descriptor, size)


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


def _places(layout: object) -> list[_Place]:
    if not isinstance(layout, list):
        raise LayoutError(f"a {type(layout).__name__} as layout")
    return [_place(entry) for entry in layout]


def _place(entry: object) -> _Place:
    if not isinstance(entry, dict) or entry.keys() != {"name", "dtype", "shape", "offset"}:
        raise LayoutError(f"{str(entry)[:80]} as the place of an array")
    name, shape, offset = entry["name"], entry["shape"], entry["offset"]
    if not isinstance(name, str) or type(offset) is not int or offset < 0 or offset % ALIGNMENT:
        raise LayoutError(f"{str(entry)[:80]} as the place of an array")
    if not isinstance(shape, list) or len(shape) > LARGEST_RANK:
        raise LayoutError(f"the shape {str(shape)[:80]}")
    if not all(type(size) is int and 0 <= size < 2**63 for size in shape):
        raise LayoutError(f"the shape {str(shape)[:80]}")
    return _Place(name, _type(entry["dtype"]), tuple(shape), offset)


def _bytes_of(array: Array) -> memoryview:
    return array.reshape(-1).view(np.uint8).data if array.size else memoryview(b"")


def _write(descriptor: int, content: memoryview, offset: int) -> None:
    while content:
        written = os.pwrite(descriptor, content[:_LARGEST_TRANSFER], offset)
        content = content[written:]
        offset += written


def _read(descriptor: int, target: memoryview, offset: int) -> None:
    while target:
        if hasattr(os, "preadv"):
            got = os.preadv(descriptor, [target[:_LARGEST_TRANSFER]], offset)
        else:  # older macOS
            part = os.pread(descriptor, min(len(target), _LARGEST_TRANSFER), offset)
            target[: len(part)] = part
            got = len(part)
        if got == 0:
            raise LayoutError("an arena that ends before its arrays do")
        target = target[got:]
        offset += got
