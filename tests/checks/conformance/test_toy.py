"""The suite as a third party gets it: an honest backend conforms, and whatever it gets wrong is named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from pytest_qparity.backends.hosted import EngineHost
from pytest_qparity.backends.protocol import Optimizer
from pytest_qparity.backends.registry import BackendSpec
from pytest_qparity.checks.conformance import (
    Bench,
    Known,
    KnownDeviations,
    Laboratory,
    Sampler,
    judge_kernel,
    kernels_by_id,
)
from pytest_qparity.verdict import Outcome, Verdict
from pytest_qparity.worker.in_process import InProcess
from pytest_qparity.worker.limits import Limits
from tests.checks.conformance.toy_mutants import KERNELS, TOY_MUTANTS
from tests.checks.verdicts import codes
from tests.quantmath.mutant import mutated

SPEC = BackendSpec("toy", "tests.checks.conformance.toy:Toy")
AT_LEAST = 12


@pytest.fixture
def laboratory(tmp_path) -> Iterator[Laboratory]:
    """Deviations are not shrunk: that one is there is all that is asked."""
    bench = Bench(lambda: EngineHost(InProcess(Limits()), SPEC), tmp_path)
    known = KnownDeviations(Known(), "1.0", "nowhere")
    script = tmp_path / "reproducer.py"
    yield Laboratory("toy", "1.0", bench, (Optimizer.ALL,), known, Sampler(60, 0, shrink_tries=0), lambda *_: script)
    bench.close()


def judged(kernel: str, laboratory: Laboratory) -> Verdict:
    return judge_kernel(kernels_by_id()[kernel], laboratory)[0]


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_honest_toy_conforms(kernel, laboratory) -> None:
    verdict = judged(kernel, laboratory)

    assert verdict.outcome is Outcome.PASS, verdict.failures
    assert verdict.evidence["answer"] == "conforms"
    assert verdict.evidence["ran"] == verdict.evidence["examples"]


def test_every_mutant_of_the_toy_is_caught(laboratory) -> None:
    given = {}
    for mutant in TOY_MUTANTS:
        with mutated(f"toy:{mutant.target}", mutant.old, mutant.new, "tests.checks.conformance"):
            verdicts = (codes(judged(kernel, laboratory)) for kernel in mutant.kernels)
            given[mutant] = any(found == [mutant.code] for found in verdicts)

    survivors = [mutant.what for mutant, caught in given.items() if not caught]
    print(f"{sum(given.values())} of {len(given)} mutants of a toy backend caught")
    assert not survivors
    assert len(given) >= AT_LEAST


def test_what_fails_beside_others_alone_does_not_conform(laboratory) -> None:
    """The third node of every session raises; sessions of one node have none."""
    third = "vars(self)['nodes'] = vars(self).get('nodes', 0) + 1; assert vars(self)['nodes'] != 3; kernel = "

    with mutated("toy:ToySession.run", "kernel = ", third, "tests.checks.conformance"):
        verdict = judged(KERNELS[0], laboratory)

    assert verdict.outcome is not Outcome.PASS


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("def run(model, inputs, optimizer): ...", "reproducer.py shows it without this package; report it"),
        ("", "reproducer.py shows it without this package, once its function run() loads toy (BackendSpec.script"),
    ],
    ids=["said how", "not said how"],
)
def test_the_remedy_promises_no_script_that_does_not_run_by_itself(laboratory, script: str, said: str) -> None:
    mutant = TOY_MUTANTS[0]

    with mutated(f"toy:{mutant.target}", mutant.old, mutant.new, "tests.checks.conformance"):
        verdicts = [judged(kernel, replace(laboratory, script=script)) for kernel in mutant.kernels]

    (remedy, *_) = [failure.remedy for verdict in verdicts for failure in verdict.failures]
    assert said in remedy
    assert "[[deviation]] in the file of known deviations" in remedy
