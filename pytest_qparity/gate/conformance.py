"""The kernels of a conformance case on a backend: planned, tried, judged."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_qparity.case.loading import CaseError, CaseProblem, ConformanceCase
from pytest_qparity.case.names import known_list, nearest
from pytest_qparity.case.patterns import matches
from pytest_qparity.gate.once import made_so_far, once
from pytest_qparity.gate.planning import Run, require_known_backends
from pytest_qparity.processor import this_processor
from pytest_qparity.verdict import CannotJudge, Code, Failure, cannot_judge

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_qparity.backends.hosted import EngineHost
    from pytest_qparity.backends.protocol import SessionFacts
    from pytest_qparity.checks.conformance import (
        Ahead,
        Bench,
        Kernel,
        KnownDeviation,
        KnownDeviations,
        Laboratory,
        Record,
        Sampler,
        Trial,
        Tried,
    )
    from pytest_qparity.gate.settings import Settings
    from pytest_qparity.verdict import Verdict

RECORD = "known_deviations"  # the check that what is on record still shows


def plan_kernels(case: ConformanceCase, settings: Settings, backends: Sequence[str]) -> tuple[Run, ...]:
    """A run for each backend, with a check for each kernel that the case names, and the record at the end.

    Raises CaseError where a glob matches no kernel or a backend is not known; ValueError where the caller names one.
    """
    from pytest_qparity.checks.conformance import kernels_by_id

    require_known_backends(backends, settings)
    known = tuple(kernels_by_id())
    problems = [
        CaseProblem(
            Code.CASE_DEAD_PATTERN,
            case.line_of("conformance", "kernels"),
            f"Got {glob!r} in kernels, should match at least one kernel{_hint(nearest(glob, known))}.",
            "correct the name, or leave kernels out to try all: pytest --collect-only lists them",
        )
        for glob in case.spec.conformance.kernels
        if not any(matches(glob, kernel) for kernel in known)
    ]
    problems += [
        CaseProblem(
            Code.CASE_VALUE,
            case.line_of("conformance", "known"),
            f'Got unknown backend "{backend}", should be one of: {known_list(settings.backends)}'
            f"{_hint(nearest(backend, settings.backends))}.",
            "correct the name",
        )
        for backend in case.spec.conformance.known
        if backend not in settings.backends
    ]
    if problems:
        raise CaseError(case.path, tuple(problems))
    checks = (*_chosen(case, known), RECORD)
    return tuple(Run(backend, "", checks) for backend in backends)


def _hint(near: str | None) -> str:
    return "" if near is None else f" (did you mean {near}?)"


def _chosen(case: ConformanceCase, known: Sequence[str]) -> tuple[str, ...]:
    globs = case.spec.conformance.kernels
    return tuple(kernel for kernel in known if any(matches(glob, kernel) for glob in globs))


class KernelRun:
    """The kernels of a case on one backend, in a worker of its own. `asked_for` are the checks that will be judged, in
    their order: those of the run that were not left out."""

    def __init__(self, case: ConformanceCase, settings: Settings, run: Run, asked_for: Sequence[str]) -> None:
        self.case = case
        self.settings = settings
        self.backend_spec = settings.backends[run.backend]
        self._checks = run.checks
        self._asked_for = asked_for
        self._shown: set[KnownDeviation] = set()

    def judge(self, check: str) -> Verdict:
        """The verdict on a kernel, or on the record of known deviations."""
        from pytest_qparity.checks.conformance import judge_kernel, judge_record, kernels_by_id

        kernels = kernels_by_id()
        try:
            if check == RECORD:
                planned = [kernels[name] for name in self._checks if name != RECORD]
                return judge_record(planned, self.laboratory, frozenset(self._shown))
            verdict, shown = judge_kernel(kernels[check], self.laboratory, self.tried.of(kernels[check]))
        except CannotJudge as reason:
            return cannot_judge(reason.failure)
        self._shown |= shown
        return verdict

    @once
    def laboratory(self) -> Laboratory:
        from pytest_qparity.backends.protocol import Optimizer
        from pytest_qparity.checks.conformance import Laboratory

        return Laboratory(
            backend=self.backend_spec.name,
            version=self.facts.version,
            bench=self.bench,
            optimizers=tuple(Optimizer(level) for level in self.backend_spec.optimizers),
            known=self.known,
            sampler=self.sampler,
            write_reproducer=self._write_reproducer,
            script=self.backend_spec.script,
            additions=self.record.additions,
        )

    @once
    def sampler(self) -> Sampler:
        from pytest_qparity.checks.conformance import Sampler

        return Sampler(self.settings.examples, self.settings.seed, self._order())

    @once
    def tried(self) -> Ahead[Kernel, Tried]:
        """What the engine does with a kernel's examples; with those of the next while these are compared."""
        from pytest_qparity.checks.conformance import Ahead, try_kernel

        laboratory = self.laboratory
        return Ahead(lambda kernel: try_kernel(kernel, laboratory), self._order(), "qparity-kernels")

    def _order(self) -> list[Kernel]:
        from pytest_qparity.checks.conformance import kernels_by_id

        kernels = kernels_by_id()
        return [kernels[name] for name in self._asked_for if name != RECORD]

    @once
    def bench(self) -> Bench:
        from pytest_qparity.checks.conformance import Bench

        return Bench(self._start, self.folder)

    @once
    def folder(self) -> Path:
        """Where the models of examples lie while they are tried."""
        return Path(tempfile.mkdtemp(prefix="qparity-kernels-"))

    @once
    def facts(self) -> SessionFacts:
        """What the engine states of itself with the simplest of models."""
        from pytest_qparity.backends.protocol import SessionOptions
        from pytest_qparity.checks.conformance import probe_model

        path = self.folder / "probe.onnx"
        path.write_bytes(probe_model())
        session = self.bench.host().load(path, SessionOptions())
        facts = session.facts()
        session.close()
        return facts

    @once
    def known(self) -> KnownDeviations:
        from pytest_qparity.checks.conformance import KnownError

        try:
            return self.record.known(self.facts.version)
        except KnownError as error:
            raise CannotJudge(
                Failure(Code.CONFORMANCE_RECORD, f"{error}.", "correct the file; docs/conformance.md has its format")
            ) from None

    @once
    def record(self) -> Record:
        from pytest_qparity.checks.conformance import Record

        name, stated = self.backend_spec.name, self.case.spec.conformance
        return Record(name, self.case.folder, stated.known.get(name), stated.shipped_known)

    def provenance(self) -> dict[str, Any]:
        """The engine, and what the examples come from."""
        known: dict[str, Any] = {
            "cpu": this_processor().as_json(),
            "examples": self.settings.examples,
            "seed": self.settings.seed,
        }
        if "facts" in made_so_far(self):
            known["engine"] = asdict(self.facts)
        if self.basis is not None:
            known["basis"] = self.basis
        return known

    @once
    def basis(self) -> Mapping[str, str] | None:
        """What verdicts on the kernels rest on; None where it cannot be told."""
        from pytest_qparity.gate.basis import kernels_basis

        return kernels_basis(self.case, self.settings)

    def close(self) -> None:
        made: Mapping[str, Any] = made_so_far(self)
        if "bench" in made:
            self.bench.close()  # first: threads wait for it
        if "tried" in made:
            self.tried.close()
        if "sampler" in made:
            self.sampler.close()
        if "folder" in made:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self) -> EngineHost:
        from pytest_qparity.backends.hosted import EngineHost

        stated = self.case.spec.limits
        limits = self.settings.limits_of({} if stated is None else stated.model_dump(exclude_none=True))
        host = EngineHost(self.settings.worker(limits), self.backend_spec)
        try:
            host.require_available()
        except CannotJudge:
            host.close()
            raise
        return host

    def _write_reproducer(self, kernel: Kernel, trial: Trial, sentence: str) -> Path:
        from pytest_qparity.checks.conformance import reproducer

        folder = self.settings.cache / "conformance"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.backend_spec.name}-{kernel.id}.py"
        path.write_text(reproducer(kernel, trial, self.backend_spec, sentence), encoding="utf-8")
        return path
