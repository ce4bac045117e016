from __future__ import annotations

import io
import tracemalloc
from pathlib import Path

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pytest_qparity.golden.manifest import ELEMENT_TYPES
from pytest_qparity.golden.npy import npy_blocks, parse_npy

TYPES = sorted(set(ELEMENT_TYPES.values()))
arrays = hnp.arrays(st.sampled_from(TYPES).map(np.dtype), hnp.array_shapes(min_dims=0, max_dims=4, max_side=5))


def npy_bytes(array):
    return b"".join(bytes(block) for block in npy_blocks(array))


def array_or_sentence(content):
    try:
        return parse_npy(content)
    except ValueError as refusal:
        return str(refusal)


def npy(header: str, elements: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    length = 2 if version == b"\x01\x00" else 4
    text = header + " " * (-(8 + length + len(header) + 1) % 64) + "\n"
    return b"\x93NUMPY" + version + len(text).to_bytes(length, "little") + text.encode("latin-1") + elements


def header(descr: str = "<f4", order: str = "False", shape: str = "(2, 3)") -> str:
    return f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}"


@settings(deadline=None)
@given(arrays)
def test_what_is_written_is_read_bit_for_bit(array):
    read = parse_npy(npy_bytes(array))

    assert (read.dtype, read.shape, read.tobytes()) == (array.dtype, array.shape, array.tobytes())
    assert not read.flags.writeable


@settings(deadline=None)
@given(arrays)
def test_numpy_reads_what_is_written_and_the_parser_what_numpy_writes(array):
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)

    assert np.load(io.BytesIO(npy_bytes(array)), allow_pickle=False).tobytes() == array.tobytes()
    assert parse_npy(stream.getvalue()).tobytes() == array.tobytes()


@pytest.mark.parametrize("version", [b"\x01\x00", b"\x02\x00"])
def test_versions_one_and_two_are_read(version):
    assert parse_npy(npy(header(), np.arange(6, dtype="<f4").tobytes(), version)).tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize("make", [lambda a: a.astype(">f4"), np.asfortranarray, lambda a: a[::1, ::-1][:, ::-1]])
def test_the_same_elements_give_the_same_bytes_however_they_lie_in_memory(make):
    array = np.arange(6, dtype=np.float32).reshape(2, 3)

    assert npy_bytes(make(array)) == npy_bytes(array)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        pytest.param(b"", "got a file that starts with b''", id="empty"),
        pytest.param(b"\x93NUMPY\x01", "got .npy version", id="cut in the version"),
        pytest.param(b"\x93NUMPY\x01\x00v", "got a header of 118 bytes", id="cut in the length"),
        pytest.param(npy(header())[:100], "got a header of", id="cut in the header"),
        pytest.param(npy(header(), bytes(24), b"\x03\x00"), "got .npy version", id="version 3"),
        pytest.param(npy(header() + " " * 11_000, bytes(24)), "got a header of", id="header without measure"),
        pytest.param(b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + bytes(60), "got a header of 4294967295", id="4 GiB header"),
        pytest.param(npy(header("|O"), bytes(24)), "got element type '|O'", id="pickled objects"),
        pytest.param(npy(header(">f4"), bytes(24)), "got element type '>f4'", id="big-endian"),
        pytest.param(npy(header("<c8"), bytes(48)), "got element type '<c8'", id="complex"),
        pytest.param(npy(header("<M8[s]"), bytes(48)), "got element type '<M8[s]'", id="dates"),
        pytest.param(npy(header(order="True"), bytes(24)), "got Fortran order", id="Fortran order"),
        pytest.param(npy(header(), bytes(23)), "got 151 bytes, should be 152", id="one byte short"),
        pytest.param(npy(header(), bytes(25)), "got 153 bytes, should be 152", id="one byte more"),
        pytest.param(npy(header(shape="(0, 3)")), "should hold elements", id="no elements"),
        pytest.param(npy(header(shape="(-2, -3)"), bytes(24)), "got the header", id="negative sizes"),
        pytest.param(npy(header(shape="(02, 3)"), bytes(24)), "got the header", id="octal size"),
        pytest.param(npy(header(shape="(2, 3"), bytes(24)), "got the header", id="open bracket"),
        pytest.param(npy(header(shape="(6)"), bytes(24)), "got the header", id="not a tuple"),
        pytest.param(npy(header(shape="(" + "9" * 30 + ",)"), bytes(24)), "got the header", id="size of 30 digits"),
        pytest.param(npy(header(shape="(" + "1, " * 33 + "1)"), bytes(4)), "got 34 dimensions", id="34 dimensions"),
        pytest.param(npy("__import__('os').abort()", bytes(24)), "got the header", id="code"),
        pytest.param(npy("(" * 5000, bytes(24)), "got the header", id="nesting"),
        pytest.param(npy(header("|b1", shape="(3,)"), b"\x00\x02\x01"), "neither 0 nor 1", id="a bool of 2"),
    ],
)
def test_anything_else_is_refused_in_a_sentence(content, sentence):
    with pytest.raises(ValueError, match=r"^got ") as refusal:
        parse_npy(content)

    assert sentence in str(refusal.value)


