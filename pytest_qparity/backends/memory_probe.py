"""What a variant costs besides time a sample, measured in a worker that does nothing else: memory, the time to load and
of the first run, the size of the built engine, energy.

The worker imports the backend and its engine, then notes what it holds (idle); what loading and running add to that
at the highest is the peak. Megabytes are 10**6 bytes.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_qparity.backends.border import load_session, require_available, run_once
from pytest_qparity.backends.device_memory import DevicePeak, MetersDevice, Watch
from pytest_qparity.backends.energy import Unreadable, joules_per_run, meter_for
from pytest_qparity.backends.protocol import SessionOptions, TellsEngineSize
from pytest_qparity.backends.registry import BackendSpec, load_backend
from pytest_qparity.backends.resident import ResidentWatch
from pytest_qparity.verdict import CannotJudge, Code, Failure
from pytest_qparity.worker.limits import Phase

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from pytest_qparity.backends.protocol import Backend, Session
    from pytest_qparity.case.feeding import Feed
    from pytest_qparity.worker.limits import Limits
    from pytest_qparity.worker.protocol import Worker


@dataclass(frozen=True, slots=True)
class MemoryMeasurement:
    """`peak_mb`: the most that loading and running took above `idle_mb`, the process with the engine imported, told by
    `method`; `sampled_peak_mb`: the same by sampling alone (`backends.resident`). `device_peak_mb`: the most that was
    held of the device's memory, and how that was told; None where the backend computes on the CPU.

    `load_ms`: from the file to a session; `first_run_ms`: of its first run, from arrays to arrays. Both by the host's
    clock, in a process that has imported the engine and loaded nothing before. `engine_mb`: of what the engine built of
    the file; None where the session does not tell of one. `joule_per_sample`: of runs one after the other, told by
    `energy_method`; None where nobody counts it, which `energy_untold` explains.
    """

    idle_mb: float
    peak_mb: float
    sampled_peak_mb: float
    method: str
    load_ms: float
    first_run_ms: float
    engine_mb: float | None = None
    device_peak_mb: float | None = None
    device_method: str = ""
    joule_per_sample: float | None = None
    energy_method: str = ""
    energy_untold: str = ""


def measure_memory(
    spec: BackendSpec, model: Path, feed: Feed, options: SessionOptions, limits: Limits
) -> MemoryMeasurement:
    """Load `model` and run `feed` in a worker of its own. Whatever goes wrong there is CannotJudge, never a number."""
    arguments = {
        "spec": asdict(spec),
        "model": str(model.absolute()),
        "options": options.as_json(),
        "samples": feed.count,
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
    on_device = Watch(backend.device_meter()) if isinstance(backend, MetersDevice) else None
    with ResidentWatch() as watch, on_device or contextlib.nullcontext():
        begun = time.perf_counter()
        session = load_session(backend, spec.name, Path(arguments["model"]), options)
        loaded = time.perf_counter()
        outputs = [run_once(session, feed)]  # fills the engine's arenas
        has_run = time.perf_counter()
        _read(on_device)
        outputs.append(run_once(session, feed))  # shows whether they are used again
        _read(on_device)
    del outputs
    told = watch.peak
    measured = MemoryMeasurement(
        idle_mb=told.idle_mb,
        peak_mb=told.peak_mb,
        sampled_peak_mb=told.sampled_mb,
        method=told.method,
        load_ms=(loaded - begun) * 1e3,
        first_run_ms=(has_run - loaded) * 1e3,
        engine_mb=_engine_mb(session),
        **_of_device(on_device),
        **_energy(backend, session, feed, arguments["samples"]),
    )
    session.close()
    return asdict(measured), {}


def _energy(backend: Backend, session: Session, feed: Mapping[str, np.ndarray], samples: int) -> dict[str, Any]:
    try:
        meter = meter_for(backend)
        taken = joules_per_run(lambda: run_once(session, feed), meter)
    except Unreadable as reason:
        return {"energy_untold": str(reason)}
    return {"joule_per_sample": taken / samples, "energy_method": meter.method}


def _engine_mb(session: Session) -> float | None:
    size = session.engine_bytes() if isinstance(session, TellsEngineSize) else None
    return None if size is None else size / 1e6


def _read(watch: Watch | None) -> None:
    if watch is not None:
        watch.read()


def _of_device(watch: Watch | None) -> dict[str, Any]:
    if watch is None:
        return {}
    told: DevicePeak = watch.peak()
    return {"device_peak_mb": told.peak_mb, "device_method": told.method}
