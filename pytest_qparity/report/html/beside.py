"""What a page shows beside its ledger: diagnoses and a history, read from the files that hold them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_qparity.report.html.trends import Trend, trend_of

__all__ = ["BesideError", "diagnosis_in", "trends_in"]


class BesideError(Exception):
    """A file that is not what a page could show: the text says what was found, and what should be."""


def diagnosis_in(path: Path) -> Mapping[str, Any]:
    """What `qparity diagnose --json` printed into `path`. Raises BesideError."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no JSON"
        raise BesideError(f"got {reason} ({path}), should be what qparity diagnose --json printed") from None
    if not isinstance(told, dict) or not {"subject", "findings"} <= told.keys():
        raise BesideError(f"got {path} without subject and findings, should be what qparity diagnose --json printed")
    return told


def trends_in(path: Path) -> Sequence[Trend]:
    """The series of a history, with their changes of level where the package that finds them is installed. Raises
    BesideError."""
    from pytest_qparity.report.change_points import change_points
    from pytest_qparity.report.history import HistoryError, read_history, series_of
    from pytest_qparity.verdict import CannotJudge

    try:
        all_series = series_of(read_history(path))
    except OSError as error:
        reason = error.strerror or error
        raise BesideError(f"got {reason} ({path}), should be a history: qparity history add LEDGER") from None
    except HistoryError as error:
        raise BesideError(str(error)) from None
    try:
        return [trend_of(series, change_points(series)) for series in all_series]
    except CannotJudge:
        return [trend_of(series) for series in all_series]
