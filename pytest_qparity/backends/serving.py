"""What a worker does for a backend: calls that `hosted` makes, answered beside the engine.

A worker serves one backend, kept under BACKEND, and its sessions, kept under their numbers.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_qparity.backends.border import facts_of, load_session, require_available, run_once
from pytest_qparity.backends.protocol import Optimizer, SessionOptions
from pytest_qparity.backends.registry import BackendSpec, load_backend
from pytest_qparity.backends.timing import alone, in_turn, runs_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from pytest_qparity.backends.protocol import Backend, Session

    Held = dict[str, Any]
    Arguments = Mapping[str, Any]
    Arrays = Mapping[str, np.ndarray]
    Result = tuple[Any, Arrays]

BACKEND = "backend"


def available(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    """Import the engine; raises CannotJudge where it does not work here."""
    _backend(held, arguments)
    return None, {}


def load(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    """Load a variant; the number of its session."""
    options = SessionOptions(arguments["threads"], Optimizer(arguments["optimizer"]))
    backend = _backend(held, arguments)
    session = load_session(backend, arguments["spec"]["name"], Path(arguments["model"]), options)
    number = str(len(held))
    held[number] = session
    return number, {}


def run(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    return None, run_once(_session(held, arguments["session"]), arrays)


def facts(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    return asdict(facts_of(_session(held, arguments["session"]))), {}


def close(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    _session(held, arguments["session"]).close()
    held[arguments["session"]] = None  # numbers are not given out twice
    return None, {}


def time_alone(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    call = runs_of(_session(held, arguments["session"]), arrays)
    return None, {"variant_ms": alone(call, arguments["seconds"])}


def time_in_turn(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    variant = runs_of(_session(held, arguments["session"]), arrays)
    counterpart = runs_of(_session(held, arguments["counterpart"]), arrays)
    times = in_turn(variant, counterpart, arguments["seconds"])
    measured = {"variant_ms": times.variant_ms, "counterpart_ms": times.counterpart_ms}
    return {"interrupted": times.interrupted, "sound": times.sound}, measured


def _backend(held: Held, arguments: Arguments) -> Backend:
    if BACKEND not in held:
        spec = BackendSpec(**arguments["spec"])
        held[BACKEND] = require_available(load_backend(spec), spec.name)
    backend: Backend = held[BACKEND]
    return backend


def _session(held: Held, number: str) -> Session:
    session: Session | None = held.get(number)
    if session is None:
        raise ValueError("got a closed session, should be an open one")
    return session
