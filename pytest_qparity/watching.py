"""How far a long call is, shown behind what pytest has written of its line: on a terminal, and nowhere else."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

    from pytest_qparity.worker.protocol import Watch

_SAVE, _RESTORE, _ERASE = "\x1b7", "\x1b8", "\x1b[K"  # the cursor's place, and the rest of the line (ECMA-48, DEC)
_LEAST_ROOM = 20  # columns: in fewer nothing can be read


def watch_of(config: pytest.Config) -> Watch | None:
    """None where nobody looks: output is no terminal, or has no control sequences; `-q`; pytest-xdist's workers."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not reporter.isatty or config.get_verbosity() < 0:
        return None
    writer, capture = config.get_terminal_writer(), config.pluginmanager.get_plugin("capturemanager")
    if not writer.hasmarkup:
        return None

    def watch(work: str, text: str) -> None:
        room = writer.fullwidth - writer.width_of_current_line - 2
        if room < _LEAST_ROOM:
            return
        shown = f" {work}: {text}"[:room] if text else ""
        with contextlib.nullcontext() if capture is None else capture.global_and_fixture_disabled():
            # Past the writer, which would take it for a part of its line.
            writer._file.write(f"{_SAVE}{shown}{_ERASE}{_RESTORE}")
            writer.flush()

    return watch
