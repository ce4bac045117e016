"""`.npy` files, read strictly and written the same on every machine.

Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html. Of it, versions 1.0 and 2.0 with
plain little-endian numbers in C order are read: no pickle, nothing evaluated, nothing allocated by a header's word.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pytest_qparity.golden.manifest import ELEMENT_TYPES, LARGEST_RANK

if TYPE_CHECKING:
    import mmap
    from collections.abc import Iterator

MAGIC = b"\x93NUMPY"
ALIGNMENT = 64
BLOCK_ELEMENTS = 2**18  # keeps masks and copies of a block small beside the array
LARGEST_HEADER = 10_000  # NumPy's own limit
LENGTH_BYTES = {b"\x01\x00": 2, b"\x02\x00": 4}
SIZE = r"(?:0|[1-9][0-9]{0,18})"
HEADER = re.compile(
    r"\{'descr': '([^']{1,16})', 'fortran_order': (False|True), "
    rf"'shape': \((|{SIZE},|{SIZE}(?:, {SIZE})+)\), \}} *\n"
)


def parse_npy(content: bytes | mmap.mmap) -> npt.NDArray[Any]:
    """The array in an `.npy` file's bytes, as a read-only view of them; ValueError says "got X, should be Y"."""
    header, start = _header(content)
    found = HEADER.fullmatch(header)
    if found is None:
        raise ValueError(f"got the header {header[:120]!r}, should be type, order and shape as NumPy writes them")
    descr, fortran_order, sizes = found.groups()
    if descr not in ELEMENT_TYPES.values():
        raise ValueError(
            f"got element type {descr!r}, should be one of {', '.join(sorted(set(ELEMENT_TYPES.values())))}"
        )
    if fortran_order == "True":
        raise ValueError("got Fortran order, should be C order")
    shape = tuple(int(size) for size in sizes.split(",") if size.strip())
    if len(shape) > LARGEST_RANK:
        raise ValueError(f"got {len(shape)} dimensions, should be at most {LARGEST_RANK}")
    dtype, elements = np.dtype(descr), math.prod(shape)
    if not elements:
        raise ValueError(f"got shape {shape}, should hold elements")
    if len(content) != (size := start + elements * dtype.itemsize):
        raise ValueError(f"got {len(content)} bytes, should be {size} for {dtype} of shape {shape}")
    if dtype == np.bool_ and np.max(np.frombuffer(content, np.uint8, elements, start)) > 1:
        raise ValueError("got a bool that is neither 0 nor 1")
    return np.frombuffer(content, dtype, elements, start).reshape(shape)


def npy_blocks(array: npt.NDArray[Any]) -> Iterator[bytes | memoryview]:
    """An `.npy` file, version 1.0, of an array of a type in ELEMENT_TYPES, as its header and blocks of elements.

    The same bytes for the same elements, however they lie in memory; where they lie as the file has them, nothing is
    copied.
    """
    descr = ELEMENT_TYPES[array.dtype.name]
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {array.shape}, }}"
    padding = -(len(MAGIC) + 4 + len(header) + 1) % ALIGNMENT
    text = f"{header}{' ' * padding}\n".encode("ascii")
    yield MAGIC + b"\x01\x00" + len(text).to_bytes(2, "little") + text
    for block in blocks_of(array.view(np.uint16) if array.dtype.name == "bfloat16" else array, np.dtype(descr)):
        yield block.view(np.uint8).data


def blocks_of(array: npt.NDArray[Any], dtype: np.dtype[Any] | None = None) -> Iterator[npt.NDArray[Any]]:
    """The elements in C order, as 1-D blocks that are views where memory allows it; `dtype`: in this byte order."""
    blocks: Any = np.nditer(  # type: ignore[call-overload]  # NumPy's stubs lack "contig"
        array,
        flags=["external_loop", "buffered", "zerosize_ok"],
        op_flags=[["readonly", "contig"]],
        op_dtypes=[dtype or array.dtype],
        order="C",
        casting="equiv",
        buffersize=BLOCK_ELEMENTS,
    )
    return iter(blocks)


def _header(content: bytes | mmap.mmap) -> tuple[str, int]:
    """The header's text and where the elements start."""
    if content[:6] != MAGIC:
        raise ValueError(f"got a file that starts with {bytes(content[:6])!r}, should be {MAGIC!r}")
    if (version := content[6:8]) not in LENGTH_BYTES:
        raise ValueError(f"got .npy version {version!r}, should be 1.0 or 2.0")
    start = 8 + LENGTH_BYTES[version]
    length = int.from_bytes(content[8:start], "little")
    if len(content) < start or length > LARGEST_HEADER or len(content) < start + length:
        raise ValueError(f"got a header of {length} bytes in a file of {len(content)}, should fit")
    if (start + length) % ALIGNMENT:
        raise ValueError(f"got elements from byte {start + length}, should be from a multiple of {ALIGNMENT}")
    return content[start : start + length].decode("latin-1"), start + length
