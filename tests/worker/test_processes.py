"""Whose memory is whose."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_qparity.worker import processes

STARTS = """
import os, sys
os.posix_spawn("/bin/sh", ["sh", "-c", "echo; read line"], {},
               file_actions=[(os.POSIX_SPAWN_OPEN, 3, sys.argv[1], os.O_RDONLY, 0)])
os.wait()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the C library of Linux spawns by vfork")
def test_a_process_that_has_not_begun_its_program_holds_its_parents_memory(tmp_path: Path) -> None:
    """Between vfork and exec it waits for somebody to write into `gate`."""
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    command = [sys.executable, "-c", STARTS, str(gate)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        while not (children := processes.descendants(parent.pid)):
            assert parent.poll() is None

        before = processes.with_own_memory(children | {parent.pid})
        gate.write_bytes(b"")
        parent.stdout.readline()  # its program has begun
        after = processes.with_own_memory(children | {parent.pid})
        parent.stdin.close()

    assert before == {parent.pid}
    assert after == children | {parent.pid}
