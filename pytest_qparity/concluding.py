"""How a check ends once its verdict is there: an event for the ledger, and pass, fail or xfail for pytest."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

import pytest

from pytest_qparity.ledger import verdict_event
from pytest_qparity.report.junit import put_properties
from pytest_qparity.report.text import failure_text, one_line
from pytest_qparity.stash import SELECTION
from pytest_qparity.verdict import Outcome

if TYPE_CHECKING:
    from pytest_qparity.ledger import CheckId
    from pytest_qparity.ledger.earlier import NotCarried
    from pytest_qparity.verdict import Verdict

__all__ = ["conclude", "conclude_carried", "end_by", "reproduce_of"]

TOLD: pytest.StashKey[MutableMapping[tuple[str, str], str]] = pytest.StashKey()


def conclude(
    request: pytest.FixtureRequest,
    check: CheckId,
    verdict: Verdict,
    provenance: Mapping[str, Any],
    not_carried: NotCarried | None = None,
) -> None:
    """Leave a verdict for the ledger, and end the item the way the verdict says."""
    event = verdict_event(check, verdict, reproduce_of(request.node, check.backend), provenance)
    end_by(request, event if not_carried is None else {**event, "anew": list(not_carried.reasons)})


def conclude_carried(request: pytest.FixtureRequest, event: Mapping[str, Any]) -> None:
    """The same of a verdict that was given before. It may be repeated by the options of this session."""
    end_by(request, {**event, "reproduce": reproduce_of(request.node, event["backend"])})


def reproduce_of(item: pytest.Item, backend: str) -> str:
    """The command that repeats a check. Names of files may be anyone's: a shell runs nothing that stands in them."""
    return shlex.join(["pytest", item.nodeid, f"--backend={backend}", *item.config.stash[SELECTION].repeat_options])


def end_by(request: pytest.FixtureRequest, event: dict[str, Any]) -> None:
    """Leave a verdict's event for the ledger, and end the item the way it says, wherever it was judged."""
    item = request.node
    item.qparity_event = event
    put_properties(item.user_properties, event)
    if event["outcome"] == Outcome.PASS:
        return
    text = failure_text(event, request.config.stash.setdefault(TOLD, {}))
    if event["outcome"] == Outcome.WAIVED:
        # Returns under --runxfail: the check then fails below.
        pytest.xfail(f"waived: {one_line(str(event['waiver']))}\n{text}")
    pytest.fail(text, pytrace=False)
