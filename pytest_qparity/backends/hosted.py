"""A backend and its sessions in a worker, as the gate sees them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from pytest_qparity.backends.border import absent, refused, require_facts, require_kernels
from pytest_qparity.backends.hosted_side import HostedSide
from pytest_qparity.backends.kernels import Kernels, NotTold, kernels_from_json
from pytest_qparity.backends.protocol import SessionFacts, Unavailable
from pytest_qparity.backends.sequential import FEWEST_PAIRS
from pytest_qparity.backends.sides import FEWEST_WARM_UP_CALLS
from pytest_qparity.backends.timed_calls import Clock
from pytest_qparity.backends.timing import PATIENCE, PairedTimes, Question, Times, in_turn
from pytest_qparity.verdict import CannotJudge
from pytest_qparity.worker.limits import Phase

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from pytest_qparity.backends.protocol import SessionOptions
    from pytest_qparity.backends.registry import BackendSpec
    from pytest_qparity.backends.start_probe import StartMeasurement
    from pytest_qparity.case.feeding import Feed, FeedSource
    from pytest_qparity.worker.protocol import Answer, Worker

_CALLS = "pytest_qparity.backends.serving"


@dataclass(frozen=True, slots=True)
class EngineHost:
    """A worker that serves one backend."""

    worker: Worker
    spec: BackendSpec

    def require_available(self) -> None:
        """Raises CannotJudge where the backend does not work on this machine."""
        missing = self.unavailable()
        if missing is not None:
            raise absent(self.spec.name, missing)

    def unavailable(self) -> Unavailable | None:
        """Why the backend does not work on this machine; None where it does. Raises CannotJudge where it cannot
        tell."""
        told = self._call("unavailable", {"spec": asdict(self.spec)}, self.worker.limits.load).value
        if told is None:
            return None
        return Unavailable(str(told["reason"]), str(told["remedy"]), told["waivable"] is True)

    def load(self, model: Path, options: SessionOptions) -> HostedSession:
        """Load a variant. Raises CannotJudge with what the engine raised, or how its process ended."""
        work = self._work(model)
        answer = self._call("load", self._loading(model, options), self.worker.limits.load, work)
        return HostedSession(self.worker, str(answer.value), work)

    def run_alone(self, model: Path, options: SessionOptions, feed: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The outputs of a session that is loaded, run once and closed, in one call. Raises CannotJudge as `load` and
        `HostedSession.run` do."""
        limits = self.worker.limits
        phase = Phase(f"{limits.load.name} and {limits.first_run.name}", limits.load_s + limits.first_run_s)
        answer = self._call("run_alone", self._loading(model, options), phase, self._work(model), feed)
        return dict(answer.arrays)

    def close(self) -> None:
        self.worker.close()

    def _loading(self, model: Path, options: SessionOptions) -> dict[str, Any]:
        return {
            "spec": asdict(self.spec),
            "model": str(model.absolute()),
            "options": options.as_json(),
        }

    def _work(self, model: Path) -> str:
        return f'Backend "{self.spec.name}" with {model.name}'

    def _call(
        self,
        name: str,
        arguments: Mapping[str, Any],
        phase: Phase,
        work: str = "",
        arrays: Mapping[str, np.ndarray] | None = None,
    ) -> Answer:
        work = work or f'Backend "{self.spec.name}"'
        return self.worker.call(f"{_CALLS}:{name}", arguments, arrays or {}, work, phase)


class TooLarge(Exception):  # noqa: N818
    """Outputs that take more than they may. `described`: their types and shapes by name."""

    def __init__(self, described: Mapping[str, tuple[np.dtype, tuple[int, ...]]]) -> None:
        super().__init__(described)
        self.described = described


@dataclass(frozen=True, slots=True, eq=False)
class RolledOut:
    """The outputs of steps; `too_large` where those of the next are."""

    outputs: list[dict[str, np.ndarray]]
    too_large: TooLarge | None


def _too_large(layout: object) -> TooLarge:
    from pytest_qparity.worker.arena import LayoutError, described

    try:
        return TooLarge(described(layout))
    except LayoutError as error:
        raise refused(f"{error} as outputs of a run") from None


