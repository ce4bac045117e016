"""Calls in this very process, for debuggers: no deadline, no memory limit, and a crash is pytest's own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pytest_qparity.verdict import CannotJudge
from pytest_qparity.worker import failures
from pytest_qparity.worker.arena import aligned
from pytest_qparity.worker.message import said_by
from pytest_qparity.worker.protocol import LONGEST_TOLD, Answer
from pytest_qparity.worker.server import TELL, handler

if TYPE_CHECKING:
    import numpy as np

    from pytest_qparity.worker.limits import Limits, Phase
    from pytest_qparity.worker.protocol import Watch


class InProcess:
    """Gives what a WorkerProcess gives: values that went through JSON, and arrays of their own."""

    def __init__(self, limits: Limits, watch: Watch | None = None) -> None:
        self.limits = limits
        self._watch = watch
        self.held: dict[str, Any] = {}

    def call(
        self,
        target: str,
        arguments: Mapping[str, Any],
        arrays: Mapping[str, np.ndarray],
        work: str,
        phase: Phase,
    ) -> Answer:
        told: list[str] = []

        def tell(text: str) -> None:
            if self._watch is not None:
                told.append(text)
                self._watch(work, text[:LONGEST_TOLD])

        self.held[TELL] = tell
        try:
            value, results = handler(target)(self.held, arguments, _copies(arrays))
            value = json.loads(json.dumps(value))  # what is no JSON is an error of this call, as it is in a process
        except CannotJudge:
            raise
        except Exception as error:
            raise CannotJudge(failures.failed_inside(work, phase, said_by(error))) from error
        finally:
            if told and self._watch is not None:
                self._watch(work, "")
        return Answer(value, _copies(results))

    def close(self) -> None:
        self.held.clear()


def _copies(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """As arrays are that went through an arena: nobody else's, and aligned."""
    return {name: aligned(array) for name, array in arrays.items()}
