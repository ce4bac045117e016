"""What speaks against a ledger, worst first, each with the place in a case file that it is about."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from pytest_qparity.case.location import Location, line_in, lines_of
from pytest_qparity.ledger.events import GOOD, NO_VERDICT, badness
from pytest_qparity.ledger.reading import Against
from pytest_qparity.report.text import one_line
from pytest_qparity.verdict import Code, Outcome

if TYPE_CHECKING:
    from pytest_qparity.ledger import Ledger

__all__ = ["Problem", "problems_of"]

_LARGEST_CASE_FILE = 1 << 20  # bytes: what case files may hold
_HEAD = re.compile(r"(QP-[A-Z]+-\d{3})  .*?(?::(\d+))?$")  # of a block of a case file's errors
_OF_CHECKS = (Against.REFUSED, Against.NO_CASE, Against.UNJUDGED)  # each of them is a problem of its own
_ASK_FOR_ALL = "judge every check of every case file, and let the session come to its end"


@dataclass(frozen=True, slots=True)
class Problem:
    """One failure of a check, a check without a verdict, a case file with an error, or a session that is not whole.

    `path` (of the case file, from rootdir; "" where no case file is to blame) and `line` in it, from 1; `run` and
    `check` are "" where it is about no check. `outcome`: that of the check, or "no verdict".
    """

    path: str
    line: int
    node_id: str
    run: str
    check: str
    outcome: str
    code: str
    title: str
    sentence: str
    remedy: str
    deciding: str = ""


def problems_of(ledger: Ledger, root: Path) -> tuple[Problem, ...]:
    """Empty exactly where the ledger stands for a pass. `root`: what the paths of case files start from; lines are 1
    where one is not there any more."""
    lines = _Lines(root)
    found = [*_of_verdicts(ledger, lines), *_of_case_files(ledger), *_of_unjudged(ledger, lines)]
    found.sort(key=lambda problem: -badness(problem.outcome) if problem.outcome != NO_VERDICT else 0)
    code = Code.RUN_INCOMPLETE
    of_session = (each.sentence for each in ledger.objections if each.kind not in _OF_CHECKS)
    found += [Problem("", 1, "", "", "", NO_VERDICT, code.code, code.title, told, _ASK_FOR_ALL) for told in of_session]
    return tuple(found)


def _of_verdicts(ledger: Ledger, lines: _Lines) -> Iterator[Problem]:
    for event in ledger.verdicts:
        if event["outcome"] in GOOD:
            continue
        node_id = event["node_id"]
        path = node_id.partition("::")[0]
        line = lines.of(path, ("precisions", str(event["precision"])))
        common = (path, line, node_id, str(event["run"]), str(event["check"]), event["outcome"])
        for failure in event["failures"]:
            code, title, sentence = failure["code"], failure["title"], failure["sentence"]
            yield Problem(*common, code, title, one_line(sentence), one_line(failure["remedy"]), event["deciding"])


def _of_case_files(ledger: Ledger) -> Iterator[Problem]:
    for path, error in ledger.case_errors.items():
        for block in error.strip().split("\n\n"):
            head, _, rest = block.partition("\n")
            matched = _HEAD.match(head)
            sentence, _, remedy = rest.partition("\nTry: ")
            code = Code.CASE_VALUE.code if matched is None else matched[1]
            line = int(matched[2]) if matched is not None and matched[2] else 1
            told = one_line(sentence if matched is not None else block)
            outcome = Outcome.CANNOT_JUDGE.value
            yield Problem(path, line, path, "", "", outcome, code, _TITLES.get(code, ""), told, one_line(remedy))


def _of_unjudged(ledger: Ledger, lines: _Lines) -> Iterator[Problem]:
    code = Code.RUN_INCOMPLETE
    for node_id in ledger.unjudged:
        path, run, check = _parts(node_id)
        reason = one_line(ledger.not_judged.get(node_id, "")) or "it never ended"
        sentence = f"Got no verdict ({reason}), should be one."
        line = lines.of(path, ("precisions", run.partition("-")[2]))
        yield Problem(path, line, node_id, run, check, NO_VERDICT, code.code, code.title, sentence, "run it again")


def _parts(node_id: str) -> tuple[str, str, str]:
    path, _, rest = node_id.partition("::")
    run, _, check = rest.partition("::")
    return path, run, check


_TITLES: Mapping[str, str] = {code.code: code.title for code in Code}


class _Lines:
    """Lines of keys in case files, each file read once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[str, dict[Location, int]] = {}

    def of(self, path: str, key: tuple[str, str]) -> int:
        if path not in self._known:
            self._known[path] = self._read(path)
        return line_in(self._known[path], key) or 1

    def _read(self, path: str) -> dict[Location, Any]:
        """Nothing of a file that is none, or that is not below the root: a ledger may be anyone's."""
        if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
            return {}
        try:
            with (self._root / path).open(encoding="utf-8") as stream:
                return lines_of(stream.read(_LARGEST_CASE_FILE))
        except (OSError, ValueError):
            return {}
