"""Canaries: files that are known to be broken, judged before anything else is believed of a backend.

A canary is caught where its checks give every code that its file names, and the sound variant of the same base beside
it passes: a gate that passes everything and one that fails everything both catch nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from pytest_qparity.backends.hosted import EngineHost
from pytest_qparity.canary_set import OWN
from pytest_qparity.case.loading import CaseError, load_case
from pytest_qparity.digest import json_digest
from pytest_qparity.gate.case_material import CaseMaterial
from pytest_qparity.gate.once import made_so_far
from pytest_qparity.gate.planning import plan
from pytest_qparity.gate.run_material import RunMaterial
from pytest_qparity.verdict import CannotJudge, Code, Failure, Verdict, as_sentence

if TYPE_CHECKING:
    from pytest_qparity.gate.settings import Settings

CHECKS = (
    "preflight",
    "parity",
    "accuracy",
    "invariance",
)  # what is said of a file; latency and memory take a second each

_REFUSALS = frozenset((Code.BACKEND_LOAD, Code.BACKEND_RUN, Code.BACKEND_OUTPUTS, Code.BACKEND_FACTS))
_MEASURED = ("QP-PRE-", "QP-PAR-", "QP-ACC-", "QP-INV-")  # their remedies are for a user's own file

Judge: TypeAlias = Callable[[RunMaterial, str], Verdict]


@dataclass(frozen=True, slots=True)
class Trial:
    """One variant of a canary file as a backend was judged with it. `caught_by` is empty for a sound one."""

    location: str
    precision: str
    base: str
    caught_by: tuple[str, ...]
    failures: tuple[Failure, ...]
    variant: str | None  # its digest; None where there was no variant to be had

    @property
    def is_as_stated(self) -> bool:
        found = {failure.code.code for failure in self.failures}
        return found.issuperset(self.caught_by) if self.caught_by else not found


@dataclass(frozen=True, slots=True)
class CanaryResult:
    """What came of the canaries on one backend. `sha256` is of what was run, None where nothing was; `failure` is None
    where each canary was caught."""

    planned: int
    caught: int
    sha256: str | None
    failure: Failure | None


class Canaries:
    """The canary files of a project, and what came of them on each backend in this process."""

    def __init__(
        self,
        root: Path = Path(),
        files: Iterable[Path] = (),
        prepare: Callable[[Settings], Settings] | None = None,
    ) -> None:
        """`prepare`: gives the settings by which canaries are judged that are elsewhere than in `files`."""
        self.files = tuple(sorted(files))
        self._root = root
        self._prepare = prepare
        self._results: dict[str, CanaryResult] = {}
        self._begun: set[str] = set()  # backends that were asked for

    @property
    def are_off(self) -> bool:
        return not self.files and self._prepare is None

    def holds(self, path: Path) -> bool:
        return path.resolve() in {file.resolve() for file in self.files}

    def namesake(self, name: str, path: Path) -> str | None:
        """Another canary file than the case file at `path` that has the case's name; goldens are stored by it."""
        others = [file for file in self.files if file.stem == name and file.resolve() != path.resolve()]
        return self.shown(others[0]) if others else None

    def shown(self, path: Path) -> str:
        """The file as a command names it."""
        return path.relative_to(self._root).as_posix() if path.is_relative_to(self._root) else str(path)

    def on(self, backend: str, settings: Settings, judge: Judge, asking: CaseMaterial | None = None) -> CanaryResult:
        """What comes of the canaries on a backend that works here; they are run when first asked for.

        `asking`: the case they are run for. It gets the worker that opened this package's own canaries, whose files
        are known; one that opened a project's broken files opens nothing else.
        """
        if backend not in self._results:
            try:
                prepared = settings if self._prepare is None else self._prepare(settings)
                heir = None if self._prepare is None else asking
                self._results[backend] = _run(prepared.canaries, backend, prepared, judge, heir)
            except CannotJudge as reason:
                self._results[backend] = CanaryResult(0, 0, None, _not_prepared(reason.failure))
        return self._results[backend]

    def starting(self, run: RunMaterial) -> AbstractContextManager[None]:
        """What a run's first check and the canaries before it take: two engines and a reader of models, started
        together. Once a backend: one that does not work here needs the first alone, run after run."""
        backend, settings = run.backend_spec.name, run.material.settings
        if backend in self._begun:
            return contextlib.nullcontext()
        self._begun.add(backend)
        own = settings.limits_of({})
        return settings.starting([run.material.limits, own, own])

    def record(self, backend: str) -> dict[str, Any] | None:
        """What stands beside each verdict of a backend; None where no canary was run on it."""
        result = self._results.get(backend)
        if result is None:
            return None
        return {"planned": result.planned, "caught": result.caught, "sha256": result.sha256}


def require_caught(run: RunMaterial, judge: Judge) -> None:
    """Raises CannotJudge where the canaries do not prove that `judge` tells broken from sound on this backend, or the
    backend does not work here."""
    settings = run.material.settings
    if settings.canaries.are_off:
        return
    with settings.canaries.starting(run):
        run.host  # noqa: B018  one that does not work here is a failure of its own, and no canary is run
        result = settings.canaries.on(run.backend_spec.name, settings, judge, run.material)
    if result.failure is not None:
        raise CannotJudge(result.failure)


