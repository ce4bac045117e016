"""Standard output under another name: what is written goes on to it."""

from __future__ import annotations

import io
from typing import TextIO

__all__ = ["PassingOn"]


class PassingOn(io.TextIOBase):
    """Passes text on to a stream, and says of itself what that one is."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return self._stream.write(text)

    def flush(self) -> None:
        self._stream.flush()

    def close(self) -> None:
        """Of what it passes text to, nobody is done with it."""

    def fileno(self) -> int:
        return self._stream.fileno()

    def isatty(self) -> bool:
        return self._stream.isatty()

    def writable(self) -> bool:
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._stream.encoding
