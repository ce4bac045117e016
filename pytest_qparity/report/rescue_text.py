"""A rescue on a terminal of 80 columns: the answer, what it rests on, and the front."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_qparity.gate.planning import CHECKS
from pytest_qparity.report.text import one_line, printable_lines, wrapped
from pytest_qparity.rescue.other_recipes import said

if TYPE_CHECKING:
    from pytest_qparity.rescue.evaluation import Evaluation, Judged
    from pytest_qparity.rescue.result import Rescue, Row

__all__ = ["HEAD", "cells", "headline", "rescue_text"]

HEAD = ("float", "MACs", "SQNR, dB", "lost, pt", "speed", "MB", "gate")


def rescue_text(found: Rescue, case: str, run: str, asis: Evaluation) -> str:
    """`case`, `run`: as a command names them; asis: what the run is without a change."""
    return printable_lines("\n".join(_lines(found, case, run, asis)) + "\n")


def _lines(found: Rescue, case: str, run: str, asis: Evaluation) -> Iterator[str]:
    yield f"{headline(found)}  {one_line(case)}  {one_line(run)}"
    yield ""
    yield from _checks("before", asis.checks)
    if not found.passes_already and (found.final or found.best.candidate != asis.candidate):
        name = "after" if found.final else "nearest"
        yield from _checks(name, found.final or found.best.checks)
        yield wrapped("float     ", _float_nodes(found))
    for sentence in found.told:
        yield wrapped("found     ", sentence)
    if found.proof is not None:
        yield wrapped("proof     ", found.proof.sentence)
    for sentence in found.warnings:
        yield wrapped("speed     ", sentence)
    if found.spent:
        yield wrapped("budget    ", "spent; this is the best so far. --evaluations and --minutes give it more")
    if not found.passes_already and found.best.suffices and found.best.candidate != asis.candidate:
        yield ""
        yield found.text
    if len(found.rows) > 1:
        yield ""
        yield from _table(found)
    yield ""
    earlier = f", {found.resumed} of them in an earlier session" if found.resumed else ""
    yield wrapped("", f"{found.evaluations} evaluations of the gate{earlier}. Journal: {found.journal}")


def headline(found: Rescue) -> str:
    if found.passes_already:
        return "passes already"
    if found.is_undecided:
        return "undecided"
    return "rescued" if found.rescued else "not rescued"


def _checks(label: str, checks: object) -> Iterator[str]:
    assert isinstance(checks, dict)
    told: dict[str, Judged] = checks
    ordered = sorted(told, key=lambda name: CHECKS.index(name) if name in CHECKS else len(CHECKS))
    figures = ", ".join(f"{name} {told[name].deciding} {_mark(told[name])}" for name in ordered)
    yield wrapped(f"{label:<10}", figures)


def _mark(judged: Judged) -> str:
    return "(pass)" if judged.passes else f"({judged.outcome})"


def _float_nodes(found: Rescue) -> str:
    count = len(found.best.candidate.keep_float)
    if not found.quantized:
        return f"{count} nodes"
    limit = "" if found.most is None else f"; at most {found.most} may be"
    return f"{count} of {found.quantized} quantized nodes ({count / found.quantized:.1%}){limit}"


def _table(found: Rescue) -> Iterator[str]:
    yield "The front: each loses less than all that keep less float."
    lines = [HEAD, *(cells(row, found) for row in found.rows)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(HEAD))]
    for line in lines:
        yield "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)).rstrip()


def cells(row: Row, found: Rescue) -> tuple[str, ...]:
    """A line of the front. Of the answer "pass" is what its last judgement says, of all its checks."""
    each = row.evaluation
    changed = f" {said(each.candidate.changes)}".rstrip()
    is_answer = each.candidate == found.best.candidate
    mark = " <" if is_answer else ""
    passes = each.passes and (not is_answer or not found.final or all(judged.passes for judged in found.final.values()))
    return (
        f"{len(each.candidate.keep_float)}",
        "" if row.macs_share is None else f"{row.macs_share:.1%}",
        "" if each.sqnr_db is None else f"{each.sqnr_db:.1f}",
        "" if each.drop_points is None else f"{each.drop_points:.2f}",
        "" if each.speed_up is None else f"{each.speed_up:.2f}x",
        "" if each.size_mb is None else f"{each.size_mb:.2f}",
        f"{'pass' if passes else 'undecided' if each.is_undecided else 'fail'}{changed}{mark}",
    )
