"""How much memory a variant takes, measured in a worker that does nothing else.

The worker imports the backend and its engine, then notes what it holds (idle); what loading and running add to that
at the highest is the peak, child processes included. Megabytes are 10**6 bytes.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_qparity.backends import family
from pytest_qparity.backends.border import load_session, require_available, run_once
from pytest_qparity.backends.device_memory import DevicePeak, MetersDevice, Watch
from pytest_qparity.backends.probing import Probing, unmeasured
from pytest_qparity.backends.protocol import SessionOptions, TellsEngineSize
from pytest_qparity.backends.registry import BackendSpec, load_backend
from pytest_qparity.backends.resident import ResidentWatch, settle

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from pytest_qparity.backends.protocol import Session

_RUNS = 2  # the first run fills the engine's arenas, the second shows whether they are used again
_MORE_RUNS = 8  # after these two, at most: what is allocated later, or in each run anew
_MORE_RUNS_S = 1.0  # they end within this after the second, as far as the run before tells
_FEWEST_GROWN = 4  # runs in a row
_LEAST_GROWN_MB = 0.1  # a run


@dataclass(frozen=True, slots=True)
class MemoryMeasurement:
    """`peak_mb`: the most that loading and running took above `idle_mb`, the process with the engine imported, told by
    `method` with `allocator`; `sampled_peak_mb`: by sampling alone (`backends.resident`). `device_peak_mb`: the most
    that was held of the device's memory, and how that was told; None where the backend computes on the CPU.
    `engine_mb`: of what the engine built of the file; None where the session does not tell of one.

    `runs`: how often it was run; `grown_mb`: by how much a run what is held grew, where it did so in each of the runs
    after the second, and these are enough to tell; None otherwise.
    """

    idle_mb: float
    peak_mb: float
    sampled_peak_mb: float
    method: str
    allocator: str
    engine_mb: float | None = None
    device_peak_mb: float | None = None
    device_method: str = ""
    runs: int = _RUNS
    grown_mb: float | None = None


def measure_memory(probing: Probing) -> MemoryMeasurement:
    """Load the model and run the feed in a worker of its own. Raises CannotJudge where that goes wrong."""
    measured = MemoryMeasurement(**probing.told("pytest_qparity.backends.memory_probe:probe", "memory"))
    if not measured.peak_mb > 0:
        got = f"Got a peak of {measured.peak_mb:.1f} MB above the idle engine, should be above 0."
        raise unmeasured(probing.spec.name, "memory", got, "see whether the variant loads and runs in a fresh process")
    return measured


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
        session = load_session(backend, spec.name, Path(arguments["model"]), options)

        def run() -> Mapping[str, np.ndarray]:
            outputs = run_once(session, feed)
            if on_device is not None:
                on_device.read()
            return outputs

        outputs = []
        for _ in range(_RUNS):
            begun = time.perf_counter()
            outputs.append(run())
        took_s = time.perf_counter() - begun
        del outputs
        held_mb = _held_over(run, took_s)
    told = watch.peak
    measured = MemoryMeasurement(
        idle_mb=told.idle_mb,
        peak_mb=told.peak_mb,
        sampled_peak_mb=told.sampled_mb,
        method=told.method,
        allocator=told.allocator,
        engine_mb=_engine_mb(session),
        runs=_RUNS + len(held_mb) - 1,
        grown_mb=_grown_mb(held_mb),
        **_of_device(on_device),
    )
    session.close()
    return asdict(measured), {}


def _held_over(run: Callable[[], object], took_s: float) -> list[float | None]:
    """What is held now and after each of some more runs, their outputs and all garbage let go of. `took_s`: the run
    before."""
    end = time.perf_counter() + _MORE_RUNS_S
    held = [_held_mb()]
    while len(held) <= _MORE_RUNS and (begun := time.perf_counter()) + took_s < end:
        run()
        held.append(_held_mb())
        took_s = time.perf_counter() - begun
    return held


def _held_mb() -> float | None:
    settle()
    return family.held_mb(family.children())


def _grown_mb(held: Sequence[float | None]) -> float | None:
    told = [each for each in held if each is not None]
    steps = [after - before for before, after in itertools.pairwise(told)]
    if len(told) < len(held) or len(steps) < _FEWEST_GROWN or min(steps) < _LEAST_GROWN_MB:
        return None
    return sum(steps) / len(steps)


def _engine_mb(session: Session) -> float | None:
    size = session.engine_bytes() if isinstance(session, TellsEngineSize) else None
    return None if size is None else size / 1e6


def _of_device(watch: Watch | None) -> dict[str, Any]:
    if watch is None:
        return {}
    told: DevicePeak = watch.peak()
    return {"device_peak_mb": told.peak_mb, "device_method": told.method}
