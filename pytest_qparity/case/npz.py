"""A strict reader for .npz: plain arrays only, every byte accounted for, nothing unpickled."""

from __future__ import annotations

import contextlib
import io
import math
import tokenize
import zipfile
import zlib
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import Any

LFS_POINTER = b"version https://git-lfs.github.com/spec/"
MOST_MEMBERS = 1_000  # arrays in an .npz: a model has a handful of inputs
LARGEST_HEADER = 4_096  # bytes: NumPy writes 118, and evaluates what it is given as a Python literal

_HEADERS = {  # the bytes that hold a header's length, and what reads both
    (1, 0): (2, np.lib.format.read_array_header_1_0),
    (2, 0): (4, np.lib.format.read_array_header_2_0),
}
_BOUNDED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # zipfile expands others without a bound, whatever they declare
_BROKEN = (
    SyntaxError,  # TypeError and TokenError: NumPy reads a header as a Python literal
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    TypeError,
    tokenize.TokenError,
)
_REMEDY = "write the file again with numpy.savez, arrays of numbers only"


def read_npz(path: Path, largest_mb: float) -> dict[str, np.ndarray[Any, Any]]:
    """The arrays by name, in the order of the file, read-only and in native byte order.

    More than `largest_mb` is refused: a file of some kilobytes may declare any amount of zeros.
    """
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    with _opened(path) as archive:
        members = _members(archive, path)
        _require_size(path.name, members, largest_mb)
        for member in members:
            name = member.filename.removesuffix(".npy")
            if name == member.filename or name in arrays:
                got = f'"{member.filename}" {"twice" if name in arrays else "in it"}'
                raise unreadable(path.name, got, "one .npy for each array", _REMEDY)
            with archive.open(member) as stream:
                arrays[name] = _array(stream, member.filename, member.file_size, path)
    return arrays


def read_npy(path: Path, largest_mb: float) -> np.ndarray[Any, Any]:
    """The array of an .npy file, as strictly as one in an .npz."""
    _check_readable(path, ".npy")
    require_npy_size(path.name, [path], largest_mb)
    try:
        with path.open("rb") as stream:
            return _array(stream, path.name, path.stat().st_size, path)
    except _BROKEN as error:
        got = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
        raise unreadable(path.name, got, "a whole .npy", "make or fetch the file again; it may be cut short") from None


def require_npy_size(source: str, files: Iterable[Path], largest_mb: float) -> None:
    """Refuse .npy files that are larger than `largest_mb` in all; they hold what they are."""
    _require_bytes(source, sum(path.stat().st_size for path in files if path.exists()), largest_mb)


def require_size_together(source: str, files: Iterable[Path], largest_mb: float) -> None:
    """Refuse files that declare more than `largest_mb` in all, before anything in them is decompressed."""
    members: list[zipfile.ZipInfo] = []
    for path in files:
        with _opened(path) as archive:
            members += _members(archive, path)
    _require_size(source, members, largest_mb)


def _require_size(source: str, members: Iterable[zipfile.ZipInfo], largest_mb: float) -> None:
    """What a member declares is the most that is read of it, so that none gets round the limit by declaring less."""
    _require_bytes(source, sum(member.file_size for member in members), largest_mb)


def _require_bytes(source: str, declared: int, largest_mb: float) -> None:
    if declared > largest_mb * 1e6:
        got = f"{declared / 1e6:,.1f} MB of arrays"
        remedy = "give fewer samples, or allow more: --qparity-largest-data-mb"
        raise unreadable(source, got, f"at most {largest_mb:,g} MB", remedy)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive; what goes wrong while it is open is a failure that says so."""
    _check_kind(path)
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except _BROKEN as error:
        got = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
        raise unreadable(path.name, got, "a whole .npz", "make or fetch the file again; it may be cut short") from None
    except (NotImplementedError, RuntimeError, MemoryError) as error:  # compression, encryption, size
        raise unreadable(path.name, f"{type(error).__name__}: {error}", "a plain .npz", _REMEDY) from None


def _members(archive: zipfile.ZipFile, path: Path) -> list[zipfile.ZipInfo]:
    members = archive.infolist()
    if len(members) > MOST_MEMBERS:
        raise unreadable(path.name, f"{len(members):,} arrays", f"at most {MOST_MEMBERS:,}", "give one for each input")
    for member in members:
        if member.compress_type not in _BOUNDED:
            got = f'"{member.filename}" in zip compression {member.compress_type}'
            raise unreadable(path.name, got, "stored or deflated", _REMEDY)
    return members


def unreadable(source: str, got: str, should: str, remedy: str) -> CannotJudge:
    return CannotJudge(Failure(Code.DATA_UNREADABLE, f"{source}: got {got}, should be {should}.", remedy))


def _check_kind(path: Path) -> None:
    start = _check_readable(path, ".npz")
    if start.startswith(b"\x93NUMPY"):
        raise unreadable(path.name, "one array without a name (.npy)", "an .npz", "save it with numpy.savez, by name")


def _check_readable(path: Path, kind: str) -> bytes:
    """The first bytes of a file that is there and no pointer of Git LFS."""
    try:
        with path.open("rb") as stream:
            start = stream.read(len(LFS_POINTER))
    except OSError as error:
        raise unreadable(path.name, f'"{error.strerror}"', f"an {kind} that can be read", f"check {path}") from None
    if start == LFS_POINTER:
        raise unreadable(path.name, "a Git LFS pointer", "the data itself", "git lfs pull")
    return start


def _array(stream: BinaryIO | Any, name: str, size: int, path: Path) -> np.ndarray[Any, Any]:
    version = np.lib.format.read_magic(stream)
    if version not in _HEADERS:
        raise unreadable(path.name, f'"{name}" in .npy version {version}', "1.0 or 2.0", _REMEDY)
    shape, fortran_order, dtype = _header(stream, version, name, path)
    if dtype.hasobject or dtype.kind not in "biufcU":
        raise unreadable(path.name, f'"{name}" of dtype {dtype}', "numbers or text", _REMEDY)
    content = stream.read(size)  # to the end, where zipfile compares the checksum
    if len(content) != dtype.itemsize * math.prod(shape):
        got = f'{len(content):,} bytes of values in "{name}"'
        raise unreadable(path.name, got, f"{dtype.itemsize * math.prod(shape):,} for {dtype} {shape}", _REMEDY)
    array: np.ndarray[Any, Any] = np.frombuffer(content, dtype).reshape(shape, order="F" if fortran_order else "C")
    return array if dtype.isnative else array.astype(dtype.newbyteorder("="))


def _header(
    stream: BinaryIO | Any, version: tuple[int, int], name: str, path: Path
) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether in Fortran's order, and dtype; no more than LARGEST_HEADER bytes get to NumPy's evaluator."""
    width, read = _HEADERS[version]
    length = stream.read(width)
    stated = int.from_bytes(length, "little")
    if stated > LARGEST_HEADER:
        got = f'a header of {stated:,} bytes in "{name}"'
        raise unreadable(path.name, got, f"at most {LARGEST_HEADER:,}", _REMEDY)
    found: tuple[tuple[int, ...], bool, np.dtype[Any]] = read(io.BytesIO(length + stream.read(stated)))
    return found