def test_elements_that_are_not_aligned_are_refused():
    text = header() + " \n"
    content = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + bytes(24)

    with pytest.raises(ValueError, match="should be from a multiple of 64"):
        parse_npy(content)


@pytest.mark.parametrize(
    "shape", ["(9000000000000000000,)", "(2000000000, 2000000000)", "(65536, 65536, 65536, 65536)"]
)
def test_a_header_that_lies_about_its_size_allocates_nothing(shape):
    content = npy(header(shape=shape), bytes(24))
    tracemalloc.start()

    with pytest.raises(ValueError, match=r"got 152 bytes, should be \d+ for float32"):
        parse_npy(content)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**16


@pytest.mark.parametrize(
    "array", [np.arange(6, dtype="<f4").reshape(2, 3), np.array([True, False]), np.int64(7)], ids=str
)
def test_no_truncation_is_read(array):
    content = npy_bytes(np.asarray(array))

    for length in range(len(content)):
        with pytest.raises(ValueError, match=r"^got "):
            parse_npy(content[:length])


def test_no_flipped_byte_of_the_header_passes_for_another_layout():
    array = np.arange(6, dtype="<f4").reshape(2, 3)
    content = npy_bytes(array)
    start = len(content) - array.nbytes

    read = []
    for position in range(start):
        for value in set(range(256)) - {content[position]}:
            flipped = content[:position] + bytes([value]) + content[position + 1 :]
            read.append(array_or_sentence(flipped))

    # Only types of the same size can take its place: a file is not enough to know, the manifest has type and digest.
    others = [(other.dtype.str, other.shape) for other in read if not isinstance(other, str)]
    assert sorted(others) == [("<i4", (2, 3)), ("<u4", (2, 3))]
    assert all(other.startswith("got ") for other in read if isinstance(other, str))


@settings(deadline=None, max_examples=300)
@given(
    st.binary(max_size=300)
    | st.binary(max_size=200).map(lambda rest: b"\x93NUMPY\x01\x00" + rest)
    | st.builds(
        npy,
        st.builds(
            header,
            st.sampled_from([*TYPES, "|O", "|V8", "<U4", "f4", ""]),
            st.sampled_from(["False", "True", "0"]),
            st.lists(st.integers(-1, 2**70), max_size=4).map(lambda sizes: str(tuple(sizes)))
            | st.text(max_size=20).map(ascii),
        ),
        st.binary(max_size=64),
    )
)
@example(npy(header(shape="()"), bytes(4)))
def test_bytes_of_any_kind_are_an_array_of_exactly_these_bytes_or_a_sentence(content):
    array = array_or_sentence(content)

    if isinstance(array, str):
        assert array.startswith("got ")
    else:
        assert content.endswith(array.tobytes())
        assert array.size > 0
        assert npy_bytes(array)[10:40] == content[10:40]


def test_nothing_is_unpickled():
    class Bomb:
        def __reduce__(self):
            return (Path.touch, (Path("exploded"),))

    stream = io.BytesIO()
    np.save(stream, np.array([Bomb()], dtype=object), allow_pickle=True)

    with pytest.raises(ValueError, match="got element type"):
        parse_npy(stream.getvalue())
    assert not Path("exploded").exists()
