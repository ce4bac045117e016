"""The faces of a ledger, chosen by what a file's name ends in."""

from __future__ import annotations

import importlib.util
import pkgutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pytest_qparity.durable import require_room, write_bytes

if TYPE_CHECKING:
    from pytest_qparity.ledger import Ledger

__all__ = ["FACES", "Face", "FaceError", "endings", "face_of", "reports_of", "write_report"]


NOTHING: Mapping[str, Any] = MappingProxyType({})


class FaceError(Exception):
    """A report that cannot be: the text says what was found, what was expected, what to do."""


@dataclass(frozen=True, slots=True)
class Face:
    """A form of report: what its file ends in, the function that makes it ("module:function", imported when it is
    asked for), whether that looks up lines of case files under a root, which of the things beside a ledger it shows,
    and the package that it needs."""

    ending: str
    target: str
    what: str
    has_lines: bool = False
    beside: tuple[str, ...] = ()
    package: str = ""
    extra: str = ""

    def content(self, ledger: Ledger, root: Path, beside: Mapping[str, Any] = NOTHING) -> bytes:
        make = pkgutil.resolve_name(self.target)
        more = {name: beside[name] for name in self.beside if name in beside}
        made = make(ledger, root, **more) if self.has_lines else make(ledger, **more)
        return made if isinstance(made, bytes) else str(made).encode("utf-8", "backslashreplace")


_HERE = "pytest_qparity.report"
FACES = (
    Face(".html", f"{_HERE}.html:report_page", "a page that people read", beside=("diagnoses", "trends", "sections")),
    Face(
        ".md",
        f"{_HERE}.markdown:summary_markdown",
        "a summary for a pull request",
        has_lines=True,
        beside=("sections",),
    ),
    Face(".csv", f"{_HERE}.check_rows:checks_csv", "every check as a row"),
    Face(".parquet", f"{_HERE}.check_rows:checks_parquet", "the same, typed", package="pyarrow", extra="parquet"),
    Face(".tex", f"{_HERE}.table:comparison_latex", "the comparison table"),
    Face(".svg", f"{_HERE}.badge:badge_svg", "a badge"),
    Face(".sarif", f"{_HERE}.sarif:ledger_sarif", "findings of preflight", has_lines=True),
    Face(".sarif.json", f"{_HERE}.sarif:ledger_sarif", "the same", has_lines=True),
    Face(".codequality.json", f"{_HERE}.annotations:code_quality", "GitLab's code quality", has_lines=True),
    Face(".json", f"{_HERE}.document:summary_json", "the answer for scripts", has_lines=True),
)


def endings() -> str:
    return ", ".join(face.ending for face in FACES)


def face_of(path: Path) -> Face:
    """Raises FaceError where no face has the file's ending, its package is not installed, or `path` leads to what is
    no regular file."""
    fitting = [face for face in FACES if path.name.lower().endswith(face.ending)]
    if not fitting:
        raise FaceError(f"got a report {path}, should end in one of {endings()}")
    face = max(fitting, key=lambda each: len(each.ending))
    if face.package and importlib.util.find_spec(face.package) is None:
        raise FaceError(
            f"got a report {path} without {face.package}, should be installed: pip install pytest-qparity[{face.extra}]"
        )
    try:
        require_room(path)
    except OSError as error:
        raise FaceError(f"got {error.strerror or error} as report {path}, should be a regular file, or none") from None
    return face


def reports_of(root: Path, names: Iterable[str], ledger: Path) -> tuple[Path, ...]:
    """Reports that can be written, named from `root`. Raises FaceError at one that cannot, two of one file, or the
    ledger itself."""
    paths = tuple(root / name.strip() for name in names if name.strip())
    for index, path in enumerate(paths):
        face_of(path)
        if path.resolve() == ledger.resolve():
            raise FaceError(f"got {path} as report too, should be another file: it is the ledger")
        if path in paths[:index]:
            raise FaceError(f"got the report {path} twice, should be one file each")
    return paths


def write_report(ledger: Ledger, path: Path, root: Path, beside: Mapping[str, Any] = NOTHING) -> None:
    """Write the face that `path` ends in, whole or not at all. `root`: where the paths of case files start; `beside`:
    `diagnoses` and `trends` for the page (`report.html.report_page`), `sections` for the page and the summary. Raises
    FaceError and OSError."""
    face = face_of(path)
    content = face.content(ledger, root, beside)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, content)
