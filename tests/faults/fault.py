"""A row of the fault plan: what goes wrong, how that is brought about for real, and the verdict that it must get."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.faults.bench import Bench


class Area(StrEnum):
    WORKER = "worker"
    ENGINE = "engine"
    MODEL = "model file"
    CASE = "case file"
    GOLDEN = "golden"
    CACHE = "cache"
    LEDGER = "ledger"
    XDIST = "xdist"
    CLOCK = "clock"
    DISK = "disk"
    ENVIRONMENT = "environment"


@dataclass(frozen=True, slots=True)
class Fault:
    """`verdict`: what must come: a failure code, "pass" where the gate must be right all the same, or what an exit
    status and the ledger say. `inject` brings the fault about and gives what came."""

    id: str
    area: Area
    what: str
    verdict: str
    inject: Callable[[Bench], str]
