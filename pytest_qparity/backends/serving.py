"""What a worker does for a backend: calls that `hosted` makes, answered beside the engine.

A worker serves one backend, kept under BACKEND, and its sessions, kept under their numbers.
"""

from __future__ import annotations

import math
import os
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_qparity.backends.border import (
    facts_of,
    kernels_of,
    load_session,
    require_available,
    run_once,
    unavailable_of,
)
from pytest_qparity.backends.energy import Unreadable, meter_for
from pytest_qparity.backends.engine_options import require_taken
from pytest_qparity.backends.kernels import NotTold
from pytest_qparity.backends.protocol import SessionOptions, TellsEngineSize, TellsInputs
from pytest_qparity.backends.registry import BackendSpec, load_backend
from pytest_qparity.backends.rollout import BEFORE, FED, fitting_states, stacked
from pytest_qparity.backends.sides import Here
from pytest_qparity.backends.start_probe import StartMeasurement
from pytest_qparity.backends.timing import Question, Times, alone, end_to_end, in_turn
from pytest_qparity.backends.watched import Watched, WatchedWhole, are_equal, copied
from pytest_qparity.worker.arena import aligned, layout_of
from pytest_qparity.worker.server import TELL

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from pytest_qparity.backends.protocol import Backend, Session

    Held = dict[str, Any]
    Arguments = Mapping[str, Any]
    Arrays = Mapping[str, np.ndarray]
    Result = tuple[Any, Arrays]

BACKEND = "backend"
HAS_LOADED = "has loaded"  # whether a session was ever loaded here, or tried to
KEPT = "kept"  # outputs of one session that wait for those of another
SIDE = "side"  # a session that is timed in turn with one of another worker
CALLS = "calls"


@dataclass(frozen=True, slots=True)
class FirstRun:
    """What a session was fed first, and how long that run took: from arrays to arrays, by the host's clock."""

    shapes: Mapping[str, tuple[int, ...]]
    took_ms: float


@dataclass(slots=True)
class Opened:
    """A session, and what a run of it was fed and gave, before it was run again and again: the first run whose outputs
    were judged; until there was one, the first of all."""

    session: Session
    load_ms: float | None = None  # None where the worker had loaded something before
    first_run: FirstRun | None = None
    first_feed: Arrays | None = None
    first_outputs: Arrays = field(default_factory=dict)
    was_judged: bool = False

    def run(self, feed: Arrays, most_bytes: float) -> Arrays:
        """The arrays may be the engine's own buffers. Outputs beyond `most_bytes` are not remembered."""
        if self.first_feed is not None:
            return run_once(self.session, feed)
        fed = copied(feed)  # an engine may write over its input
        begun = time.perf_counter()
        outputs = run_once(self.session, feed)
        took_ms = (time.perf_counter() - begun) * 1e3
        self.first_run = self.first_run or FirstRun(_shapes_of(feed), took_ms)
        if layout_of(outputs)[1] <= most_bytes:
            self.first_feed, self.first_outputs = fed, copied(outputs)
        return outputs

    def run_judged(self, feed: Arrays, most_bytes: float) -> Arrays:
        """The same, of outputs that leave the worker and are judged: what is timed must give those, and no others
        that a run before them gave."""
        if not self.was_judged:
            self.first_feed, self.first_outputs = None, {}
        outputs = self.run(feed, most_bytes)
        self.was_judged = self.was_judged or self.first_feed is not None
        return outputs


