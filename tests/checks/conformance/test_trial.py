"""What becomes of examples that a session refuses, and of a suite that is wrong itself."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import onnx
import pytest

from pytest_qparity.backends.protocol import Optimizer
from pytest_qparity.checks.conformance import Answer, Bench, kernels_by_id
from pytest_qparity.checks.conformance.example import Example
from pytest_qparity.checks.conformance.models import require_valid
from pytest_qparity.checks.conformance.sampling import draw_examples
from pytest_qparity.checks.conformance.trial import PROBES
from pytest_qparity.verdict import CannotJudge, Code, Failure

KERNEL = kernels_by_id()["quantize_linear-fp32_int8-per_tensor-opset21"]


class Refusing:
    """A host that loads no session, as an engine without the kernel; it counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def run_alone(self, path: Path, options: object, feed: object) -> object:
        self.asked += 1
        raise CannotJudge(Failure(Code.BACKEND_LOAD, "got NOT_IMPLEMENTED, should be a session.", "use another engine"))

    def close(self) -> None: ...


def alike(count: int) -> list[Example]:
    """Examples without traits."""
    drawn = [example for example in draw_examples(KERNEL, 80, 0) if not example.traits]
    return drawn[:count]


def test_of_what_was_not_tried_nothing_is_said(tmp_path: Path) -> None:
    host = Refusing()
    bench = Bench(lambda: host, tmp_path)  # type: ignore[arg-type, return-value]

    trials = list(bench.try_all(alike(9), KERNEL.opset, Optimizer.ALL))

    answers = [trial.answer for trial in trials]
    assert answers == [Answer.REFUSED] * PROBES + [Answer.NOT_TRIED] * (9 - PROBES)
    assert host.asked == 1 + PROBES
    assert all(list(trial.differences()) == [] for trial in trials[PROBES:])


def test_an_invalid_example_is_a_fault_of_the_suite_and_no_refusal(tmp_path: Path) -> None:
    bench = Bench(Refusing, tmp_path)  # type: ignore[arg-type, return-value]
    sound = alike(1)[0]
    wrong = replace(sound, nodes=(replace(sound.nodes[0], inputs=("x",)),))

    with pytest.raises(onnx.checker.ValidationError):
        bench.try_one(wrong, KERNEL.opset, Optimizer.ALL)


@pytest.mark.parametrize("kernel_id", sorted(kernels_by_id()))
def test_every_kernel_draws_valid_models(kernel_id: str) -> None:
    kernel = kernels_by_id()[kernel_id]

    require_valid(draw_examples(kernel, 4, 0), kernel.opset)


def test_one_that_is_refused_alone_is_not_tried_again(tmp_path: Path) -> None:
    host = Refusing()
    bench = Bench(lambda: host, tmp_path)  # type: ignore[arg-type, return-value]

    trials = list(bench.try_all(alike(1), KERNEL.opset, Optimizer.ALL))

    assert [trial.answer for trial in trials] == [Answer.REFUSED]
    assert host.asked == 1


def test_a_closed_bench_starts_no_worker(tmp_path: Path) -> None:
    bench = Bench(Refusing, tmp_path)  # type: ignore[arg-type, return-value]
    bench.renew()
    assert bench.try_one(alike(1)[0], KERNEL.opset, Optimizer.ALL).answer is Answer.REFUSED
    bench.close()

    with pytest.raises(ValueError, match="closed bench"):
        bench.try_one(alike(1)[0], KERNEL.opset, Optimizer.ALL)


class Busy(Refusing):
    """A host whose session runs until it is told to end; it notes when it is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.end, self.has_ended = threading.Event(), threading.Event(), False
        self.closed_while_running = False

    def run_alone(self, path: Path, options: object, feed: object) -> object:
        self.begun.set()
        assert self.end.wait(timeout=30)
        self.has_ended = True
        return super().run_alone(path, options, feed)

    def close(self) -> None:
        self.closed_while_running = self.begun.is_set() and not self.has_ended


def test_a_worker_is_renewed_once_its_session_has_ended(tmp_path: Path) -> None:
    host = Busy()
    bench = Bench(lambda: host, tmp_path)  # type: ignore[arg-type, return-value]
    trying = threading.Thread(target=bench.try_one, args=(alike(1)[0], KERNEL.opset, Optimizer.ALL))
    trying.start()
    assert host.begun.wait(timeout=30)
    renewing = threading.Thread(target=bench.renew)
    renewing.start()
    renewing.join(timeout=0.2)
    host.end.set()
    trying.join()
    renewing.join()

    assert not host.closed_while_running


def test_a_worker_that_starts_while_its_bench_is_closed_is_ended(tmp_path: Path) -> None:
    started: list[Busy] = []

    def start() -> Busy:
        started.append(Busy())
        started[0].begun.set()
        bench.close()
        return started[0]

    bench = Bench(start, tmp_path)  # type: ignore[arg-type]

    with pytest.raises(ValueError, match="closed bench"):
        bench.host()
    assert started[0].closed_while_running
