"""Control messages between processes: four bytes of length (big-endian), then that many bytes of JSON."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from typing import Any

LARGEST_FRAME = 64 * 2**20
PROGRESS = "progress"  # the one key of a message that is no answer: how far the call is
_LENGTH = struct.Struct("!I")


class FrameError(ValueError):
    """What came is no frame; the text says what it is."""


class ChannelClosed(Exception):  # noqa: N818  # not an error: it is how a channel ends
    """The other side is gone."""


def frame_of(message: Mapping[str, Any]) -> bytes:
    """Raises FrameError where the message is larger than a frame may be."""
    content = json.dumps(message, separators=(",", ":")).encode()
    if len(content) > LARGEST_FRAME:
        raise FrameError(f"a message of {len(content):,} bytes, should be at most {LARGEST_FRAME:,}")
    return _LENGTH.pack(len(content)) + content


def read_frame(read: Callable[[int], bytes]) -> dict[str, Any]:
    """The next message; `read(n)` gives 1 to n bytes, or none at the end.

    Nothing is allocated by the word of a length beyond LARGEST_FRAME. Raises FrameError, or ChannelClosed.
    """
    (length,) = _LENGTH.unpack(_exactly(read, _LENGTH.size))
    if length > LARGEST_FRAME:
        raise FrameError(f"a frame of {length:,} bytes, should be at most {LARGEST_FRAME:,}")
    content = _exactly(read, length)
    try:
        message = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise FrameError(f"{content[:40]!r} ({type(error).__name__}), should be JSON") from None
    if not isinstance(message, dict):
        raise FrameError(f"a {type(message).__name__}, should be a table")
    return message


def _exactly(read: Callable[[int], bytes], count: int) -> bytes:
    parts = []
    while count:
        part = read(min(count, 2**20))
        if not part:
            raise ChannelClosed
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
