from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_qparity.worker.frames import LARGEST_FRAME, ChannelClosed, FrameError, frame_of, read_frame

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(), values, max_size=3),
    max_leaves=10,
)


def reader(content: bytes, at_once: int = 2**20) -> Callable[[int], bytes]:
    """`read(n)` over `content`, which comes in pieces of at most `at_once` bytes."""
    position = 0

    def read(count: int) -> bytes:
        nonlocal position
        part = content[position : position + min(count, at_once)]
        position += len(part)
        return part

    return read


@given(st.dictionaries(st.text(), JSON, max_size=4), st.integers(1, 7))
def test_a_message_comes_back_as_it_went_however_it_is_cut(message: dict[str, object], at_once: int) -> None:
    assert read_frame(reader(frame_of(message), at_once)) == message


def test_messages_follow_one_another() -> None:
    read = reader(frame_of({"a": 1}) + frame_of({"b": 2}))

    assert [read_frame(read), read_frame(read)] == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize("cut", [0, 1, 3, 4, 5])
def test_an_end_in_the_middle_is_an_end(cut: int) -> None:
    with pytest.raises(ChannelClosed):
        read_frame(reader(frame_of({"a": 1})[:cut]))


def test_nothing_is_read_by_the_word_of_a_length_beyond_the_limit() -> None:
    with pytest.raises(FrameError, match="at most"):
        read_frame(reader(struct.pack("!I", LARGEST_FRAME + 1)))


def test_no_message_is_sent_that_nobody_would_read() -> None:
    with pytest.raises(FrameError, match="at most"):
        frame_of({"a": "x" * LARGEST_FRAME})


@pytest.mark.parametrize(
    "content", [b"nope", b"\xff\xfe", b"[1]", b"1", b"[" * 100_000, b'{"a": ' + b"9" * 5000 + b"}"]
)
def test_what_is_no_table_in_json_is_refused(content: bytes) -> None:
    with pytest.raises(FrameError):
        read_frame(reader(struct.pack("!I", len(content)) + content))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_table_an_end_or_an_error(content: bytes) -> None:
    with contextlib.suppress(FrameError, ChannelClosed):
        assert isinstance(read_frame(reader(content)), dict)
