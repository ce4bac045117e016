"""From a case file to a Case, or to one error with everything that is wrong with the file."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from pytest_qparity.case.contributed import NOTHING_CONTRIBUTED, Contributed, written_out
from pytest_qparity.case.location import line_in, line_of, lines_of
from pytest_qparity.case.problems import Finding, findings, shown, uncapitalized
from pytest_qparity.case.reach import Reach
from pytest_qparity.case.references import OUTSIDE_REMEDY, known_findings, reference_findings
from pytest_qparity.case.schema import CaseSpec, ConformanceSpec
from pytest_qparity.verdict import Code

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LARGEST_CASE_FILE = 2**20  # bytes: hand-written ones have thousands; a parser is not fed what is none
Spec = TypeVar("Spec", CaseSpec, ConformanceSpec)
_AT_LINE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


@dataclass(frozen=True, slots=True)
class CaseProblem:
    """One thing that is wrong with a case file."""

    code: Code
    line: int | None
    sentence: str
    remedy: str


class CaseError(Exception):
    """Everything that is wrong with one case file."""

    def __init__(self, path: Path, problems: tuple[CaseProblem, ...]) -> None:
        super().__init__(path, problems)
        self.path = path
        self.problems = problems

    def __str__(self) -> str:
        return self.text(self.path)

    def text(self, shown_path: Path) -> str:
        """One block for each problem, with the path as `shown_path` says it (relative to rootdir, say)."""
        return "\n\n".join(_block(problem, shown_path) for problem in self.problems)


def _block(problem: CaseProblem, path: Path) -> str:
    place = f"{path}:{problem.line}" if problem.line is not None else str(path)
    return f"{problem.code.code}  {place}\n{problem.sentence}\nTry: {problem.remedy}"


@dataclass(frozen=True, slots=True)
class _CaseFile:
    """What all kinds of case files have. Paths in their `spec` are relative to `folder`."""

    name: str
    path: Path

    @property
    def folder(self) -> Path:
        return self.path.parent

    def line_of(self, *location: str | int) -> int | None:
        """The line of a key such as `("parity", "int8")`. Reads the file again: for messages only."""
        try:
            return line_of(self.path.read_text(encoding="utf-8"), location)
        except (OSError, UnicodeDecodeError):
            return None


@dataclass(frozen=True, slots=True)
class Case(_CaseFile):
    """A model under test and what is promised of it."""

    spec: CaseSpec


@dataclass(frozen=True, slots=True)
class ConformanceCase(_CaseFile):
    """Kernels that are held against their operators' specifications; it has no model."""

    spec: ConformanceSpec


def load_case(path: Path, roots: Sequence[Path] | None = None, contributed: Contributed = NOTHING_CONTRIBUTED) -> Case:
    """Read and check the case file of a model; it and the modules that it names are read, nothing is imported or
    opened.

    With `roots`, the case file and the files that it names must be in one of these folders or below. `contributed`:
    what plugins name, which the case then has as if its file said it.
    """
    document, text, reach = _document(path, roots)
    return _case(document, text, reach, path, contributed)


def load_any_case(
    path: Path, roots: Sequence[Path] | None = None, contributed: Contributed = NOTHING_CONTRIBUTED
) -> Case | ConformanceCase:
    """As `load_case`, of a case file of either kind: one with a [conformance] table has no model."""
    document, text, reach = _document(path, roots)
    if "conformance" in document:
        spec = _checked(ConformanceSpec, document, text, known_findings(document, reach), path)
        return ConformanceCase(path.stem, path, spec)
    return _case(document, text, reach, path, contributed)


def _case(document: dict[str, Any], text: str, reach: Reach, path: Path, contributed: Contributed) -> Case:
    whole, wrong = written_out(document, contributed)
    # What is wrong with a plugin's keys is said of the plugin alone, not of the case's table as well.
    more = wrong or reference_findings(whole, reach)
    return Case(path.stem, path, _checked(CaseSpec, document if wrong else whole, text, more, path))


def _document(path: Path, roots: Sequence[Path] | None) -> tuple[dict[str, Any], str, Reach]:
    reach = Reach.of(path.parent, roots)
    _require_inside(path, reach)
    text = _read(path)
    return _parse(text, path), text, reach


def _checked(model: type[Spec], document: dict[str, Any], text: str, more: list[Finding], path: Path) -> Spec:
    """Raises CaseError with all that is wrong: what the schema says, and what `more` does."""
    spec: Spec | None = None
    found: list[Finding] = []
    try:
        spec = model.model_validate(document)
    except ValidationError as error:
        found = findings(error.errors(include_url=False), model)
    found += more
    if spec is None or found:
        raise CaseError(path, _located(found, text))
    return spec


def _located(found: list[Finding], text: str) -> tuple[CaseProblem, ...]:
    lines = lines_of(text)
    problems = [CaseProblem(each.code, line_in(lines, each.location), each.sentence, each.remedy) for each in found]
    return tuple(sorted(problems, key=lambda problem: problem.line or 0))


def _require_inside(path: Path, reach: Reach) -> None:
    """Not even a line of a file outside is shown, as a syntax error would."""
    if (target := reach.outside(path.name)) is not None:
        sentence = f"Got a case file that leads to {target}, should be below {reach.shown}."
        raise CaseError(path, (CaseProblem(Code.CASE_OUTSIDE, None, sentence, OUTSIDE_REMEDY),))


def _read(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST_CASE_FILE + 1)
    except OSError as error:
        sentence = f"Got {shown(error.strerror or type(error).__name__)}, should be a case file that can be read."
        raise CaseError(
            path, (CaseProblem(Code.CASE_MISSING_FILE, None, sentence, "check the path and its permissions"),)
        ) from None
    if len(content) > LARGEST_CASE_FILE:
        sentence = f"Got more than {LARGEST_CASE_FILE:,} bytes (1 MiB), should be a case file of at most that."
        raise _syntax_error(path, None, sentence, "keep models and data in files of their own, and name these here")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        sentence = f"Got the byte 0x{content[error.start]:02x}, should be text in UTF-8."
        raise _syntax_error(path, line, sentence, "save the file as UTF-8") from None


def _parse(text: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise _syntax_error(path, 1, "Got brackets nested too deep, should be TOML.", "write it flat") from None
    except ValueError as error:  # TOMLDecodeError, or int() of more digits than Python takes
        reason = str(error)
        at = _AT_LINE.search(reason)
        lines = text.split("\n")
        line = int(at[1]) if at is not None and at[1] else len(lines)
        got = lines[line - 1].strip()
        sentence = f"Got {shown(got)}, should be TOML: {uncapitalized(_AT_LINE.sub('', reason))}."
        raise _syntax_error(path, line, sentence, f'correct line {line}; look for a quote, a bracket or "="') from None


def _syntax_error(path: Path, line: int | None, sentence: str, remedy: str) -> CaseError:
    return CaseError(path, (CaseProblem(Code.CASE_SYNTAX, line, sentence, remedy),))
