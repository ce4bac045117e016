"""A summary for pull requests and $GITHUB_STEP_SUMMARY: verdict, problems, comparison, in 60 lines at most."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_qparity.ledger.events import GOOD, badness
from pytest_qparity.report.added_text import added_markdown
from pytest_qparity.report.as_float import as_float_lines
from pytest_qparity.report.carried import carried_lines
from pytest_qparity.report.comparison import ComparisonRow, comparison_rows
from pytest_qparity.report.extract import extract_lines
from pytest_qparity.report.made_here import made_here_lines
from pytest_qparity.report.markup import cut, markdown_code, markdown_text
from pytest_qparity.report.moved import moved_note
from pytest_qparity.report.problems import Problem, problems_of
from pytest_qparity.report.standing import Word, expired_lines, standing_of
from pytest_qparity.report.table import markdown_rows
from pytest_qparity.report.unneeded import unneeded_waivers
from pytest_qparity.verdict import Outcome, counted

if TYPE_CHECKING:
    from pytest_qparity.ledger import Ledger
    from pytest_qparity.report.added import Added

__all__ = ["MOST_LINES", "summary_markdown"]

MOST_LINES = 60
MOST_SHOWN = 10  # problems in the table
MOST_TOLD = 6  # problems with their sentences
MOST_COMPARED = 12  # lines of the comparison
_MOST_WAIVED = 3  # runs of a waiver
_LONGEST_NAME, _LONGEST_SENTENCE = 120, 400
_HEADS = {Word.PASSES: "✅", Word.DOES_NOT_PASS: "❌"}
_MARKS = {Outcome.ACCURACY_FAIL.value: "❌", Outcome.BUDGET_FAIL.value: "❌", Outcome.CANNOT_JUDGE.value: "❓"}


def summary_markdown(
    ledger: Ledger, root: Path, sections: Sequence[Added] = (), today: datetime.date | None = None
) -> str:
    """`root`: see problems_of. `sections`: those that plugins add, as far as there is room. `today`: the day on which
    waivers have to hold; None: this one."""
    problems = problems_of(ledger, root)
    standing = standing_of(ledger, today)
    lines = [f"## {_HEADS.get(standing.word, '⚠️')} qparity: {standing.said}", ""]
    if standing.word is not Word.PASSES:
        lines += [" ".join(markdown_text(cut(each, _LONGEST_SENTENCE)) for each in standing.sentences), ""]
    lines += [f"{counted(len(ledger.planned), 'check')} planned: {_counts(ledger)}.", ""]
    joined = (
        "; ".join(lines) for lines in (expired_lines(ledger, today), made_here_lines(ledger), as_float_lines(ledger))
    )
    for line in filter(None, (*extract_lines(ledger), *carried_lines(ledger), *joined)):
        lines += [f"{markdown_text(cut(line, _LONGEST_SENTENCE))}.", ""]
    of_checks = [problem for problem in problems if problem.path]
    if of_checks:
        lines += [*_table(of_checks), "", *_folded("What is wrong, and what to try", _told(of_checks)), ""]
    rows = sorted(comparison_rows(ledger), key=_worst_first)
    if rows:
        lines += [*_folded(f"Comparison of {counted(len(rows), 'run')}", _compared(rows)), ""]
    lines += _waived(ledger)
    lines += _unneeded(ledger)
    lines = "\n".join(lines).rstrip("\n").split("\n")
    return "\n".join([*lines, *added_markdown(sections, MOST_LINES - len(lines))]) + "\n"


def _counts(ledger: Ledger) -> str:
    counts = Counter(event["outcome"] for event in ledger.verdicts)
    said = [f"{number} {markdown_text(outcome)}" for outcome, number in sorted(counts.items(), key=_by_badness)]
    if ledger.unjudged:
        said.append(f"{len(ledger.unjudged)} without a verdict")
    return ", ".join(said) or "none judged"


def _by_badness(counted: tuple[str, int]) -> int:
    return -badness(counted[0])


def _table(problems: Sequence[Problem]) -> Iterator[str]:
    yield "| | run | check | verdict | got |"
    yield "| --- | --- | --- | --- | --- |"
    shown = list(dict.fromkeys(map(_line, problems)))
    yield from shown[:MOST_SHOWN]
    if len(shown) > MOST_SHOWN:
        yield f"| | and {len(shown) - MOST_SHOWN} more | | | |"


def _line(problem: Problem) -> str:
    where = f"{problem.path}::{problem.run}" if problem.run else problem.path
    got = problem.deciding or problem.code
    name = markdown_code(cut(where, _LONGEST_NAME))
    check, outcome, told = (markdown_text(cut(text, _LONGEST_NAME)) for text in (problem.check, problem.outcome, got))
    return f"| {_MARKS.get(problem.outcome, '❓')} | {name} | {check} | {outcome} | {told} |"


def _told(problems: Sequence[Problem]) -> Iterator[str]:
    told: dict[tuple[str, str], list[Problem]] = {}
    for problem in problems:
        told.setdefault((problem.code, problem.sentence), []).append(problem)
    for (code, sentence), of in list(told.items())[:MOST_TOLD]:
        more = f" and {len(of) - 1} more" if len(of) > 1 else ""
        remedy = f" Try: {markdown_text(cut(of[0].remedy, _LONGEST_SENTENCE))}" if of[0].remedy else ""
        name = markdown_code(cut(of[0].node_id, _LONGEST_NAME))
        yield f"- **{code}** {name}{more}: {markdown_text(cut(sentence, _LONGEST_SENTENCE))}{remedy}"
    if len(told) > MOST_TOLD:
        yield f"- and {len(told) - MOST_TOLD} more, in the ledger"


def _compared(rows: Sequence[ComparisonRow]) -> Iterator[str]:
    head, rule, *lines = markdown_rows(rows)
    yield from (head, rule, *lines[:MOST_COMPARED])
    if len(lines) > MOST_COMPARED:
        yield ""
        yield f"and {len(lines) - MOST_COMPARED} more lines: `qparity report --table`"
    for note in moved_note(rows):
        yield ""
        yield markdown_text(cut(note, _LONGEST_SENTENCE))
    refused = [row for row in rows if row.problems]
    if refused:
        yield ""
        yield f"Refused: {markdown_text(cut(refused[0].problems[0], _LONGEST_SENTENCE))}"


def _folded(title: str, lines: Iterator[str]) -> Iterator[str]:
    """GitHub and GitLab read Markdown within <details> behind an empty line."""
    yield f"<details><summary>{title}</summary>"
    yield ""
    yield from lines
    yield ""
    yield "</details>"


def _worst_first(row: ComparisonRow) -> tuple[bool, int]:
    """What is waived behind what does not pass, and before what does; beyond that the ledger's order stands."""
    return (row.outcome in GOOD and not row.problems, -badness(row.outcome))