def conclude(trials: Sequence[Trial], backend: str) -> CanaryResult:
    """What the trials on one backend prove."""
    broken = [trial for trial in trials if trial.caught_by]
    sound = [trial for trial in trials if not trial.caught_by]
    unsound = {(trial.location, trial.base) for trial in sound if not trial.is_as_stated}
    caught = [trial for trial in broken if trial.is_as_stated and (trial.location, trial.base) not in unsound]
    told = [[trial.location, trial.precision, list(trial.caught_by), trial.variant] for trial in trials]
    failure = next(_failures(trials, backend), None)
    return CanaryResult(len(broken), len(caught), json_digest({"trials": told}), failure)


def _failures(trials: Sequence[Trial], backend: str) -> Iterator[Failure]:
    """The gravest first: a broken file that passes, a sound one that does not, a wrong reason."""
    wrong = [trial for trial in trials if not trial.is_as_stated]
    passed = [trial for trial in wrong if not trial.failures]
    if passed:
        first = passed[0]
        more = f" (and {len(passed) - 1} more)" if passed[1:] else ""
        yield Failure(
            Code.CANARY_PASSED,
            f"Canary {first.precision} of {first.location} passes on {backend}{more}, should fail by "
            f"{_listed(first.caught_by)}: this gate does not see what is broken.",
            "see whether its file is broken still; if it is, believe no verdict of this backend before you know "
            "what lets it pass",
        )
    for trial in sorted(wrong, key=lambda trial: bool(trial.caught_by)):
        if trial.failures:
            yield _unproven(trial, backend)


def _unproven(trial: Trial, backend: str) -> Failure:
    first = trial.failures[0]
    should = f"fail by {_listed(trial.caught_by)}" if trial.caught_by else "pass, since it is sound"
    got = _listed(dict.fromkeys(failure.code.code for failure in trial.failures))
    is_refused = first.code in _REFUSALS
    return Failure(
        Code.CANARY_UNPROVEN,
        f"{trial.precision} of the canary file {trial.location} fails by {got} on {backend}, should {should}. "
        f"{as_sentence(first.sentence)}",
        _remedy(trial, backend, first),
        likely=f"{backend} lacks an operator or a type of this canary; your own models were not judged"
        if is_refused
        else first.likely,
    )


def _remedy(trial: Trial, backend: str, first: Failure) -> str:
    if first.code in _REFUSALS:
        return _where_refused(trial, backend)
    if first.code.code.startswith(_MEASURED):
        return (
            f"believe no verdict of {backend} before you know why: it computes something else than the file says, or "
            "this gate does; --backend=reference beside it tells which"
        )
    return first.remedy


def _where_refused(trial: Trial, backend: str) -> str:
    """What to do where an engine does not run a canary: the remedies of that failure are for a user's own model."""
    where = f"in {trial.location}"
    if trial.location == OWN:
        where = "qparity canaries writes them into the project; there"
    if trial.caught_by:
        return (
            f"{where} take out [precisions.{trial.precision}], which {backend} refuses before a check sees what is "
            "broken in it; the other canaries still stand"
        )
    return (
        f"see what qparity doctor says of {backend}; where it runs no {trial.base} of this kind, {where} put sound and "
        f"broken files that it runs in the place of {trial.precision} and its broken ones"
    )


def _run(canaries: Canaries, backend: str, settings: Settings, judge: Judge, heir: CaseMaterial | None) -> CanaryResult:
    trials: list[Trial] = []
    for path in canaries.files:
        location = canaries.shown(path)
        try:
            case = load_case(path, settings.roots, settings.contributed)
            runs = plan(case, settings, [backend])
        except CaseError as error:
            return CanaryResult(0, 0, None, _not_planned(error, location))
        alone = replace(settings, canaries=Canaries())
        with contextlib.closing(CaseMaterial(case, alone, location)) as material:
            host = EngineHost(settings.worker(material.limits), settings.backends[backend])
            with contextlib.closing(host):  # one for all: a worker and its engine take longer than all canaries
                running = [RunMaterial(material, backend, run.precision, lent=host) for run in runs]
                trials += [_try(each, run.checks, judge) for each, run in zip(running, runs, strict=True)]
            if heir is not None:
                heir.inherit_worker(material)
    return conclude(trials, backend)


def _not_prepared(failure: Failure) -> Failure:
    sentence = f"The canaries could not be written: {as_sentence(failure.sentence)} ({failure.code.code})"
    return Failure(Code.CANARY_UNPROVEN, sentence, failure.remedy)


def _not_planned(error: CaseError, location: str) -> Failure:
    problem = error.problems[0]
    place = location if problem.line is None else f"{location}:{problem.line}"
    return Failure(
        Code.CANARY_UNPROVEN, f"{place}: {problem.sentence} ({problem.code.code}, in a canary file.)", problem.remedy
    )


def _try(run: RunMaterial, checks: Sequence[str], judge: Judge) -> Trial:
    verdicts = [judge(run, check) for check in CHECKS if check in checks]
    made = made_so_far(run)
    return Trial(
        location=run.material.location,
        precision=run.precision,
        base=run.base,
        caught_by=run.material.case.spec.precisions[run.precision].caught_by,
        failures=tuple(failure for verdict in verdicts for failure in verdict.failures),
        variant=made["variant"].digest if "variant" in made else None,
    )


def _listed(codes: Iterable[str]) -> str:
    return " and ".join(codes)
