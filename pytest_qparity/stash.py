"""What the parts of the plugin leave for one another in pytest's own places: stash, items, reports, workers' output."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_qparity.collection import CaseFile
    from pytest_qparity.selection import Selection

SELECTION: pytest.StashKey[Selection] = pytest.StashKey()
CASE_FILES: pytest.StashKey[frozenset[Path]] = pytest.StashKey()
COLLECTED: pytest.StashKey[list[CaseFile]] = pytest.StashKey()
DESELECTED: pytest.StashKey[list[str]] = pytest.StashKey()
PAYLOAD = "qparity_event"  # the attribute of a check item, and of its test report, that carries a verdict

# The keys under which a worker of pytest-xdist tells its controller: how many case files it collected, a precision
# that no case has, which checks were deselected.
CASES_COLLECTED = "qparity_cases_collected"
UNSEEN = "qparity_unseen"
DESELECTED_THERE = "qparity_deselected"
