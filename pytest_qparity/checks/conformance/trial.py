"""Trying examples on a backend: many in one session, and each by itself where that one fails."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from pytest_qparity.backends.protocol import Optimizer, SessionOptions
from pytest_qparity.checks.conformance.models import example_model, feed_of, named, require_valid
from pytest_qparity.verdict import CannotJudge, Code
from pytest_qparity.worker.renewed import ENDINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pytest_qparity.backends.hosted import EngineHost
    from pytest_qparity.checks.conformance.example import Array, Example
    from pytest_qparity.verdict import Failure

__all__ = ["Answer", "Bench", "Difference", "Trial"]

PROBES = 3  # examples of a refused session that are tried alone: where each is refused, the others are not tried
IN_COMPANY = "in_company"  # the trait of an example that ran alone, and not in a session with others
_REFUSALS = (Code.BACKEND_LOAD, Code.BACKEND_RUN, Code.BACKEND_OUTPUTS)


class Answer(StrEnum):
    """What became of an example."""

    RAN = "ran"
    MISSHAPEN = "misshapen"  # it ran, and an output is missing or has another shape or type
    REFUSED = "refused"
    CRASHED = "crashed"
    NOT_TRIED = "not_tried"  # refused in a session with others that were refused alone as well


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """How far elements are outside of what they may be, in LSB (0.0 inside), and what is special about each.

    What has no elements to compare, for the engine refused it, ended, or gave another shape or type, is one element
    that is infinitely far off.
    """

    beyond: Array
    traits: Mapping[str, Array]


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One example on one backend at one optimizer level: its outputs by name where it ran, or why it did not."""

    example: Example
    optimizer: Optimizer
    answer: Answer
    outputs: Mapping[str, Array]
    failure: Failure | None = None

    def differences(self) -> Iterator[Difference]:
        if self.answer is Answer.NOT_TRIED:
            return
        if self.answer is not Answer.RAN:
            yield _NOTHING_TO_COMPARE
            return
        for name, expected in self.example.expected.items():
            output = self.outputs[name]
            yield Difference(expected.beyond(output), expected.traits_of(output))


_NOTHING_TO_COMPARE = Difference(np.array([np.inf]), {})


class Bench:
    """Where examples are tried: a backend in a worker that is started anew after one has ended, and a folder for the
    model files. Threads that use one take turns by the session."""

    def __init__(self, start: Callable[[], EngineHost], folder: Path) -> None:
        self._start = start
        self._folder = folder
        self._host: EngineHost | None = None
        self._models = 0
        self._is_closed = False
        self._turn = threading.Lock()

    def host(self) -> EngineHost:
        """Raises ValueError where the bench is closed: a thread that is left must not start a worker anew."""
        if self._is_closed:
            raise ValueError("got a closed bench, should be an open one")
        if self._host is None:
            self._host = self._start()
            if self._is_closed:  # while it started
                self.close()
                raise ValueError("got a closed bench, should be an open one")
        return self._host

    def renew(self) -> None:
        """End the worker, once it is not busy; one is started anew where more is tried."""
        with self._turn:
            self._end()

    def close(self) -> None:
        """End the worker, and the session that is running there for a thread."""
        self._is_closed = True
        self._end()

    def _end(self) -> None:
        host, self._host = self._host, None
        if host is not None:
            host.close()

    def try_all(self, examples: Sequence[Example], opset: int, optimizer: Optimizer) -> Iterator[Trial]:
        """A trial for each example. What a session of all of them refuses is tried again by what is special about it,
        and then one by one."""
        if len(examples) == 1:
            yield self.try_one(examples[0], opset, optimizer)
            return
        outputs = self._outputs(examples, opset, optimizer)
        if not isinstance(outputs, CannotJudge):
            for index, example in enumerate(examples):
                yield _ran(example, optimizer, index, outputs)
            return
        all_run = True
        for trial in self._try_apart(examples, opset, optimizer):
            all_run = all_run and trial.answer in (Answer.RAN, Answer.MISSHAPEN)
            yield trial
        if all_run:  # each by itself, and not all of them together
            first = replace(examples[0], traits=examples[0].traits | {IN_COMPANY})
            yield Trial(first, optimizer, _answer(outputs.failure), {}, outputs.failure)

    def _try_apart(self, examples: Sequence[Example], opset: int, optimizer: Optimizer) -> Iterator[Trial]:
        alike = [list(group) for _, group in groupby(sorted(examples, key=_traits), key=_traits)]
        if len(alike) == 1:
            yield from self._try_each(examples, opset, optimizer)
            return
        for group in alike:
            yield from self.try_all(group, opset, optimizer)

    def _try_each(self, examples: Sequence[Example], opset: int, optimizer: Optimizer) -> Iterator[Trial]:
        """Where each of the first PROBES is refused, the others are left: a session may take tens of milliseconds, and
        an engine without the kernel refuses them all. Nothing is said of what was not tried."""
        refusals: list[Failure] = []
        for example in examples:
            if len(refusals) == PROBES:
                yield Trial(example, optimizer, Answer.NOT_TRIED, {}, refusals[-1])
                continue
            trial = self.try_one(example, opset, optimizer)
            if trial.answer is Answer.REFUSED and trial.failure is not None:
                refusals.append(trial.failure)
            yield trial

    def try_one(self, example: Example, opset: int, optimizer: Optimizer) -> Trial:
        """Raises onnx.checker.ValidationError where what is refused is no valid model: a fault of the suite."""
        outputs = self._outputs([example], opset, optimizer)
        if not isinstance(outputs, CannotJudge):
            return _ran(example, optimizer, 0, outputs)
        answer = _answer(outputs.failure)
        if answer is Answer.REFUSED:
            require_valid([example], opset)
        return Trial(example, optimizer, answer, {}, outputs.failure)

    def _outputs(self, examples: Sequence[Example], opset: int, optimizer: Optimizer) -> dict[str, Array] | CannotJudge:
        model, feed = example_model(examples, opset).SerializeToString(), feed_of(examples)
        with self._turn:
            # Under a name of its own: a file system may flush what is written over an older file before it goes on.
            self._models += 1
            path = self._folder / f"examples{self._models}.onnx"
            path.write_bytes(model)
            try:
                return self.host().run_alone(path, SessionOptions(optimizer=optimizer), feed)
            except CannotJudge as refusal:
                if refusal.failure.code in ENDINGS:
                    self._end()
                return refusal
            finally:
                path.unlink()


def _traits(example: Example) -> list[str]:
    return sorted(example.traits)


def _answer(failure: Failure) -> Answer:
    return Answer.REFUSED if failure.code in _REFUSALS else Answer.CRASHED


def _ran(example: Example, optimizer: Optimizer, index: int, outputs: dict[str, Array]) -> Trial:
    given = {name: outputs[named(index, name)] for name in example.expected if named(index, name) in outputs}
    fits = given.keys() == example.expected.keys() and all(
        example.expected[name].fits(output) for name, output in given.items()
    )
    return Trial(example, optimizer, Answer.RAN if fits else Answer.MISSHAPEN, given)
