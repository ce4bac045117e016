"""stdout of a command: what its encoding lacks is escaped, and what cannot be written ends the command as such."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sys
from collections.abc import Iterator

from pytest_qparity.commands.passing import PassingOn

__all__ = ["OutputLostError", "checked_stdout", "discard_stdout", "encodable"]


class OutputLostError(Exception):
    """What a command prints cannot be written: a full disk, or nobody who reads. No OSError: commands catch those of
    the files that they read and write, and would blame one of these."""

    def __init__(self, error: OSError) -> None:
        super().__init__(error.strerror or str(error))
        self.is_nobody_reading = isinstance(error, BrokenPipeError)


@contextlib.contextmanager
def checked_stdout() -> Iterator[None]:
    """Within, and as it ends, stdout raises OutputLostError where it cannot be written."""
    if sys.stdout is None:  # as Python leaves it where descriptor 1 is closed
        raise OutputLostError(OSError(errno.EBADF, os.strerror(errno.EBADF)))
    checked = _Checked(sys.stdout)
    with contextlib.redirect_stdout(checked):
        try:
            yield
        finally:
            checked.flush()


def discard_stdout() -> None:
    """What is still held goes nowhere: Python flushes it as it ends, and would say that it cannot."""
    with contextlib.suppress(OSError, AttributeError):  # not of a descriptor, or closed
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def encodable(text: str, encoding: str | None) -> str:
    """`text` with what `encoding` lacks as an escape (`\\u2013`) that JSON reads as the character itself."""
    try:
        text.encode(encoding or "utf-8")
    except UnicodeEncodeError:
        return "".join(character if _has(encoding, character) else json.dumps(character)[1:-1] for character in text)
    return text


def _has(encoding: str | None, character: str) -> bool:
    try:
        character.encode(encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


class _Checked(PassingOn):
    def write(self, text: str) -> int:
        try:
            return super().write(encodable(text, self.encoding))
        except OSError as error:
            raise OutputLostError(error) from None

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            raise OutputLostError(error) from None
