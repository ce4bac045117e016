"""How much memory a variant takes, measured in a fresh process that does nothing else.

The process imports the backend and its engine, then notes what it holds (idle); what loading and running add to that
at the highest is the peak. Megabytes are 10**6 bytes.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_qparity.backends.outputs import load_session, require_available
from pytest_qparity.backends.protocol import Optimizer, SessionOptions
from pytest_qparity.backends.registry import BackendSpec, load_backend
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from pytest_qparity.case.data import Feed

TIMEOUT_S = 120.0
_RUNS = 2  # the first run fills the engine's arenas, the second shows whether they are used again
_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


@dataclass(frozen=True, slots=True)
class MemoryMeasurement:
    """`peak_mb`: the most that loading and running took above `idle_mb`, the process with the engine imported.

    `method`: "VmHWM"; "VmHWM since start" where the kernel cannot reset it, "ru_maxrss" where there is no /proc. These
    two miss what stays below the highest point of the engine's import.
    """

    idle_mb: float
    peak_mb: float
    method: str


def measure_memory(
    spec: BackendSpec, model: Path, feed: Feed, options: SessionOptions, timeout_s: float = TIMEOUT_S
) -> MemoryMeasurement:
    """Load `model` and run `feed` in a fresh process. Whatever goes wrong there is CannotJudge, never a number.

    The process finds modules where this one does: it gets this one's `sys.path`. A backend that is defined in a
    conftest.py or in a notebook is not on it and cannot be measured.
    """
    with tempfile.TemporaryDirectory(prefix="qparity-memory-") as name:
        folder = Path(name)
        request = {
            "spec": {"name": spec.name, "target": spec.target, "activation": spec.activation},
            "model": str(model.absolute()),
            "feed": str(folder / "feed.npz"),
            "inputs": _write_feed(folder / "feed.npz", feed.arrays),
            "threads": options.threads,
            "optimizer": options.optimizer.value,
            "timeout_s": timeout_s,
        }
        (folder / "request").write_text(json.dumps(request))
        returned = _run_probe(folder, spec.name, timeout_s)
        reply = _read_reply(folder)
        stderr = (folder / "stderr").read_bytes()
    if returned != 0 or reply is None:
        raise _unmeasured(spec.name, f"{_ending(returned)} ({_last_line(stderr)})")
    if "failure" in reply:
        raise _unmeasured(spec.name, reply["failure"])
    measured = MemoryMeasurement(**reply)
    if not measured.peak_mb > 0:
        raise _unmeasured(spec.name, f"a peak of {measured.peak_mb:.1f} MB above the idle engine, should be above 0")
    return measured


def _write_feed(path: Path, arrays: Mapping[str, np.ndarray]) -> list[tuple[str, str]]:
    """Arrays under their index: an input's name may be no file name, and .npz forgets bfloat16 and its kind."""
    import numpy as np

    np.savez(path, **{f"array_{index}": array for index, array in enumerate(arrays.values())})  # type: ignore[arg-type]
    return [(name, array.dtype.name) for name, array in arrays.items()]


def _run_probe(folder: Path, name: str, timeout_s: float) -> int:
    """Start the probe on files alone, in a session of its own: nothing it leaves behind keeps us waiting on a pipe."""
    command = [sys.executable, "-P", "-m", "pytest_qparity.backends.memory_probe"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)}
    with (
        (folder / "request").open("rb") as stdin,
        (folder / "stdout").open("wb") as stdout,
        (folder / "stderr").open("wb") as stderr,
    ):
        process = subprocess.Popen(
            command, stdin=stdin, stdout=stdout, stderr=stderr, env=environment, start_new_session=True
        )
        try:
            return process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise _unmeasured(name, f"no answer within {timeout_s:g} s (it was killed)") from None
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _read_reply(folder: Path) -> dict[str, Any] | None:
    lines = (folder / "stdout").read_text(errors="replace").splitlines()
    try:
        reply = json.loads(lines[-1])
    except (IndexError, ValueError):
        return None
    return reply if isinstance(reply, dict) else None


def _ending(returned: int) -> str:
    if returned >= 0:
        return f"a process that ended with status {returned} and no measurement"
    try:
        return f"a process that was ended by {signal.Signals(-returned).name}"
    except ValueError:
        return f"a process that was ended by signal {-returned}"


def _last_line(stderr: bytes) -> str:
    lines = [line.strip() for line in stderr.decode(errors="replace").splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it wrote nothing to stderr"


def _unmeasured(name: str, got: str) -> CannotJudge:
    return CannotJudge(
        Failure(
            Code.MEMORY_UNMEASURED,
            f'The memory probe of backend "{name}" got {got.removeprefix("got ")}.',
            "see whether the variant loads and runs in a fresh process; a backend must be importable from sys.path",
        )
    )


def main() -> None:
    """The probe's side: a request on stdin, one line of JSON on what was stdout when it started."""
    answer = os.dup(1)
    os.dup2(2, 1)  # engines print to stdout, also from C
    request = json.load(sys.stdin)
    # If the parent is killed nobody ends this process; the default action of SIGALRM does, inside native code too.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, request["timeout_s"] + 5)
    try:
        reply = _measure(request)
    except CannotJudge as reason:
        reply = {"failure": reason.failure.sentence}
    os.write(answer, json.dumps(reply).encode() + b"\n")


def _measure(request: Mapping[str, Any]) -> dict[str, Any]:
    spec = BackendSpec(**request["spec"])
    backend = require_available(load_backend(spec), spec.name)
    feed = _read_feed(Path(request["feed"]), request["inputs"])
    options = SessionOptions(request["threads"], Optimizer(request["optimizer"]))
    _settle()
    method = _restart_peak()
    idle = _highest_mb()
    session = load_session(backend, spec.name, Path(request["model"]), options)
    held = [session.run(feed) for _ in range(_RUNS)]
    peak = _highest_mb()
    del held
    session.close()
    return {"idle_mb": idle, "peak_mb": peak - idle, "method": method}


def _read_feed(path: Path, inputs: list[tuple[str, str]]) -> dict[str, np.ndarray]:
    import ml_dtypes
    import numpy as np

    with np.load(path, allow_pickle=False) as stored:
        arrays = [stored[f"array_{index}"] for index in range(len(inputs))]
    return {
        name: array.view(getattr(ml_dtypes, dtype) if hasattr(ml_dtypes, dtype) else np.dtype(dtype))
        for (name, dtype), array in zip(inputs, arrays, strict=True)
    }


def _settle() -> None:
    """Give freed memory back, so that the model cannot live in what the imports left over and seem to cost nothing."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _restart_peak() -> str:
    """Let the peak begin at what is resident now, where the kernel can; tells what `_highest_mb` reads."""
    try:
        _CLEAR.write_text("5")  # proc(5): sets the peak resident size to the current one
    except OSError:
        return "VmHWM since start" if _STATUS.exists() else "ru_maxrss"
    return "VmHWM"


def _highest_mb() -> float:
    """VmHWM where there is /proc: Linux hands ru_maxrss down from the parent, so that a large one would hide us."""
    import resource

    if _STATUS.exists():
        fields = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines() if ":" in line)
        return int(fields["VmHWM"].split()[0]) * 1024 / 1e6
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest / 1e6 if sys.platform == "darwin" else highest * 1024 / 1e6


if __name__ == "__main__":
    main()
