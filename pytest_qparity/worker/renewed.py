"""A worker that is started anew after one has ended: for files that have nothing to do with one another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pytest_qparity.digest import canonical_json
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    import numpy as np

    from pytest_qparity.worker.limits import Limits, Phase
    from pytest_qparity.worker.protocol import Answer, Worker

ENDINGS = frozenset((Code.WORKER_CRASH, Code.WORKER_DEADLINE, Code.WORKER_MEMORY, Code.WORKER_PROTOCOL))
TARGET = "target"  # the argument that names where a result goes: another place makes no other call


class RenewedWorker:
    """The call that ended a worker keeps its failure and is not tried again; every other call finds a worker.

    Were one worker shared to its end, a model that crashes its reader would be the failure of all that are read after.
    """

    def __init__(self, start: Callable[[], Worker], limits: Limits) -> None:
        self.limits = limits
        self._start = start
        self._worker: Worker | None = None
        self._ended_by: dict[str, Failure] = {}

    def call(
        self,
        target: str,
        arguments: Mapping[str, Any],
        arrays: Mapping[str, np.ndarray],
        work: str,
        phase: Phase,
    ) -> Answer:
        key = canonical_json({"call": target, **{name: arguments[name] for name in arguments.keys() - {TARGET}}})
        if key in self._ended_by:
            raise CannotJudge(self._ended_by[key])
        if self._worker is None:
            self._worker = self._start()
        try:
            return self._worker.call(target, arguments, arrays, work, phase)
        except CannotJudge as reason:
            if reason.failure.code in ENDINGS:
                self._ended_by[key] = reason.failure
                self.close()
            raise

    def close(self) -> None:
        if self._worker is not None:
            self._worker.close()
            self._worker = None
