"""How long a variant takes to load and to run first, and what energy its samples take, in a worker that has imported
the engine and loaded nothing yet."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_qparity.backends.border import load_session, require_available, run_once
from pytest_qparity.backends.energy import Unreadable, joules_per_run, meter_for
from pytest_qparity.backends.protocol import SessionOptions
from pytest_qparity.backends.registry import BackendSpec, load_backend

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from pytest_qparity.backends.probing import Probing
    from pytest_qparity.backends.protocol import Backend, Session


@dataclass(frozen=True, slots=True)
class StartMeasurement:
    """`load_ms`: from the file to a session; `first_run_ms`: of its first run, from arrays to arrays; by the host's
    clock. `joule_per_sample`: of runs one after the other, told by `energy_method`; None where nobody counts it, which
    `energy_untold` explains.
    """

    load_ms: float
    first_run_ms: float
    joule_per_sample: float | None = None
    energy_method: str = ""
    energy_untold: str = ""


def measure_start(probing: Probing) -> StartMeasurement:
    """Load the model and run the feed in a worker of its own. Raises CannotJudge where that goes wrong."""
    return StartMeasurement(**probing.told("pytest_qparity.backends.start_probe:probe", "start"))


def probe(
    held: Mapping[str, Any], arguments: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
) -> tuple[dict[str, Any], Mapping[str, np.ndarray]]:
    """The worker's side."""
    spec = BackendSpec(**arguments["spec"])
    backend = require_available(load_backend(spec), spec.name)
    options = SessionOptions.from_json(arguments["options"])
    begun = time.perf_counter()
    session = load_session(backend, spec.name, Path(arguments["model"]), options)
    loaded = time.perf_counter()
    run_once(session, arrays)
    has_run = time.perf_counter()
    energy = _energy(backend, session, arrays, arguments["samples"])
    session.close()
    return asdict(StartMeasurement((loaded - begun) * 1e3, (has_run - loaded) * 1e3, **energy)), {}


def _energy(backend: Backend, session: Session, feed: Mapping[str, np.ndarray], samples: int) -> dict[str, Any]:
    try:
        meter = meter_for(backend)
        taken = joules_per_run(lambda: run_once(session, feed), meter)
    except Unreadable as reason:
        return {"energy_untold": str(reason)}
    return {"joule_per_sample": taken / samples, "energy_method": meter.method}
