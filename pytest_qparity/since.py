"""The ledger that a session carries verdicts over from: of a git revision, or a file; or why it carries none."""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pytest_qparity.digest import file_digest
from pytest_qparity.environment import commit_named
from pytest_qparity.ledger.earlier import Earlier, NotCarried, earlier_of
from pytest_qparity.ledger.reading import LedgerError, read_ledger
from pytest_qparity.selection import SelectionError

__all__ = ["Since", "since_named"]


@dataclass(frozen=True, slots=True)
class Since:
    """`asked`: revision or file, as it was named; `path`: of the ledger; `earlier`: None where nothing is carried, and
    `why_not` says why."""

    asked: str
    path: Path
    earlier: Earlier | None
    why_not: str = ""

    def as_json(self) -> dict[str, Any]:
        """As the start of the new ledger tells it."""
        known = self.earlier
        whose = {} if known is None else {"ledger": known.sha256, "session": known.session, "commit": known.commit}
        return {"asked": self.asked, "why_not": self.why_not or None, **whose}

    def copied(self, folder: Path) -> Since:
        """The same from a copy in `folder`, for other processes: its own path is about to be taken by a new ledger."""
        if self.earlier is None:
            return self
        target = folder / f"{self.earlier.sha256}.json"
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.path, target)
        return replace(self, path=target)

    def remove_copy(self) -> None:
        with contextlib.suppress(OSError):
            self.path.unlink()


def since_named(asked: str, root: Path, last: Path) -> Since:
    """`asked`: a ledger's file, from `root`, or a revision of the git repository around it; `last`: the last session's
    ledger, which counts where it is of that revision. A ledger that cannot be used is no error: all is judged then.

    Raises SelectionError where `asked` is neither.
    """
    if (root / asked).is_file():
        return _read(asked, root / asked)
    commit = commit_named(root, asked)
    if commit is None:
        should = "a revision that git knows, or a ledger's file"
        raise SelectionError(f"got {asked!r} as --qparity-since, should be {should}")
    if not last.is_file():
        return Since(asked, last, None, f"there is no ledger {last.name} yet")
    since = _read(asked, last)
    if since.earlier is not None and since.earlier.commit != commit:
        whose = since.earlier.commit or "a commit that git did not tell"
        return Since(asked, last, None, f"the last ledger is of {whose[:18]}, not of {commit[:12]}")
    return since


def _read(asked: str, path: Path) -> Since:
    try:
        digest = file_digest(path)
        earlier = earlier_of(read_ledger(path), digest)
    except (OSError, LedgerError) as error:
        return Since(asked, path, None, f"it cannot be read: {error}")
    if isinstance(earlier, NotCarried):
        return Since(asked, path, None, "; ".join(earlier.reasons))
    return Since(asked, path, earlier)
