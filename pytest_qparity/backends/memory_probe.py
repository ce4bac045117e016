"""How much memory a variant takes, measured in a worker that does nothing else.

The worker imports the backend and its engine, then notes what it holds (idle); what loading and running add to that
at the highest is the peak. Megabytes are 10**6 bytes.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_qparity.backends.border import load_session, require_available, run_once
from pytest_qparity.backends.device_memory import DevicePeak, MetersDevice, Watch
from pytest_qparity.backends.protocol import SessionOptions
from pytest_qparity.backends.registry import BackendSpec, load_backend
from pytest_qparity.verdict import CannotJudge, Code, Failure
from pytest_qparity.worker.limits import Phase

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from pytest_qparity.case.feeding import Feed
    from pytest_qparity.worker.limits import Limits
    from pytest_qparity.worker.protocol import Worker

_RUNS = 2  # the first run fills the engine's arenas, the second shows whether they are used again
_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


@dataclass(frozen=True, slots=True)
class MemoryMeasurement:
    """`peak_mb`: the most that loading and running took above `idle_mb`, the process with the engine imported.

    `method`: "VmHWM"; "VmHWM since start" where the kernel cannot reset it, "ru_maxrss" where there is no /proc. These
    two miss what stays below the highest point of the engine's import. `device_peak_mb`: the most that was held of the
    device's memory, and how that was told; None where the backend computes on the CPU.
    """

    idle_mb: float
    peak_mb: float
    method: str
    device_peak_mb: float | None = None
    device_method: str = ""


def measure_memory(
    spec: BackendSpec, model: Path, feed: Feed, options: SessionOptions, limits: Limits
) -> MemoryMeasurement:
    """Load `model` and run `feed` in a worker of its own. Whatever goes wrong there is CannotJudge, never a number."""
    arguments = {
        "spec": asdict(spec),
        "model": str(model.absolute()),
        "options": options.as_json(),
    }
    worker = _fresh_worker(limits)
    try:
        phase = Phase("memory probe", limits.load_s + limits.first_run_s + limits.run_s)
        work = f'Backend "{spec.name}" with {model.name}'
        answer = worker.call("pytest_qparity.backends.memory_probe:probe", arguments, feed.arrays, work, phase)
        measured = MemoryMeasurement(**answer.value)
    except CannotJudge as reason:
        raise _unmeasured(spec.name, reason.failure.sentence, reason.failure.remedy) from reason
    finally:
        worker.close()
    if not measured.peak_mb > 0:
        got = f"Got a peak of {measured.peak_mb:.1f} MB above the idle engine, should be above 0."
        raise _unmeasured(spec.name, got, "see whether the variant loads and runs in a fresh process")
    return measured


def _fresh_worker(limits: Limits) -> Worker:
    """Always a process: what this one holds besides the session has no end."""
    from pytest_qparity.worker.process import WorkerProcess

    return WorkerProcess(limits)


def _unmeasured(name: str, sentence: str, remedy: str) -> CannotJudge:
    return CannotJudge(Failure(Code.MEMORY_UNMEASURED, f'The memory of backend "{name}": {sentence}', remedy))


def probe(
    held: Mapping[str, Any], arguments: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
) -> tuple[dict[str, Any], Mapping[str, np.ndarray]]:
    """The worker's side."""
    import numpy as np

    spec = BackendSpec(**arguments["spec"])
    backend = require_available(load_backend(spec), spec.name)
    feed = {name: np.array(array) for name, array in arrays.items()}  # held before, so that it is not counted
    options = SessionOptions.from_json(arguments["options"])
    watch = Watch(backend.device_meter()) if isinstance(backend, MetersDevice) else None
    _settle()
    method = _restart_peak()
    idle = _highest_mb()
    with watch or contextlib.nullcontext():
        session = load_session(backend, spec.name, Path(arguments["model"]), options)
        outputs = []
        for _ in range(_RUNS):
            outputs.append(run_once(session, feed))
            if watch is not None:
                watch.read()
    peak = _highest_mb()
    del outputs
    session.close()
    return {"idle_mb": idle, "peak_mb": peak - idle, "method": method, **_of_device(watch)}, {}


def _of_device(watch: Watch | None) -> dict[str, Any]:
    if watch is None:
        return {}
    told: DevicePeak = watch.peak()
    return {"device_peak_mb": told.peak_mb, "device_method": told.method}


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
