"""python -m tests.golden.killed_writer write|remove FOLDER...: in the n-th folder, be killed at the n-th operation.

Prints the status of each process on a line: -9 where it was killed, 0 where it came to its end.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from pytest_qparity.golden import remove_golden, write_golden
from tests.golden.disk import stopped_at
from tests.golden.goldens import golden


def killed(command: str, folder: Path, point: int) -> int:
    process = os.fork()
    if process:
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    with stopped_at(point, lambda: os.kill(os.getpid(), signal.SIGKILL)):
        if command == "write":
            write_golden(folder, golden(seed=1))
        else:
            remove_golden(folder)
    os._exit(0)


if __name__ == "__main__":
    for number, name in enumerate(sys.argv[2:]):
        print(killed(sys.argv[1], Path(name), number), flush=True)
