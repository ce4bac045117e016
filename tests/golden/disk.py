"""What happens to a writer when the disk or a kill stops it at one operation after another."""

from __future__ import annotations

import contextlib
import itertools
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from pytest_qparity.golden import store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OPERATIONS = (
    (os, "mkdir"),
    (tempfile, "mkstemp"),
    (Path, "write_bytes"),
    (store, "write_digested"),
    (os, "fsync"),
    (os, "replace"),
    (os, "unlink"),
    (os, "rmdir"),
)


@contextlib.contextmanager
def stopped_at(point: int, stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` just before the operation numbered `point`, in a write after half of it."""
    numbers = itertools.count()

    def counted(home: Any, name: str) -> Callable[..., Any]:
        real = getattr(home, name)

        def operation(*arguments: Any, **options: Any) -> Any:
            if next(numbers) == point:
                if name == "write_bytes":
                    path, content = arguments
                    real(path, content[: len(content) // 2])
                if name == "write_digested":
                    stream, blocks = arguments
                    stream.write(next(iter(blocks)))
                    stream.flush()
                stop()
            return real(*arguments, **options)

        return operation

    with contextlib.ExitStack() as patches:
        for home, name in OPERATIONS:
            patches.enter_context(mock.patch.object(home, name, counted(home, name)))
        yield
