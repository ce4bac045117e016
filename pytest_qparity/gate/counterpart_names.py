"""What a case calls the counterparts of its latencies: precisions of a run's own backend, and runs of any."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from pytest_qparity.case.loading import CaseProblem
from pytest_qparity.case.names import known_list, nearest
from pytest_qparity.case.references import FLOAT
from pytest_qparity.verdict import Code, run_id

if TYPE_CHECKING:
    from pytest_qparity.case.loading import Case

__all__ = ["FLOAT", "counterpart_place", "counterpart_problems"]


def counterpart_place(name: str, own: str, case: Case, backends: Collection[str]) -> tuple[str, str] | None:
    """Backend and precision of a counterpart; None where nothing is called so. A name that is a precision is one on
    the run's `own` backend."""
    precisions = dict.fromkeys((*case.spec.precisions, FLOAT))
    if name in precisions:
        return own, name
    return _runs(case, backends).get(name)


def _runs(case: Case, backends: Collection[str]) -> dict[str, tuple[str, str]]:
    precisions = dict.fromkeys((*case.spec.precisions, FLOAT))
    return {run_id(backend, precision): (backend, precision) for backend in backends for precision in precisions}


def counterpart_problems(case: Case, backends: Collection[str]) -> Iterator[CaseProblem]:
    """Names in `speedup_over` and `[latency] over` that nothing answers to. Of a budget, those that can be no run of
    any backend were told when the file was read."""
    for own, runs in case.spec.budgets.items():
        for precision, budget in runs.items():
            for name in budget.speedup_over or ():
                place = counterpart_place(name, own, case, backends)
                line = case.line_of("budgets", own, precision, "speedup_over", name)
                if place is None:
                    yield _unknown(name, line, case, backends)
                elif place == (own, precision):
                    sentence = f'Got "{name}" as counterpart of {run_id(own, precision)}, should be another run.'
                    yield CaseProblem(Code.CASE_DEAD_PATTERN, line, sentence, "take it out")
                elif place[0] == own and name not in (*case.spec.precisions, FLOAT):
                    sentence = f'Got "{name}" as counterpart of a run of {own}, should be the precision alone.'
                    yield CaseProblem(Code.CASE_DEAD_PATTERN, line, sentence, f'write "{place[1]}"')
    for name in () if case.spec.latency is None else case.spec.latency.over:
        if counterpart_place(name, "", case, backends) is None:
            yield _unknown(name, case.line_of("latency", "over"), case, backends)


def _unknown(name: str, line: int | None, case: Case, backends: Collection[str]) -> CaseProblem:
    precisions = dict.fromkeys((*case.spec.precisions, FLOAT))
    sentence = (
        f'Got counterpart "{name}", should be a precision of this case ({known_list(precisions)}), or one of a backend '
        f"({known_list(backends)}) such as {run_id(next(iter(backends)), FLOAT)}."
    )
    near = nearest(name, (*precisions, *_runs(case, backends)))
    return CaseProblem(Code.CASE_DEAD_PATTERN, line, sentence, f'write "{near}"' if near else "remove it")
