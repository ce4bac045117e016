"""The reports that a session was asked for, written once its ledger is closed; on GitHub Actions the step's summary
and annotations too."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_qparity.ledger import Ledger
    from pytest_qparity.report.added import Added, ReportSection

__all__ = ["Reporting"]


class Reporting:
    """`reports`: files by whose endings faces are chosen; `root`: where the paths of case files start; `sections`:
    those that plugins add."""

    def __init__(
        self, reports: tuple[Path, ...], root: Path, sections: Sequence[ReportSection] = (), *, on_github: bool
    ) -> None:
        self._reports = reports
        self._root = root
        self._on_github = on_github
        self._sections = sections
        self.added: tuple[Added, ...] = ()
        self.written: tuple[Path, ...] = ()
        self.problems: tuple[str, ...] = ()  # one line for each report that could not be written

    def forget_earlier(self) -> None:
        """Remove reports of earlier sessions: one that is killed must leave none behind that passes."""
        for path in self._reports:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    def write(self, ledger: Ledger) -> None:
        from pytest_qparity.report.faces import FaceError, write_report

        self.added = self.added_to(ledger)
        written: list[Path] = []
        problems: list[str] = []
        for path in self._reports:
            try:
                write_report(ledger, path, self._root, {"sections": self.added})
                written.append(path)
            except FaceError as error:
                problems.append(_unwritten(path, str(error)))
            except OSError as error:
                problems.append(_unwritten(path, f"got {error.strerror or error}"))
            except Exception as error:  # noqa: BLE001  whatever a face stumbles over: summary and ledger stand
                problems.append(_unwritten(path, f"got {type(error).__name__}: {error}"))
        if self._on_github:
            problems += self._step_summary(ledger)
        self.written, self.problems = tuple(written), tuple(problems)

    def added_to(self, ledger: Ledger) -> tuple[Added, ...]:
        """What plugins say of a ledger."""
        if not self._sections:
            return ()
        from pytest_qparity.report.added import added_sections

        return added_sections(ledger, self._sections)

    def _step_summary(self, ledger: Ledger) -> Iterator[str]:
        """Appended: other steps of the job, and other sessions of the step, write there too."""
        from pytest_qparity.report.markdown import summary_markdown

        name = os.environ.get("GITHUB_STEP_SUMMARY", "")
        if not name:
            yield "Got no GITHUB_STEP_SUMMARY, should be the file that GitHub Actions names: --qparity-github"
            return
        try:
            with Path(name).open("a", encoding="utf-8", errors="backslashreplace") as stream:
                stream.write(f"{summary_markdown(ledger, self._root, self.added)}\n")
        except OSError as error:
            yield f"Got {error.strerror or error} for GITHUB_STEP_SUMMARY, should be a file: --qparity-github"

    def annotations(self, ledger: Ledger) -> tuple[str, ...]:
        """Commands to GitHub, each to be printed as a line of its own; none elsewhere."""
        if not self._on_github:
            return ()
        from pytest_qparity.report.annotations import github_annotations

        return tuple(github_annotations(ledger, self._root))


def _unwritten(path: Path, reason: str) -> str:
    again = f"qparity report -o {shlex.quote(path.name)}"
    return f"The report {path} was not written ({reason}); the ledger stands: {again}"
