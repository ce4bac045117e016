"""Planning: the runs of a case, and what is wrong with a case that names what nobody knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_qparity.case.loading import Case, CaseError, CaseProblem
from pytest_qparity.case.names import known_list, nearest
from pytest_qparity.case.patterns import matches
from pytest_qparity.gate.canary_file import canary_problems, no_canary_problems
from pytest_qparity.gate.counterpart_names import counterpart_problems
from pytest_qparity.gate.metrics import metric_problems
from pytest_qparity.precision.choosing import is_emulated
from pytest_qparity.precision.contradictions import contradictions
from pytest_qparity.precision.table import FLOATS, PRECISIONS, base_of
from pytest_qparity.verdict import EMULATED, Code, run_id

if TYPE_CHECKING:
    from pytest_qparity.backends.registry import BackendSpec
    from pytest_qparity.gate.settings import Settings

COSTS = ("latency", "memory")
CHECKS = ("preflight", "parity", "accuracy", "invariance", "latency", "memory", "regression")


@dataclass(frozen=True, slots=True)
class Run:
    """One cell of the matrix: a backend and a precision of a case, and the checks it gets.

    Kernels have no precision. `emulated`: the backend does not compute in the precision, float operators stand for it.
    `vanished`: a run of the baseline that the case no longer has; its one check says so.
    """

    backend: str
    precision: str
    checks: tuple[str, ...]
    emulated: bool = False
    vanished: bool = False

    @property
    def id(self) -> str:
        return run_id(self.backend, self.precision, self.emulated)


def plan(
    case: Case, settings: Settings, backends: Sequence[str], precisions: Sequence[str] | None = None
) -> tuple[Run, ...]:
    """The runs of a case over `backends` and (where given) those of its precisions that are in `precisions`.

    A precision that the case does not have is left out: another case may have it. Raises CaseError where the case names
    a backend, precision, metric or waiver that nothing answers to, ValueError where the caller names a backend that
    nobody knows, or an empty list: a plan of nothing would look like a case without a fault.
    """
    require_known_backends(backends, settings)
    if precisions is not None and not precisions:
        raise ValueError("got no precision, should be one or more, or None for all of the case")
    problems = tuple(_problems(case, settings))
    if problems:
        raise CaseError(case.path, problems)
    runs = tuple(
        _run(case, settings, settings.backends[backend], precision)
        for backend in backends
        for precision in case.spec.precisions
        if precisions is None or precision in precisions
    )
    return (*runs, *_vanished(case, settings, backends))


def _vanished(case: Case, settings: Settings, backends: Sequence[str]) -> Iterator[Run]:
    """Runs of the baseline on these backends that the case no longer has, whichever precisions were asked for: who
    renames one and asks for the new name would otherwise never hear of the old one."""
    known = () if settings.baseline is None else settings.baseline.runs
    gone = {
        (each.backend, each.precision): each.run.endswith(EMULATED)
        for each in known
        if each.case == case.name and each.precision not in case.spec.precisions
    }
    for (backend, precision), emulated in sorted(gone.items()):
        if backend in backends:
            yield Run(backend, precision, ("regression",), emulated, vanished=True)


def checks_of(case: Case, settings: Settings, backend: str, precision: str) -> tuple[str, ...]:
    """The checks that a run of the case has."""
    return _run(case, settings, settings.backends[backend], precision).checks


def _run(case: Case, settings: Settings, backend: BackendSpec, precision: str) -> Run:
    """An emulated run has no speed and memory of its own: those checks are planned where a budget asks for them alone,
    and cannot judge it."""
    emulated = _is_emulated(case, backend, precision)
    checks = tuple(check for check in _checks(case) if check != "regression" or settings.baseline is not None)
    if emulated and precision not in case.spec.budgets.get(backend.name, {}):
        checks = tuple(check for check in checks if check not in COSTS)
    return Run(backend.name, precision, checks, emulated)


def _is_emulated(case: Case, backend: BackendSpec, precision: str) -> bool:
    stated = case.spec.precisions[precision]
    return is_emulated(str(base_of(precision, stated.base)), stated, backend.emulated)


def require_known_backends(backends: Sequence[str], settings: Settings) -> None:
    unknown = next((name for name in backends if name not in settings.backends), None)
    if unknown is not None or not backends:
        got = "no backend" if unknown is None else f"backend {unknown!r}"
        raise ValueError(f"got {got}, should be one or more of: {known_list(settings.backends)}")


def _checks(case: Case) -> tuple[str, ...]:
    unasked = {"accuracy": case.spec.accuracy is None, "invariance": case.spec.invariance is None}
    return tuple(check for check in CHECKS if not unasked.get(check, False))


def _problems(case: Case, settings: Settings) -> Iterable[CaseProblem]:
    canaries = settings.canaries
    yield from canary_problems(case) if canaries.holds(case.path) else no_canary_problems(case)
    namesake = canaries.namesake(case.name, case.path)
    if namesake is not None:
        yield CaseProblem(
            Code.CASE_NAME,
            None,
            f'Got a case named "{case.name}" beside the canary file {namesake}, should have a name of its own.',
            "rename one of the files: goldens are stored by the name",
        )
    yield from _rivals(case)
    for name in case.spec.precisions:
        yield from _precision_problems(case, name, settings)
    for backend in case.spec.budgets:
        if backend not in settings.backends:
            yield _unknown(case, ("budgets", backend), "backend", backend, settings.backends)
    yield from counterpart_problems(case, settings.backends)
    yield from _option_problems(case, settings)
    yield from metric_problems(case, settings.metrics)
    yield from _waiver_problems(case, settings)


def _rivals(case: Case) -> Iterator[CaseProblem]:
    """Keys of two tables of which only one can hold."""
    spec = case.spec
    if spec.data.drawn and spec.accuracy is not None:
        yield CaseProblem(
            Code.CASE_VALUE,
            case.line_of("data", "drawn"),
            "Got drawn = true beside [accuracy], should be one of the two: of drawn inputs nothing is right.",
            "remove [accuracy], or give recorded data with labels and remove drawn",
        )
    if spec.state and spec.data.batch != 1:
        yield CaseProblem(
            Code.CASE_VALUE,
            case.line_of("data", "batch"),
            f"Got batch = {spec.data.batch} beside state, should be 1: each step begins with what the one before gave.",
            "remove batch from [data]",
        )
    if spec.accuracy is not None and len(spec.accuracy.looks) > 1 and (spec.state or not spec.data.population):
        beside, why = (
            ("state", "the steps of a recording are run in their order")
            if spec.state
            else ("population = false", "of a census every sample counts")
        )
        yield CaseProblem(
            Code.CASE_VALUE,
            case.line_of("accuracy", "looks"),
            f"Got looks beside {beside}, should be none: {why}.",
            "remove looks",
        )


def _precision_problems(case: Case, name: str, settings: Settings) -> Iterator[CaseProblem]:
    precision = case.spec.precisions[name]
    base, own = base_of(name, precision.base), base_of(name, None)
    location = ("precisions", name, *(("base",) if precision.base else ()))
    if base is not None and own is not None and own != base:
        yield CaseProblem(
            Code.CASE_VALUE,
            case.line_of(*location),
            f'Got base "{base}" for precision "{name}", should be "{own}", as its name says.',
            "rename the precision, or leave out base",
        )
    elif base is None:
        known = (*PRECISIONS, *settings.contributed.precisions)
        yield _unknown(case, location, "precision", precision.base or name, known)
    else:
        for wrong in contradictions(base, precision):
            yield CaseProblem(
                Code.CASE_VALUE,
                case.line_of("precisions", name, wrong.key),
                f'Got {wrong.got} for precision "{name}", should be {wrong.should}.',
                wrong.remedy,
            )
    if base in FLOATS and precision.min_quantized is not None:
        yield CaseProblem(
            Code.CASE_VALUE,
            case.line_of("precisions", name, "min_quantized"),
            f'Got min_quantized for precision "{name}", should have none: nothing runs quantized in {base}.',
            "remove min_quantized",
        )


def _option_problems(case: Case, settings: Settings) -> Iterator[CaseProblem]:
    """Options and resources for a backend that nobody knows, or that it does not take: they would have no effect."""
    for backend in sorted(case.spec.resources.keys() - settings.backends.keys()):
        yield _unknown(case, ("resources", backend), "backend", backend, settings.backends)
    for backend, stated in case.spec.backends.items():
        if backend not in settings.backends:
            yield _unknown(case, ("backends", backend), "backend", backend, settings.backends)
            continue
        taken = settings.backends[backend].options
        for key in sorted(stated.model_fields_set - set(taken)):
            others = [name for name, spec in settings.backends.items() if key in spec.options]
            should = f"one of: {known_list(taken)}" if taken else "none: it takes no options"
            remedy = f"take it out; it is for {known_list(others)}" if others else "take it out"
            sentence = f'Got {key} for backend "{backend}", should be {should}.'
            yield CaseProblem(Code.CASE_VALUE, case.line_of("backends", backend, key), sentence, remedy)


def _waiver_problems(case: Case, settings: Settings) -> Iterator[CaseProblem]:
    """Waivers of runs or checks that the case does not have: they would have no effect."""
    possible = [
        run_id(name, precision, _is_emulated(case, backend, precision))
        for name, backend in settings.backends.items()
        for precision in case.spec.precisions
    ]
    for index, waiver in enumerate(case.spec.waivers):
        if not any(matches(waiver.run, name) for name in possible):
            yield CaseProblem(
                Code.CASE_DEAD_PATTERN,
                case.line_of("waivers", index, "run"),
                f'Got a waiver for run "{waiver.run}", should match a run such as "{possible[0]}".',
                _instead(waiver.run, possible, "name a backend and a precision of this case, or delete the waiver"),
            )
        for check in waiver.checks:
            if check not in _checks(case):
                yield CaseProblem(
                    Code.CASE_DEAD_PATTERN,
                    case.line_of("waivers", index, "checks"),
                    f'Got a waiver for check "{check}", should be one of this case: {known_list(_checks(case))}.',
                    f'take "{check}" out of the waiver, or add the table [{check}]',
                )


def _unknown(case: Case, location: tuple[str | int, ...], kind: str, word: str, known: Iterable[str]) -> CaseProblem:
    known = tuple(known)
    return CaseProblem(
        Code.CASE_DEAD_PATTERN,
        case.line_of(*location),
        f'Got {kind} "{word}", should be one of: {known_list(known)}.',
        _instead(word, known, f"name a {kind} that is there"),
    )


def _instead(word: str, known: Iterable[str], otherwise: str) -> str:
    near = nearest(word, known)
    return f'write "{near}"' if near is not None else otherwise
