"""Costs of a run, what each may be at most, and whether it is."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from pytest_qparity.checks.figures import apart
from pytest_qparity.verdict import Code, Failure

__all__ = ["REPETITIONS", "Ceiling", "Cost", "Measured", "share_of", "unkept"]

REPETITIONS = 6  # from the least to the greatest of six: the median lies between with 1 − 2·0.5⁶ = 96.9 %


class Cost(Enum):
    """A figure: its name in a ratio, its key in evidence and budgets, its unit, what it is called, the decimals that it
    is shown with, and the code of being beyond its budget."""

    MEMORY = ("memory", "memory_mb", "MB", "peak memory of the session", 1, Code.MEMORY_BUDGET)
    SIZE = ("size", "size_mb", "MB", "size of the variant on disk", 2, Code.SIZE_BUDGET)
    ENGINE = ("engine", "engine_mb", "MB", "size of the built engine", 2, Code.SIZE_BUDGET)
    ACTIVATION = ("activation", "activation_mb", "MB", "estimate of what activations take", 2, Code.MEMORY_BUDGET)
    LOAD = ("load", "load_ms", "ms", "time to load", 1, Code.START_BUDGET)
    FIRST_RUN = ("first_run", "first_run_ms", "ms", "time of the first run", 2, Code.START_BUDGET)
    ENERGY = ("energy", "joule_per_sample", "J", "energy of a sample", 4, Code.ENERGY_BUDGET)

    def __init__(self, ratio: str, key: str, unit: str, title: str, decimals: int, code: Code) -> None:
        self.ratio = ratio
        self.key = key
        self.unit = unit
        self.title = title
        self.decimals = decimals
        self.code = code

    @property
    def is_repeated(self) -> bool:
        """Whether it is another number each time, and another one on other hardware."""
        return self in (Cost.LOAD, Cost.FIRST_RUN, Cost.ENERGY)


_REMEDIES = {
    Cost.MEMORY: "try a smaller batch or a precision with smaller weights",
    Cost.SIZE: "look for weights that stayed float",
    Cost.ENGINE: "look for weights that stayed float, or for shapes that the engine need not be built for",
    Cost.ACTIVATION: "try a smaller batch, or look for large tensors that stayed float",
    Cost.LOAD: "see what the engine does while it loads (optimizing, packing weights), and whether it can keep that",
    Cost.FIRST_RUN: "see what the engine puts off until it runs (tuning, allocating), and warm it up before it serves",
    Cost.ENERGY: "look for nodes that stayed float, or try a larger batch",
}


@dataclass(frozen=True, slots=True)
class Measured:
    """A cost as often as it was measured, one number at least; all are finite and above 0, or it was not measured."""

    values: tuple[float, ...]

    @property
    def is_sound(self) -> bool:
        return bool(self.values) and all(math.isfinite(value) and value > 0 for value in self.values)

    @property
    def low(self) -> float:
        return min(self.values)

    @property
    def estimate(self) -> float:
        return statistics.median(self.values)

    @property
    def high(self) -> float:
        return max(self.values)

    def as_json(self) -> dict[str, float | int]:
        return {"low": self.low, "estimate": self.estimate, "high": self.high, "times": len(self.values)}


@dataclass(frozen=True, slots=True)
class Ceiling:
    """`cost` may be `at_most` so much; where `over` names a precision or a baseline, that share of its cost."""

    cost: Cost
    at_most: float
    over: str | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.at_most) and self.at_most > 0):
            raise ValueError(f"got {self.key} = {self.at_most} as budget, should be finite and above 0")

    @property
    def key(self) -> str:
        """As a case file says it."""
        return self.cost.key if self.over is None else f"ratio_to.{self.over}.{self.cost.ratio}"


def share_of(measured: Measured, counterpart: Measured) -> Measured:
    """Ratios pair by pair, where both were measured in turn as often; else of the medians."""
    if len(measured.values) == len(counterpart.values):
        return Measured(tuple(one / other for one, other in zip(measured.values, counterpart.values, strict=True)))
    return Measured((measured.estimate / counterpart.estimate,))


def unkept(ceiling: Ceiling, measured: Measured | None, why_not: str = "") -> Iterator[Failure]:
    """What is wrong with the cost, or with the ratio to that of the counterpart; nothing where it is kept.

    Kept: the greatest of what was measured is at or below the ceiling. Beyond it: the least is above. Else undecided.
    `why_not`: why nothing was measured.
    """
    cost, at_most = ceiling.cost, ceiling.at_most
    if measured is None or not measured.is_sound:
        got = why_not or f"it is {_shown(ceiling, measured.estimate) if measured and measured.values else 'not told'}"
        yield Failure(
            Code.BUDGET_UNMEASURED,
            f"The {_title(ceiling)} was not measured, should be at most {_limit(ceiling)}: {got}.",
            f"take {ceiling.key} out of the budget, or judge it where it can be measured",
        )
    elif measured.high <= at_most:
        return
    elif measured.low > at_most:
        yield Failure(
            cost.code,
            f"The {_title(ceiling)} is {_figure(ceiling, measured)}, should be at most {_limit(ceiling)}.",
            _REMEDIES[cost],
        )
    else:
        yield Failure(
            Code.BUDGET_UNDECIDED,
            f"The {_title(ceiling)} is {_figure(ceiling, measured)}, should be at most {_limit(ceiling)} every time.",
            "repeat it on a quieter machine, or state a budget that is not within what this one gives",
        )


def _title(ceiling: Ceiling) -> str:
    return ceiling.cost.title if ceiling.over is None else f"{ceiling.cost.title}, as a share of {ceiling.over}'s,"


def _limit(ceiling: Ceiling) -> str:
    return f"{ceiling.at_most:g}{_unit(ceiling)}"


def _figure(ceiling: Ceiling, measured: Measured) -> str:
    shown = _shown(ceiling, measured.estimate)
    if len(measured.values) == 1:
        return shown
    low, high = (apart(value, ceiling.at_most, _decimals(ceiling)) for value in (measured.low, measured.high))
    return f"{shown} ({low} to {high}, {len(measured.values)} times)"


def _shown(ceiling: Ceiling, value: float) -> str:
    return f"{apart(value, ceiling.at_most, _decimals(ceiling))}{_unit(ceiling)}"


def _decimals(ceiling: Ceiling) -> int:
    return ceiling.cost.decimals if ceiling.over is None else 3


def _unit(ceiling: Ceiling) -> str:
    return f" {ceiling.cost.unit}" if ceiling.over is None else ""
