"""What a worker is: it does calls for the gate, in a process of its own or in this one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

Watch = Callable[[str, str], None]  # who works, and how far it is: empty when it is done
Tell = Callable[[str], None]
LONGEST_TOLD = 200  # characters

if TYPE_CHECKING:
    import numpy as np

    from pytest_qparity.worker.limits import Limits, Phase


class Isolation(StrEnum):
    """Where engines run: in processes of their own, or in this one, for debuggers."""

    PROCESS = "process"
    NONE = "none"


# Windows has no fork, no descriptors to inherit and no process groups: engines run in pytest's own process there.
DEFAULT_ISOLATION = Isolation.NONE if sys.platform == "win32" else Isolation.PROCESS


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What a call gave: a JSON value that may be anything, and arrays that nobody else holds."""

    value: Any
    arrays: Mapping[str, np.ndarray]


class Worker(Protocol):
    @property
    def limits(self) -> Limits: ...

    def call(
        self,
        target: str,
        arguments: Mapping[str, Any],
        arrays: Mapping[str, np.ndarray],
        work: str,
        phase: Phase,
    ) -> Answer: ...

    def close(self) -> None: ...
