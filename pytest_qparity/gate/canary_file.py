"""What a canary file must be: each broken file beside a sound one, both judged by the same limits and none excused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_qparity.case.loading import CaseProblem
from pytest_qparity.case.names import known_list
from pytest_qparity.precision.table import base_of
from pytest_qparity.verdict import Code

if TYPE_CHECKING:
    from pytest_qparity.case.loading import Case


def canary_problems(case: Case) -> Iterator[CaseProblem]:
    """What keeps a case file from being a canary file."""
    spec = case.spec
    bases = {name: base_of(name, precision.base) for name, precision in spec.precisions.items()}
    broken = [name for name, precision in spec.precisions.items() if precision.caught_by]
    sound = {bases[name] for name in bases if name not in broken}
    if spec.waivers:
        yield _problem(
            case, ("waivers", 0), "Got a waiver", "none: a canary that is waived is none", "take the waivers out"
        )
    for backend in spec.budgets:
        should = "none: latency and memory of canaries are not measured"
        yield _problem(case, ("budgets", backend), "Got budgets", should, "take the budgets out")
    for name, precision in spec.precisions.items():
        if precision.file is None:
            got = f'Got precision "{name}" of a canary file without a file'
            yield _problem(case, ("precisions", name), got, "a given one", f'[precisions.{name}] file = "…"')
    for name in spec.parity:
        if name not in bases.values():
            got = f'Got limits for "{name}" alone'
            should = f"for {known_list(base for base in set(bases.values()) if base)}: sound and broken share them"
            yield _problem(case, ("parity", name), got, should, "name the table by the base")
    if not broken:
        got = "Got a canary file without a canary"
        yield _problem(case, ("precisions",), got, "a broken file with caught_by", 'add caught_by = ["QP-PAR-002"]')
    for name in broken:
        if bases[name] is not None and bases[name] not in sound:
            got = f'Got canary "{name}" without a sound {bases[name]} beside it'
            should = "one that passes: a gate that fails everything catches every canary"
            yield _problem(case, ("precisions", name), got, should, "add a precision without caught_by")


def no_canary_problems(case: Case) -> Iterator[CaseProblem]:
    """What only a canary file may say."""
    for name, precision in case.spec.precisions.items():
        if precision.caught_by:
            got = f'Got caught_by for "{name}" in a case'
            remedy = "move the file to where qparity_canaries finds it, or take caught_by out"
            yield _problem(case, ("precisions", name, "caught_by"), got, "in a canary file alone", remedy)


def _problem(case: Case, location: tuple[str | int, ...], got: str, should: str, remedy: str) -> CaseProblem:
    return CaseProblem(Code.CASE_VALUE, case.line_of(*location), f"{got}, should be {should}.", remedy)
