"""How long each phase of an engine's work may take, and how much memory its process may hold."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace


@dataclass(frozen=True, slots=True)
class Phase:
    """A piece of work in a worker, as failures name it, and the seconds that it may take."""

    name: str
    deadline_s: float


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds a phase may take, and megabytes (10**6 bytes, resident) a worker and all it started may hold.

    `memory_mb` is None where MEMORY_SHARE of what the machine has free when a worker starts is the limit.
    """

    load_s: float = 300.0
    first_run_s: float = 120.0
    run_s: float = 60.0
    calibration_s: float = 1800.0
    memory_mb: float | None = None

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ValueError(f"got {each.name} = {value:g}, should be a finite number above 0")

    @property
    def load(self) -> Phase:
        return Phase("load", self.load_s)

    @property
    def first_run(self) -> Phase:
        return Phase("first run", self.first_run_s)

    @property
    def run(self) -> Phase:
        return Phase("run", self.run_s)

    @property
    def calibration(self) -> Phase:
        return Phase("calibration", self.calibration_s)

    def but(self, **stated: float | None) -> Limits:
        """These limits with those that are stated (not None) in their place."""
        return replace(self, **{name: value for name, value in stated.items() if value is not None})


LIMIT_NAMES = tuple(each.name for each in fields(Limits))


def stated_limits(settings: Iterable[str]) -> dict[str, float]:
    """The limits in texts such as "run_s=5". Raises ValueError, "got X, should be Y"."""
    stated: dict[str, float] = {}
    for setting in settings:
        name, separator, value = setting.partition("=")
        if name not in LIMIT_NAMES or not separator:
            raise ValueError(f"got limit {setting!r}, should be NAME=NUMBER with one of: {', '.join(LIMIT_NAMES)}")
        try:
            stated[name] = float(value)
        except ValueError:
            raise ValueError(f"got limit {setting!r}, should have a number behind {name}=") from None
    Limits().but(**stated)
    return stated
