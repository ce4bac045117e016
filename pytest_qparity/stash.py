"""What the parts of the plugin leave for one another in pytest's own places: stash, items, reports, workers' output."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_qparity.books import Books
    from pytest_qparity.collection import CaseFile
    from pytest_qparity.dispatch import Dispatch
    from pytest_qparity.gate.pair import PairError, Prepared
    from pytest_qparity.selection import Selection
    from pytest_qparity.verdict import CannotJudge

SELECTION: pytest.StashKey[Selection] = pytest.StashKey()
CASE_FILES: pytest.StashKey[frozenset[Path]] = pytest.StashKey()
CASE_NAMES: pytest.StashKey[Mapping[Path, str]] = pytest.StashKey()  # of all case files
COLLECTED: pytest.StashKey[list[CaseFile]] = pytest.StashKey()
BOOKS: pytest.StashKey[Books] = pytest.StashKey()
PAIR: pytest.StashKey[Prepared] = pytest.StashKey()
PAIR_REFUSED: pytest.StashKey[PairError | CannotJudge | OSError] = pytest.StashKey()
DISPATCH: pytest.StashKey[Dispatch] = pytest.StashKey()  # of a session whose runs are judged elsewhere
REFUSAL: pytest.StashKey[str] = pytest.StashKey()  # why the options do not fit what was collected
PAYLOAD = "qparity_event"  # the attribute of a check item, and of its test report, that carries a verdict

# The keys under which a worker of pytest-xdist tells its controller: which case files it planned, why the
# options do not fit them (a precision that no case has), which checks were not asked for.
CASES_PLANNED = "qparity_cases_planned"
UNSEEN = "qparity_unseen"
NOT_ASKED_FOR = "qparity_not_asked_for"
# The key under which the controller tells its workers which file they are to carry verdicts over from.
SINCE = "qparity_since"


def planned_case_files(config: pytest.Config) -> list[str]:
    """The case files that were collected and are cases: whatever was left out of them, their checks are known."""
    return [case_file.nodeid for case_file in config.stash.get(COLLECTED, []) if case_file.is_planned]


def not_asked_for(session: pytest.Session) -> list[str]:
    """Checks of the cases that were collected which no item of the session is for, whoever left them out and how: by
    -k, -m, --lf or a node id, or a plugin that says nothing of it."""
    asked = {item.nodeid for item in session.items}
    case_files = session.config.stash.get(COLLECTED, [])
    return [node_id for case_file in case_files for node_id in case_file.node_ids if node_id not in asked]
