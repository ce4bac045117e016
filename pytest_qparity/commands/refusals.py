"""What every command of `qparity` refuses before it works: wrong usage, and files that it would write over."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pytest_qparity.report.text import printable, printable_lines, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pytest_qparity.verdict import Failure

__all__ = ["say_failure", "usage", "why_not_written"]


def usage(message: str) -> int:
    """Say what is wrong with a command: its exit status."""
    print(f"qparity: {printable(message)}", file=sys.stderr)
    return 2


def say_failure(failure: Failure, what: str = "") -> None:
    """A failure on stderr, wrapped. `what`: whose it is, beside the code."""
    head = f"{failure.code.code}  {what}" if what else failure.code.code
    lines = [head, wrapped("", failure.sentence), wrapped("Try:    ", failure.remedy)]
    print(printable_lines("\n".join(lines)), file=sys.stderr)


def why_not_written(output: Path, role: str, sources: Iterable[Path | None], *, force: bool) -> str | None:
    """Why a file is not written, asked before any work; None where it is. `role`: how a sentence names its option."""
    from pytest_qparity.durable import require_room

    if any(source is not None and output.resolve() == source.resolve() for source in sources):
        return f"got {output} {role} too, should be another file: it is read"
    try:
        require_room(output)
    except OSError as error:
        return f"got {error.strerror or error} {role} {output}, should be a regular file, or none yet"
    if output.exists() and not force:
        return f"got a file already at {output}, should be none: name another, or say --force"
    return None
