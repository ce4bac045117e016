"""A backend and its sessions in a worker, as the gate sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pytest_qparity.backends.border import require_facts
from pytest_qparity.backends.protocol import SessionFacts
from pytest_qparity.backends.timing import PATIENCE, WARM_UP_CALLS, PairedTimes
from pytest_qparity.worker.limits import Phase

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from pytest_qparity.backends.protocol import SessionOptions
    from pytest_qparity.backends.registry import BackendSpec
    from pytest_qparity.worker.protocol import Answer, Worker

_CALLS = "pytest_qparity.backends.serving"


@dataclass(frozen=True, slots=True)
class EngineHost:
    """A worker that serves one backend."""

    worker: Worker
    spec: BackendSpec

    def require_available(self) -> None:
        """Raises CannotJudge where the backend does not work on this machine."""
        self._call("available", {"spec": asdict(self.spec)}, self.worker.limits.load)

    def load(self, model: Path, options: SessionOptions) -> HostedSession:
        """Load a variant. Raises CannotJudge with what the engine raised, or how its process ended."""
        arguments = {
            "spec": asdict(self.spec),
            "model": str(model.absolute()),
            "threads": options.threads,
            "optimizer": options.optimizer.value,
        }
        work = f'Backend "{self.spec.name}" with {model.name}'
        answer = self._call("load", arguments, self.worker.limits.load, work)
        return HostedSession(self.worker, str(answer.value), work)

    def close(self) -> None:
        self.worker.close()

    def _call(self, name: str, arguments: Mapping[str, Any], phase: Phase, work: str = "") -> Answer:
        return self.worker.call(f"{_CALLS}:{name}", arguments, {}, work or f'Backend "{self.spec.name}"', phase)


class HostedSession:
    """A variant loaded in a worker, ready to run there."""

    def __init__(self, worker: Worker, number: str, work: str) -> None:
        self._worker = worker
        self._number = number
        self._work = work
        self._has_run = False

    def run(self, feed: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Outputs by their ONNX names, in the engine's own order; nobody else holds these arrays."""
        phase = self._worker.limits.run if self._has_run else self._worker.limits.first_run
        outputs = self._call("run", {}, feed, phase).arrays
        self._has_run = True
        return dict(outputs)

    def facts(self) -> SessionFacts:
        """What the session states of itself. Raises CannotJudge where that is nothing."""
        stated = self._call("facts", {}, {}, self._worker.limits.load).value
        try:
            facts = SessionFacts(**stated)
        except TypeError:
            facts = stated
        return require_facts(facts)

    def time_alone(self, feed: Mapping[str, np.ndarray], seconds: float) -> np.ndarray:
        """Milliseconds a run, float64 (calls,), measured in the worker."""
        return self._call("time_alone", {"seconds": seconds}, feed, self._timing(seconds)).arrays["variant_ms"]

    def time_in_turn(self, counterpart: HostedSession, feed: Mapping[str, np.ndarray], seconds: float) -> PairedTimes:
        """Both in pairs, measured in the worker that holds both."""
        if counterpart._worker is not self._worker:
            raise ValueError("got sessions of two workers, should be of one: of two the wake-ups are timed too")
        arguments = {"seconds": seconds, "counterpart": counterpart._number}
        answer = self._call("time_in_turn", arguments, feed, self._timing(seconds))
        return PairedTimes(answer.arrays["variant_ms"], answer.arrays["counterpart_ms"], **answer.value)

    def close(self) -> None:
        self._call("close", {}, {}, self._worker.limits.load)

    def _timing(self, seconds: float) -> Phase:
        """Two sessions are looked at and warmed up, then PATIENCE times `seconds` is the end, and one pair more."""
        runs = 2 * (WARM_UP_CALLS + 3)
        return Phase("timing", PATIENCE * seconds + runs * self._worker.limits.run_s)

    def _call(self, name: str, arguments: Mapping[str, Any], arrays: Mapping[str, np.ndarray], phase: Phase) -> Answer:
        return self._worker.call(f"{_CALLS}:{name}", {"session": self._number, **arguments}, arrays, self._work, phase)