class CounterpartFailed(CannotJudge):
    """What went wrong with a counterpart in a worker of its own, and says nothing of the run."""


class HostedSession:
    """A variant loaded in a worker, ready to run there."""

    def __init__(self, worker: Worker, number: str, work: str) -> None:
        self._worker = worker
        self._number = number
        self._work = work
        self._has_run = False

    def run(self, feed: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Outputs by their ONNX names, in the engine's own order; nobody else holds these arrays."""
        return dict(self._run("run", feed, most_bytes=None).arrays)

    def run_within(self, feed: Mapping[str, np.ndarray], most_bytes: int) -> dict[str, np.ndarray]:
        """The same. Raises TooLarge where they take more than `most_bytes`; none of them has come here then."""
        answer = self._run("run", feed, most_bytes=most_bytes)
        if answer.value is None:
            return dict(answer.arrays)
        raise _too_large(answer.value)

    def over(self, feeds: FeedSource, most_bytes: int) -> Iterator[tuple[Feed, dict[str, np.ndarray] | TooLarge]]:
        """The outputs of each feed, in their order, or that they take more than `most_bytes`."""
        for feed in feeds:
            try:
                yield feed, self.run_within(feed.arrays, most_bytes)
            except TooLarge as answer:
                yield feed, answer

    def roll_out(
        self,
        steps: Sequence[Feed],
        begins: Sequence[bool],
        before: Mapping[str, np.ndarray],
        state: Mapping[str, str],
        most_bytes: int,
    ) -> RolledOut:
        """Run `steps` in one call, each with the states that the one before gave, and the first with `before`; one that
        `begins` with those of its feed. `state`: output → the input that it is at the next step.

        Fewer steps come back where outputs of one are laid out otherwise than those before, or are too large.
        """
        from pytest_qparity.backends.rollout import BEFORE, FED, stacked

        fed = stacked([step.arrays for step in steps])
        arrays = {f"{FED}{name}": array for name, array in fed.items()}
        arrays |= {f"{BEFORE}{name}": array for name, array in before.items()}
        arguments = {"begins": list(begins), "state": dict(state), "most_bytes": most_bytes}
        answer = self._run("roll_out", arrays, runs=len(steps), **arguments)
        done, layout = answer.value["done"], answer.value["layout"]
        if layout is None and not 0 < done <= len(steps):
            raise refused(f"outputs of {done} steps, should be of 1 to {len(steps)}")
        outputs = [{name: array[index, ...] for name, array in answer.arrays.items()} for index in range(done)]
        return RolledOut(outputs, None if layout is None else _too_large(layout))

    def is_equal(self, other: HostedSession, feed: Mapping[str, np.ndarray]) -> bool | None:
        """Whether the outputs of both are bit-equal, told in the worker that holds both; None where no output is a
        float."""
        if other._worker is not self._worker:
            raise ValueError("got sessions of two workers, should be of one: outputs are compared there")
        self._run("run_and_keep", feed)
        told = other._run("compare_with_kept", feed).value
        return told["are_equal"] is True if told["has_floats"] else None

    def facts(self) -> SessionFacts:
        """What the session states of itself. Raises CannotJudge where that is nothing."""
        stated = self._call("facts", {}, {}, self._worker.limits.load).value
        try:
            facts = SessionFacts(**stated)
        except TypeError:
            facts = stated
        return require_facts(facts)

    def kernels(self) -> Kernels | NotTold:
        """What became of the file's compute nodes, told by the engine."""
        told = self._call("kernels", {}, {}, self._worker.limits.load).value
        try:
            if "not_told" in told:
                return NotTold(str(told["not_told"]))
            return require_kernels(kernels_from_json(told))
        except (TypeError, KeyError, AttributeError, ValueError) as error:
            return NotTold(f"got {type(error).__name__} from what the worker told")

    def inputs(self) -> dict[str, str] | None:
        """Types of its inputs by name, as the engine tells them; None where it does not."""
        told = self._call("inputs", {}, {}, self._worker.limits.load).value
        return {str(name): str(dtype) for name, dtype in told.items()} if isinstance(told, dict) else None

    def start(self, feed: Mapping[str, np.ndarray]) -> StartMeasurement | None:
        """How long it took to load and to run first, a feed of these shapes; None where a worker of its own is to tell
        (`serving.start`)."""
        from pytest_qparity.backends.start_probe import StartMeasurement

        told = self._call("start", {}, feed, self._worker.limits.load).value
        return None if told is None else StartMeasurement(**told)

    def time_alone(self, feed: Mapping[str, np.ndarray], question: Question) -> Times:
        """Measured in the worker."""
        arguments = {"question": question.as_json()}
        return _times(self._call("time_alone", arguments, feed, self._timing(question)))

    def time_in_turn(
        self, counterpart: HostedSession, feed: Mapping[str, np.ndarray], question: Question
    ) -> PairedTimes:
        """Both in pairs, measured in the worker that holds both; of two workers, block by block from here."""
        if counterpart._worker is not self._worker:
            return self._time_across(counterpart, feed, question)
        arguments = {"question": question.as_json(), "counterpart": counterpart._number}
        answer = self._call("time_in_turn", arguments, feed, self._timing(question))
        told, arrays = answer.value, answer.arrays
        return PairedTimes(
            arrays["variant_ms"], arrays["counterpart_ms"], _times(answer), told["interrupted"], told["sound"]
        )

    def close(self) -> None:
        self._call("close", {}, {}, self._worker.limits.load)

    def _time_across(
        self, counterpart: HostedSession, feed: Mapping[str, np.ndarray], question: Question
    ) -> PairedTimes:
        """Where one of both computes on a device and the other where the feed lies, copies to the device and back are
        part of the call: a user of the other makes none."""
        with self._side(feed) as side, counterpart._side(feed, CounterpartFailed) as other:
            is_mixed = side.computes_elsewhere != other.computes_elsewhere
            if is_mixed:
                (side if side.computes_elsewhere else other).with_copies()
            return replace(in_turn(side, other, question), with_copies=is_mixed)

    def _side(self, feed: Mapping[str, np.ndarray], failed: type[CannotJudge] = CannotJudge) -> HostedSide:
        """What goes wrong with it is raised as `failed`."""

        def ask(name: str, arguments: Mapping[str, Any], arrays: Mapping[str, np.ndarray], runs: int) -> Answer:
            try:
                return self._call(name, arguments, arrays, Phase("run", runs * self._worker.limits.run_s))
            except CannotJudge as reason:
                raise failed(reason.failure) from None

        return HostedSide(ask, feed)

    def _run(self, name: str, feed: Mapping[str, np.ndarray], runs: int = 1, **arguments: object) -> Answer:
        phase = self._worker.limits.run if self._has_run else self._worker.limits.first_run
        phase = Phase(phase.name, phase.deadline_s * runs)
        answer = self._call(name, arguments, feed, phase)
        self._has_run = True
        return answer

    def _timing(self, question: Question) -> Phase:
        """Two sessions are run before (once more where what is expected is not known) and once after, one of them end
        to end; in between, PATIENCE times the question's seconds is the end, warming up has its share of them, and
        what is at work then comes to its end: a call each, or blocks whose calls are far below a second."""
        runs = 2 * (FEWEST_WARM_UP_CALLS + 5) + FEWEST_PAIRS
        return Phase("timing", (PATIENCE + 1) * question.seconds + runs * self._worker.limits.run_s)

    def _call(self, name: str, arguments: Mapping[str, Any], arrays: Mapping[str, np.ndarray], phase: Phase) -> Answer:
        return self._worker.call(f"{_CALLS}:{name}", {"session": self._number, **arguments}, arrays, self._work, phase)


def _times(answer: Answer) -> Times:
    told, arrays = answer.value, answer.arrays
    clock, whole_ms = Clock(told["clock"]), arrays.get("end_to_end_ms")
    return Times(arrays["calls_ms"], arrays["is_sound"], clock, whole_ms, told["conditions"])