def unavailable(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    """Import the engine: an Unavailable as JSON where it does not work here, None where it does."""
    if BACKEND in held:
        return None, {}
    spec = BackendSpec(**arguments["spec"])
    backend = load_backend(spec)
    missing = unavailable_of(backend, spec.name)
    if missing is not None:
        return {"reason": missing.reason, "remedy": missing.remedy, "waivable": missing.waivable}, {}
    held[BACKEND] = backend
    return None, {}


def load(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    """Load a variant; the number of its session."""
    is_first = HAS_LOADED not in held
    session, load_ms = _loaded(held, arguments)
    number = str(sum(name.isdecimal() for name in held))  # those of closed sessions are held too
    held[number] = Opened(session, load_ms if is_first else None)
    return number, {}


def start(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    """How long the session took to load and to run first, as `start_probe` would tell it of a worker of its own.

    None where that one would tell something else: another session was loaded here before, the first run was of other
    shapes than the feed, the engine was built before it was loaded, or energy can be read, which takes runs.
    """
    opened = _opened(held, arguments["session"])
    first = opened.first_run
    if opened.load_ms is None or first is None or first.shapes != _shapes_of(arrays) or _builds(opened.session):
        return None, {}
    try:
        meter_for(held[BACKEND])
    except Unreadable as reason:
        measured = StartMeasurement(opened.load_ms, first.took_ms, energy_untold=str(reason))
        return asdict(measured), {}
    return None, {}


def run(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    """The outputs; where they take more than `most_bytes` (None: any) none, and how they are laid out as the value."""
    most_bytes = math.inf if arguments["most_bytes"] is None else arguments["most_bytes"]
    outputs = _opened(held, arguments["session"]).run_judged(arrays, most_bytes)
    layout, size = layout_of(outputs)
    if size > most_bytes:
        return layout, {}
    return None, outputs


def roll_out(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    """Outputs of steps with an axis in front that counts them, as many as are laid out alike ("done"); where those of
    the next take more than `most_bytes`, how they are laid out ("layout")."""
    opened = _opened(held, arguments["session"])
    fed, before = (
        {name.removeprefix(kind): array for name, array in arrays.items() if name.startswith(kind)}
        for kind in (FED, BEFORE)
    )
    done: list[Arrays] = []
    for index, begins in enumerate(arguments["begins"]):
        feed = {name: aligned(array[index, ...]) for name, array in fed.items()}  # as a step that comes alone is
        outputs = copied(opened.run(feed if begins else {**feed, **before}, arguments["most_bytes"]))
        layout, size = layout_of(outputs)
        if size > arguments["most_bytes"]:
            return {"done": len(done), "layout": layout}, stacked(done)
        if done and layout != layout_of(done[0])[0]:
            break
        done.append(outputs)
        states = fitting_states(outputs, feed, arguments["state"])
        before = {name: aligned(array) for name, array in states.items()}
    return {"done": len(done), "layout": None}, stacked(done)


def run_alone(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    """Load, run once, close: the outputs."""
    session, _ = _loaded(held, arguments)
    try:
        return None, run_once(session, arrays)
    finally:
        session.close()


def run_and_keep(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    """Run, and keep the outputs here for `compare_with_kept`."""
    held[KEPT] = copied(_opened(held, arguments["session"]).run(arrays, math.inf))
    return None, {}


def compare_with_kept(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    """Run, and tell whether the outputs are bit-equal to those that were kept, and whether any of them is a float."""
    outputs = _opened(held, arguments["session"]).run(arrays, math.inf)
    has_floats = any(array.dtype.kind not in "iub" for array in outputs.values())
    return {"are_equal": are_equal(outputs, held.pop(KEPT)), "has_floats": has_floats}, {}


def facts(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    return asdict(facts_of(_opened(held, arguments["session"]).session)), {}


def kernels(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    """What the session tells of its kernels, or {"not_told": why}."""
    told = kernels_of(_opened(held, arguments["session"]).session)
    return {"not_told": told.reason} if isinstance(told, NotTold) else told.as_json(), {}


def inputs(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    """Types of the session's inputs by name, as NumPy and ml_dtypes call them; None where it does not tell them."""
    session = _opened(held, arguments["session"]).session
    if not isinstance(session, TellsInputs):
        return None, {}
    return {name: dtype.name for name, dtype in session.inputs().items()}, {}


def close(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    _opened(held, arguments["session"]).session.close()
    held[arguments["session"]] = None  # numbers are not given out twice
    return None, {}


def time_alone(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    watched = _watched(held, arguments["session"], arrays)
    times = alone(watched, Question.from_json(arguments["question"]))
    measured = _arrays_of(times, watched)
    watched.look_again()
    return {"clock": times.clock.value, "conditions": times.conditions}, measured


def time_in_turn(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    variant = _watched(held, arguments["session"], arrays)
    counterpart = _watched(held, arguments["counterpart"], arrays)
    times = in_turn(Here(variant), Here(counterpart), Question.from_json(arguments["question"]))
    blocks = {"variant_ms": times.variant_ms, "counterpart_ms": times.counterpart_ms}
    measured = blocks | _arrays_of(times.of_variant, variant)
    variant.look_again()
    counterpart.look_again()
    told = {"clock": times.of_variant.clock.value, "conditions": times.of_variant.conditions}
    return {**told, "interrupted": times.interrupted, "sound": times.sound}, measured


def begin_blocks(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    """Have a session timed block by block, in turn with one of another worker: whether it computes on a device, whose
    process it is, and the processor time that this has used."""
    watched = _watched(held, arguments["session"], arrays)
    held[SIDE] = watched, Here(watched)
    return {"computes_elsewhere": watched.computes_elsewhere, **_used()}, {}


def with_copies(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    """From now on, time runs with all copies."""
    watched, _ = held[SIDE]
    held[SIDE] = watched, Here(WatchedWhole(watched))
    return None, {}


def timed_block(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    """A block of calls, and what `begin_blocks` tells."""
    _, side = held[SIDE]
    return _used(), {CALLS: side.block(arguments["skipped"], arguments["counted"]).as_array()}


def look_at_block(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    held[SIDE][1].rest(look=True)
    return None, {}


def end_blocks(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    watched, _ = held.pop(SIDE)
    watched.look_again()
    return None, {}


def _used() -> dict[str, float]:
    return {"pid": os.getpid(), "used_s": time.process_time()}


def _arrays_of(times: Times, watched: Watched) -> dict[str, np.ndarray]:
    return {"calls_ms": times.ms, "is_sound": times.is_sound, **_end_to_end(watched)}


def _end_to_end(watched: Watched) -> Arrays:
    """Of a session that is timed on its device; of any other all that is timed is end to end."""
    return {"end_to_end_ms": end_to_end(watched.run_whole)} if watched.computes_elsewhere else {}


def _watched(held: Held, number: str, feed: Arrays) -> Watched:
    """A session and what it gave for the feed before, in the run that was judged; where it was never fed that, now."""
    opened = _opened(held, number)
    if opened.first_feed is None or not are_equal(opened.first_feed, feed):
        opened.first_feed = None
        opened.run(feed, math.inf)
    return Watched(opened.session, feed, opened.first_outputs)


def _builds(session: Session) -> bool:
    """Whether an engine is built of the file, and kept: the session that is first to load it waits for that."""
    return isinstance(session, TellsEngineSize) and session.engine_bytes() is not None


def _shapes_of(feed: Arrays) -> dict[str, tuple[int, ...]]:
    return {name: array.shape for name, array in feed.items()}


def _loaded(held: Held, arguments: Arguments) -> tuple[Session, float]:
    """A session, and how many ms it took from the file to it: the engine is imported before."""
    options = replace(SessionOptions.from_json(arguments["options"]), tell=held.get(TELL))
    spec = BackendSpec(**arguments["spec"])
    require_taken(spec.name, spec.options, options.engine)
    backend = _backend(held, arguments)
    held[HAS_LOADED] = True
    begun = time.perf_counter()
    session = load_session(backend, spec.name, Path(arguments["model"]), options)
    return session, (time.perf_counter() - begun) * 1e3


def _backend(held: Held, arguments: Arguments) -> Backend:
    if BACKEND not in held:
        spec = BackendSpec(**arguments["spec"])
        held[BACKEND] = require_available(load_backend(spec), spec.name)
    backend: Backend = held[BACKEND]
    return backend


def _opened(held: Held, number: str) -> Opened:
    opened: Opened | None = held.get(number)
    if opened is None:
        raise ValueError("got a closed session, should be an open one")
    return opened
