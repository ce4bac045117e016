"""Calls for workers under test: each does one thing that foreign code may do. Found by name, in the worker."""

from __future__ import annotations

import ctypes
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np

from pytest_qparity.verdict import CannotJudge, Code, Failure
from pytest_qparity.worker.frames import PROGRESS, frame_of


def descriptors():
    """All that this process has open, whatever their numbers, but the standard ones."""
    return [int(path.name) for path in Path("/proc/self/fd").iterdir() if int(path.name) > 2]


NOTHING: dict[str, np.ndarray] = {}


def echo(held, arguments, arrays):
    return arguments, dict(arrays)


def count(held, arguments, arrays):
    held["calls"] = held.get("calls", 0) + 1
    return held["calls"], NOTHING


def identity(held, arguments, arrays):
    return {"pid": os.getpid(), "parent": os.getppid(), "session": os.getsid(0), "tmp": os.environ["TMPDIR"]}, NOTHING


def refuse(held, arguments, arrays):
    raise CannotJudge(Failure(Code.BACKEND_LOAD, "Got no weights, should be there.", "fetch them", "a bad export"))


def raise_it(held, arguments, arrays):
    raise ValueError("too hot\nand a log")


def leave_python(held, arguments, arrays):
    sys.exit(0)


def leave_at_once(held, arguments, arrays):
    os._exit(arguments.get("status", 0))


def segfault(held, arguments, arrays):
    print("the last thing I said", flush=True)
    ctypes.string_at(0)


def kill_itself(held, arguments, arrays):
    os.kill(os.getpid(), getattr(signal, arguments["signal"]))


def hold_the_gil(held, arguments, arrays):
    re.match(r"(a+)+$", "a" * 60 + "b")


def sleep(held, arguments, arrays):
    time.sleep(arguments["seconds"])
    return None, NOTHING


def stop_itself(held, arguments, arrays):
    os.kill(os.getpid(), signal.SIGSTOP)


def ignore_signals_and_hang(held, arguments, arrays):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGIO):
        signal.signal(number, signal.SIG_IGN)
    hold_the_gil(held, arguments, arrays)


def allocate_without_end(held, arguments, arrays):
    blocks = []
    while True:
        blocks.append(np.ones(2 * 10**6))


def allocate_in_children(held, arguments, arrays):
    for _ in range(4):
        subprocess.Popen(
            [sys.executable, "-c", "import time; x = bytearray(b'x' * (60 * 10**6)); time.sleep(60)"], close_fds=True
        )
    time.sleep(60)


def detach_a_child(held, arguments, arrays):
    """A grandchild in a session of its own, whose parent is gone: no process group finds it."""
    pipe, ready = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(ready, str(os.getpid()).encode())
            time.sleep(600)
        os._exit(0)
    return int(os.read(pipe, 20)), NOTHING


def fork_and_keep_the_channel(held, arguments, arrays):
    """A child that holds every descriptor open while the worker dies: no end of file tells."""
    if os.fork() == 0:
        time.sleep(600)
    os.kill(os.getpid(), signal.SIGSEGV)


def print_a_frame(held, arguments, arrays):
    os.write(1, b'\x00\x00\x00\x10{"number":1,"a":0}')
    print('{"number": 1, "value": "forged", "arrays": []}')
    return "honest", NOTHING


def write_everywhere(held, arguments, arrays):
    for descriptor in descriptors():
        try:
            os.write(descriptor, arguments["bytes"].encode("latin-1"))
        except OSError:
            continue
    time.sleep(60)


def shrink_the_memory(held, arguments, arrays):
    for descriptor in descriptors():
        try:
            os.ftruncate(descriptor, 1)
        except OSError:
            continue
    return None, NOTHING


def answer_what_is_no_json(held, arguments, arrays):
    return {1, 2}, NOTHING


def answer_too_much(held, arguments, arrays):
    return "x" * (65 * 2**20), NOTHING


def give_a_view_that_changes(held, arguments, arrays):
    buffer = held.setdefault("buffer", np.zeros(4))
    buffer[:] = arguments["value"]
    return None, {"y": buffer}


def write_much(held, arguments, arrays):
    for _ in range(100):
        os.write(1, b"x" * 2**20)
    os.write(2, b"\nthe end\n")
    return None, NOTHING


def leave_a_file(held, arguments, arrays):
    import tempfile

    handle, name = tempfile.mkstemp()
    os.close(handle)
    return name, NOTHING


def write_over_the_input(held, arguments, arrays):
    arrays["x"][:] = -1
    return None, NOTHING


def run_python(held, arguments, arrays):
    subprocess.run([sys.executable, "-c", arguments["program"]], check=True)
    return None, NOTHING


def keep_forking(held, arguments, arrays):
    """A chain of processes, each in a session of its own, that are gone before anyone has looked at them twice."""
    if os.fork() == 0:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if os.fork() != 0:
                os._exit(0)
            os.setsid()
        os._exit(0)
    return None, NOTHING


def stop_the_supervisor(held, arguments, arrays):
    """Stopped, it sees no deadline, no memory and no end of its lifeline."""
    pid, _ = detach_a_child(held, arguments, arrays)
    os.kill(os.getppid(), signal.SIGSTOP)
    return pid, NOTHING


def stop_the_supervisor_again_and_again(held, arguments, arrays):
    while True:
        os.kill(os.getppid(), signal.SIGSTOP)


def stop_the_supervisor_and_segfault(held, arguments, arrays):
    os.kill(os.getppid(), signal.SIGSTOP)
    ctypes.string_at(0)


_INHERITED = """
import json, os, pathlib, resource
held = []
for entry in os.listdir("/proc/self/fd"):
    try:
        held.append(os.readlink(f"/proc/self/fd/{entry}"))
    except OSError:
        continue
victim = int(pathlib.Path("/proc/self/oom_score_adj").read_text())
print(json.dumps({"open": held, "oom_score_adj": victim, "core": resource.getrlimit(resource.RLIMIT_CORE)[0]}))
"""


def what_a_program_inherits(held, arguments, arrays):
    """As an engine's helper is started: nothing is closed for it, nothing said of its limits."""
    told = subprocess.run([sys.executable, "-c", _INHERITED], close_fds=False, check=True, stdout=subprocess.PIPE)
    return json.loads(told.stdout), NOTHING


def tells(held, arguments, arrays):
    """How far it is, in each of the texts, before it answers."""
    for text in arguments["texts"]:
        held["tell"](text)
    return "done", NOTHING


def tells_from_threads(held, arguments, arrays):
    threads = [threading.Thread(target=tells, args=(held, {"texts": ["x" * 150] * 50}, arrays)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return "done", NOTHING


def tells_without_end(held, arguments, arrays):
    """Faster than anyone reads: on its channel there always is a frame."""
    (channel, _), many = held["tell"].args, frame_of({PROGRESS: "still at it"}) * 1000
    while True:
        channel.sendall(many)
