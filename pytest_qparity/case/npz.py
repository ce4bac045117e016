"""A strict reader for .npz: plain arrays only, every byte accounted for, nothing unpickled."""

from __future__ import annotations

import math
import tokenize
import zipfile
import zlib
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

LFS_POINTER = b"version https://git-lfs.github.com/spec/"

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
_BROKEN = (  # TypeError and TokenError: NumPy reads a header as a Python literal
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    TypeError,
    tokenize.TokenError,
)
_REMEDY = "write the file again with numpy.savez, arrays of numbers only"


def read_npz(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    """The arrays by name, in the order of the file, read-only and in native byte order."""
    _check_kind(path)
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                name = member.filename.removesuffix(".npy")
                if name == member.filename or name in arrays:
                    got = f'"{member.filename}" {"twice" if name in arrays else "in it"}'
                    raise unreadable(path.name, got, "one .npy for each array", _REMEDY)
                with archive.open(member) as stream:
                    arrays[name] = _array(stream, member, path)
    except _BROKEN as error:
        got = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
        raise unreadable(path.name, got, "a whole .npz", "make or fetch the file again; it may be cut short") from None
    except (NotImplementedError, RuntimeError, MemoryError) as error:  # compression, encryption, size
        raise unreadable(path.name, f"{type(error).__name__}: {error}", "a plain .npz", _REMEDY) from None
    return arrays


def unreadable(source: str, got: str, should: str, remedy: str) -> CannotJudge:
    return CannotJudge(Failure(Code.DATA_UNREADABLE, f"{source}: got {got}, should be {should}.", remedy))


def _check_kind(path: Path) -> None:
    try:
        with path.open("rb") as stream:
            start = stream.read(len(LFS_POINTER))
    except OSError as error:
        raise unreadable(path.name, f'"{error.strerror}"', "an .npz that can be read", f"check {path}") from None
    if start == LFS_POINTER:
        raise unreadable(path.name, "a Git LFS pointer", "the data itself", "git lfs pull")
    if start.startswith(b"\x93NUMPY"):
        raise unreadable(path.name, "one array without a name (.npy)", "an .npz", "save it with numpy.savez, by name")


def _array(stream: BinaryIO | Any, member: zipfile.ZipInfo, path: Path) -> np.ndarray[Any, Any]:
    version = np.lib.format.read_magic(stream)
    if version not in _HEADERS:
        raise unreadable(path.name, f'"{member.filename}" in .npy version {version}', "1.0 or 2.0", _REMEDY)
    shape, fortran_order, dtype = _HEADERS[version](stream)
    if dtype.hasobject or dtype.kind not in "biufcU":
        raise unreadable(path.name, f'"{member.filename}" of dtype {dtype}', "numbers or text", _REMEDY)
    content = stream.read()  # to the end, where zipfile compares the checksum
    if len(content) != dtype.itemsize * math.prod(shape):
        got = f'{len(content):,} bytes of values in "{member.filename}"'
        raise unreadable(path.name, got, f"{dtype.itemsize * math.prod(shape):,} for {dtype} {shape}", _REMEDY)
    array: np.ndarray[Any, Any] = np.frombuffer(content, dtype).reshape(shape, order="F" if fortran_order else "C")
    return array if dtype.isnative else array.astype(dtype.newbyteorder("="))