def _waived(ledger: Ledger) -> Iterator[str]:
    """The first waiver and its runs, and how much else is waived."""
    used: dict[str, list[Mapping[str, Any]]] = {}
    for event in ledger.verdicts:
        if event["waiver"] is not None:
            used.setdefault(str(event["waiver"]), []).append(event)
    if not used:
        return
    first, events = next(iter(used.items()))
    checks = counted(sum(len(each) for each in used.values()), "check")
    runs = list(dict.fromkeys(f"{event['case']} {event['run']}" for event in events))
    more = f" and {counted(len(runs) - _MOST_WAIVED, 'more run')}" if len(runs) > _MOST_WAIVED else ""
    named = markdown_text(cut(", ".join(runs[:_MOST_WAIVED]), _LONGEST_SENTENCE)) + more
    reason = markdown_text(cut(first, _LONGEST_SENTENCE))
    if len(used) == 1:
        yield f"Waived: {checks} of {named}: {reason}."
    else:
        others = counted(len(used) - 1, "other reason")
        yield f"Waived: {checks}, {len(events)} of them of {named}: {reason}, and {others}."


def _unneeded(ledger: Ledger) -> Iterator[str]:
    waivers = unneeded_waivers(ledger)
    if waivers:
        first = markdown_text(cut(f"{waivers[0].case}: {waivers[0].waiver}", _LONGEST_SENTENCE))
        more = f", and {len(waivers) - 1} more" if len(waivers) > 1 else ""
        yield ""
        yield f"Waivers that nothing needed here: {first}{more}."
