"""`qparity` in a user's project, without a process of its own for each command."""

from __future__ import annotations

import contextlib
import io
import subprocess
from pathlib import Path

from pytest_qparity.cli import main


def qparity(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What the command does and says in `folder`; an exception that reaches its end is the test's."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main(arguments)
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 1
    return subprocess.CompletedProcess(arguments, status, out.getvalue(), err.getvalue())
