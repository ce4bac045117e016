"""A ledger's answer as one JSON document, for dashboards and scripts; the ledger itself has the evidence."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_qparity.ledger.events import plain
from pytest_qparity.ledger.waivers import expired, today_utc
from pytest_qparity.report.comparison import comparison_rows
from pytest_qparity.report.problems import problems_of
from pytest_qparity.report.standing import standing_of
from pytest_qparity.report.unneeded import unneeded_waivers

if TYPE_CHECKING:
    from pytest_qparity.ledger import Ledger

__all__ = ["FORMAT", "summary_json"]

FORMAT = 1


def summary_json(ledger: Ledger, root: Path) -> str:
    """`standing` (the word of every report, as of today), `passes`, `against_it` (the gravest of `objections`),
    `extract_of`, `counts` by outcome, `planned`, `unjudged`, `not_asked_for`, `not_collected`, `exit_status`,
    `problems`, `waived`, `waivers_expired`, `waivers_not_needed`, `comparison`, `start`. `root`: see problems_of."""
    today = today_utc()
    waived = [event for event in ledger.verdicts if event["waiver"] is not None]
    document = {
        "format": FORMAT,
        "standing": standing_of(ledger, today).word,
        "passes": ledger.passes,
        "against_it": ledger.against_it,
        "extract_of": ledger.extract_of,
        "objections": [each.sentence for each in ledger.objections],
        "counts": Counter(event["outcome"] for event in ledger.verdicts),
        "planned": len(ledger.planned),
        "unjudged": ledger.unjudged,
        "not_asked_for": ledger.deselected,
        "not_collected": ledger.uncollected,
        "exit_status": ledger.exit_status,
        "problems": [asdict(problem) for problem in problems_of(ledger, root)],
        "waived": [{"node_id": event["node_id"], "waiver": event["waiver"]} for event in waived],
        "waivers_expired": [
            {"node_id": event["node_id"], "waiver": event["waiver"]} for event in expired(ledger.verdicts, today)
        ],
        "waivers_not_needed": [asdict(waiver) for waiver in unneeded_waivers(ledger)],
        "comparison": [asdict(row) for row in comparison_rows(ledger)],
        "start": ledger.start,
    }
    return json.dumps(plain(document), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
