"""Drift: how far a recurrent variant gets from the golden, step by step of its recordings.

Two curves: *free-running*, in which the variant's states are its own, as they are in use; and *from FP32 states*, in
which each step begins where the golden was, so that only what one step adds is left. Their distance is what feedback
makes of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pytest_qparity.quantmath.measures import sqnr_db

if TYPE_CHECKING:
    from pytest_qparity.verdict import Verdict

    Outputs = Mapping[str, np.ndarray]

__all__ = ["Drift", "Window", "drift_of", "with_drift"]


@dataclass(frozen=True, slots=True)
class Window:
    """SQNR over the steps `first` to `last` of all recordings; −inf where a value is NaN or infinite."""

    first: int
    last: int
    free_running_db: float
    from_golden_db: float


@dataclass(frozen=True, slots=True)
class Drift:
    """One output's curve over windows that double: steps 1, 2–3, 4–7, … `first_below`: the first step (over all
    recordings) whose free-running SQNR is below the limit; None where none is, or there is no limit."""

    windows: tuple[Window, ...]
    first_below: int | None
    first_nonfinite: int | None


def drift_of(
    golden: Outputs, free_running: Outputs, from_golden: Outputs, steps: np.ndarray, limit_db: float | None
) -> dict[str, Drift]:
    """The curves of the float outputs. All arrays: (samples, …), laid out alike; `steps`: int64 (samples,), from 1."""
    return {
        name: _drift(expected, free_running[name], from_golden[name], steps, limit_db)
        for name, expected in golden.items()
        if expected.dtype.kind not in "iub" and len(expected) == len(steps)
    }


def with_drift(verdict: Verdict, drifts: Mapping[str, Drift], recordings: int) -> Verdict:
    """A parity verdict with the curves beside it, in its evidence and as a note for each output."""
    evidence = {
        **verdict.evidence,
        "sequence": {"recordings": recordings, "drift": {name: _as_json(drift) for name, drift in drifts.items()}},
    }
    notes = tuple(f'"{name}" {_told(drift)}' for name, drift in drifts.items())
    return replace(verdict, evidence=evidence, notes=(*verdict.notes, *notes))


def _drift(
    golden: np.ndarray, free: np.ndarray, forced: np.ndarray, steps: np.ndarray, limit_db: float | None
) -> Drift:
    longest = int(steps.max())
    signal, free_error = _powers(golden, free)
    _, forced_error = _powers(golden, forced)
    signal, free_error, forced_error = (
        np.bincount(steps, weights=each, minlength=longest + 1) for each in (signal, free_error, forced_error)
    )
    windows = []
    for exponent in range(longest.bit_length()):
        first, last = 1 << exponent, min((2 << exponent) - 1, longest)
        taken = slice(first, last + 1)
        over = [float(each[taken].sum()) for each in (signal, free_error, forced_error)]
        windows.append(Window(first, last, _db(over[0], over[1]), _db(over[0], over[2])))
    by_step = [_db(float(signal[step]), float(free_error[step])) for step in range(1, longest + 1)]
    below = None if limit_db is None else next((i for i, db in enumerate(by_step, 1) if not db >= limit_db), None)
    return Drift(tuple(windows), below, next((i for i, db in enumerate(by_step, 1) if db == -math.inf), None))


def _powers(golden: np.ndarray, output: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Σ g² and Σ (o − g)² of each sample, float64 (samples,), in units of the golden's largest value; an error that is
    NaN counts as infinite."""
    largest = float(np.abs(golden).max(initial=0.0)) or 1.0
    signal, error = np.empty(len(golden)), np.empty(len(golden))
    with np.errstate(all="ignore"):
        for index, (expected, got) in enumerate(zip(golden, output, strict=True)):
            wide = np.asarray(expected, np.float64).ravel() / largest
            away = np.asarray(got, np.float64).ravel() / largest - wide
            signal[index], error[index] = wide @ wide, away @ away
    return signal, np.where(np.isnan(error), np.inf, error)


def _db(signal: float, error: float) -> float:
    return sqnr_db(signal, error) if math.isfinite(error) else -math.inf


def _as_json(drift: Drift) -> dict[str, object]:
    return {
        "windows": [
            {
                "steps": [window.first, window.last],
                "free_running_db": window.free_running_db,
                "from_golden_db": window.from_golden_db,
            }
            for window in drift.windows
        ],
        "first_below": drift.first_below,
        "first_nonfinite": drift.first_nonfinite,
    }


def _told(drift: Drift) -> str:
    free = ", ".join(f"{window.first} {window.free_running_db:.1f}" for window in drift.windows)
    forced = [window.from_golden_db for window in drift.windows]
    told = f"by step, dB: {free}; from FP32 states: {min(forced):.1f} to {max(forced):.1f}"
    if drift.first_nonfinite is not None:
        return f"{told}; NaN or Inf from step {drift.first_nonfinite} on"
    return told if drift.first_below is None else f"{told}; below its limit from step {drift.first_below} on"
