"""A call in a worker that does nothing else: what it tells of costs is that of one session alone."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pytest_qparity.verdict import CannotJudge, Code, Failure
from pytest_qparity.worker.limits import Phase

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_qparity.backends.protocol import SessionOptions
    from pytest_qparity.backends.registry import BackendSpec
    from pytest_qparity.case.feeding import Feed
    from pytest_qparity.worker.limits import Limits
    from pytest_qparity.worker.protocol import Worker


@dataclass(frozen=True, slots=True, eq=False)
class Probing:
    """What is loaded, with what, and what it is fed."""

    spec: BackendSpec
    model: Path
    feed: Feed
    options: SessionOptions
    limits: Limits

    def told(self, target: str, what: str) -> dict[str, Any]:
        """What the function `target` tells in a new worker. Whatever goes wrong there is CannotJudge, never a number;
        `what` names the figures in it."""
        arguments = {
            "spec": asdict(self.spec),
            "model": str(self.model.absolute()),
            "options": self.options.as_json(),
            "samples": self.feed.count,
        }
        worker = _fresh_worker(self.limits)
        try:
            limits = self.limits
            phase = Phase("memory probe", limits.load_s + limits.first_run_s + limits.run_s)
            work = f'Backend "{self.spec.name}" with {self.model.name}'
            value: dict[str, Any] = worker.call(target, arguments, self.feed.arrays, work, phase).value
        except CannotJudge as reason:
            raise unmeasured(self.spec.name, what, reason.failure.sentence, reason.failure.remedy) from reason
        finally:
            worker.close()
        return value


def unmeasured(name: str, what: str, sentence: str, remedy: str) -> CannotJudge:
    return CannotJudge(Failure(Code.MEMORY_UNMEASURED, f'The {what} of backend "{name}": {sentence}', remedy))


def _fresh_worker(limits: Limits) -> Worker:
    """Always a process: what this one holds besides the session has no end."""
    from pytest_qparity.worker.process import WorkerProcess

    return WorkerProcess(limits)
