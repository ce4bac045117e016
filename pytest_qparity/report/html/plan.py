"""Checks of the plan that have no verdict: by case and run, as the verdicts are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from pytest_qparity.report.terminal import CHECK_ORDER

if TYPE_CHECKING:
    from pytest_qparity.ledger import Ledger

__all__ = ["NOT_ASKED_FOR", "NO_VERDICT", "Holes", "holes"]

NO_VERDICT = "no verdict"
NOT_ASKED_FOR = "not asked for"
# By case and run: what is known of a check that was not judged, and why there is no verdict.
Holes = Mapping[tuple[str, str], Mapping[str, tuple[str, str]]]


def holes(ledger: Ledger) -> Holes:
    """Of models alone: a kernel's check has a name that no check of a model has."""
    cases = {event["node_id"].partition("::")[0]: str(event["case"]) for event in ledger.verdicts}
    found: dict[tuple[str, str], dict[str, tuple[str, str]]] = {}

    def note(node_ids: Iterable[str], word: str) -> None:
        for node_id in node_ids:
            case_file, run, check = (*node_id.split("::"), "", "")[:3]
            if check in CHECK_ORDER:
                case = cases.get(case_file, ledger.case_of(case_file))
                found.setdefault((case, run), {})[check] = (word, ledger.not_judged.get(node_id, ""))

    note(ledger.deselected, NOT_ASKED_FOR)
    note(ledger.unjudged, NO_VERDICT)
    return found
