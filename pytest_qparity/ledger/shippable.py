"""Which runs of a ledger may be shipped: the one rule that the advice, the plots and `qparity export` go by."""

from __future__ import annotations

import datetime
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pytest_qparity.ledger.events import GOOD
from pytest_qparity.ledger.shards import MergeError, require_sound
from pytest_qparity.ledger.waivers import expired
from pytest_qparity.verdict import EMULATED, Outcome

if TYPE_CHECKING:
    from pytest_qparity.ledger.reading import Ledger

__all__ = ["REFERENCE", "Refusal", "Shippable"]

REQUIRED = ("preflight", "parity")  # without them nobody looked at the file, or at what it gives
REFERENCE = "reference"  # the backend that judges others
_ENDED = (0, 1)  # of pytest: all tests passed, or some failed; others say that it did not do its work


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a run may not be shipped, and what to do."""

    sentence: str
    remedy: str


class Shippable:
    """The rule, over the runs of one ledger. A run has the name of its checks' node ids without the check."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._planned: dict[str, list[str]] = {}
        for node_id in ledger.planned:
            self._planned.setdefault(node_id.rpartition("::")[0], []).append(node_id)
        self._left_out: dict[str, str] = {}
        for node_id in ledger.deselected:
            self._left_out.setdefault(node_id.rpartition("::")[0], node_id)
        self._verdicts = {str(verdict["node_id"]): verdict for verdict in ledger.verdicts}

    @property
    def runs(self) -> tuple[str, ...]:
        """Names of all runs of which a check was planned."""
        return tuple(self._planned)

    def events(self, name: str) -> tuple[Mapping[str, Any], ...]:
        """The verdicts on the planned checks of a run, in order."""
        judged = (self._verdicts.get(node_id) for node_id in self._planned.get(name, ()))
        return tuple(event for event in judged if event is not None)

    def refusal(self, name: str, *, waived: bool = False, today: datetime.date | None = None) -> Refusal | None:
        """Why the ledger does not show that the run `name` passes, None where it does: it is emulated or judged by the
        reference, the ledger is cut, a check of the run has no verdict or was left out, a verdict is no pass or not
        sound, or the checks judged several files.

        `waived`: whether a run that needs a waiver is taken; `today`: the day on which waivers have to hold, None: that
        on which they were judged will do.
        """
        case_file, _, run = name.partition("::")
        planned = self._planned.get(name, [])
        ledger, again = self._ledger, _run_again(case_file, run.partition("-")[0])
        if run.endswith(EMULATED):
            remedy = "judge the precision on a backend that computes in it, and ship that run"
            return Refusal(f"Got {name}, which float operators emulate, should be a run on an engine.", remedy)
        if run.startswith(f"{REFERENCE}-"):
            remedy = "judge it on the engine that it will run on, and ship that run"
            return Refusal(f"Got {name}, which the ONNX reference judged, should be a run on an engine.", remedy)
        if ledger.exit_status not in _ENDED:
            ended = "has no end" if ledger.exit_status is None else f"ended with status {ledger.exit_status}"
            sentence = f"The ledger {ended}, should be whole: what its session would have found is not known."
            return Refusal(sentence, again)
        if not planned:
            return Refusal(f"No check of {name} was planned, should be of its session's plan.", again)
        if name in self._left_out:
            sentence = f"{self._left_out[name]} was not asked for, should be judged as every check of the run."
            return Refusal(sentence, again)
        missing = next((node_id for node_id in planned if node_id not in self._verdicts), None)
        if missing is not None:
            return Refusal(f"{missing} has no verdict, should have one as every planned check of the run.", again)
        events = self.events(name)
        return (
            _of_verdicts(events, again)
            or self._of_soundness(planned, events, again)
            or _of_waivers(events, again, waived=waived)
            or _of_expiry(events, again, today)
            or self._of_case(case_file, again)
            or _of_files(events, again)
        )

    def _of_soundness(self, planned: Sequence[str], events: Sequence[Mapping[str, Any]], again: str) -> Refusal | None:
        try:
            if not isinstance(self._ledger.start.get("canaries"), list):
                raise MergeError("got a start event without its canaries, should be what pytest --backend=… writes")
            require_sound("the ledger", replace(self._ledger, planned=planned, verdicts=events))
        except MergeError as wrong:
            return Refusal(str(wrong), again)
        return None

    def _of_case(self, case_file: str, again: str) -> Refusal | None:
        if case_file in self._ledger.case_files:
            return None
        return Refusal(f"The ledger has no digest of {case_file}, should have one.", again)


def _run_again(case_file: str, backend: str) -> str:
    chosen = shlex.quote(backend) if backend else "…"
    return f"judge the case again, all of it: pytest {shlex.quote(case_file)} --backend={chosen}"


def _of_verdicts(events: Sequence[Mapping[str, Any]], again: str) -> Refusal | None:
    bad = next((event for event in events if event["outcome"] not in GOOD), None)
    if bad is None:
        return None
    remedy = f"see what it says, mend it, and {again}"
    return Refusal(f"{bad['node_id']} got {bad['outcome']}{_codes(bad)}, should pass.", remedy)


def _of_waivers(events: Sequence[Mapping[str, Any]], again: str, *, waived: bool) -> Refusal | None:
    excused = next((event for event in events if event["outcome"] == Outcome.WAIVED), None)
    if excused is not None and not waived:
        remedy = "ship another run; or say --waived, and the release and its card say so too"
        return Refusal(f"{excused['node_id']} is waived ({excused['waiver']}), should pass.", remedy)
    checks = {event["check"]: event for event in events}
    lacking = next((check for check in REQUIRED if check not in checks), None)
    if lacking is not None:
        return Refusal(f"The run has no check {lacking}, should have one.", again)
    if not isinstance(checks["parity"]["provenance"].get("engine"), dict):
        remedy = "judge it where its backend works: a waiver for an absent backend says nothing of the file"
        return Refusal(f"{checks['parity']['node_id']} was not run on any engine, should be.", remedy)
    return None


def _of_expiry(events: Sequence[Mapping[str, Any]], again: str, today: datetime.date | None) -> Refusal | None:
    ended = [] if today is None else expired(events, today)
    if not ended:
        return None
    sentence = f"{ended[0]['node_id']} is waived ({ended[0]['waiver']}), should be so on {today} too."
    return Refusal(sentence, f"{again}, with a waiver that holds; or say --waived --expired")


def _of_files(events: Sequence[Mapping[str, Any]], again: str) -> Refusal | None:
    """All checks name one file, by its SHA-256."""
    named = [event["provenance"].get("variant") for event in events]
    digests = {each["sha256"] for each in named if isinstance(each, dict) and isinstance(each.get("sha256"), str)}
    unnamed = next((event["node_id"] for event, each in zip(events, named, strict=True) if not each), None)
    if unnamed is not None:
        return Refusal(f"{unnamed} does not name the file that it judged, should name its SHA-256.", again)
    if len(digests) != 1:
        return Refusal(f"The checks of the run judged {len(digests)} files, should be one.", again)
    return None


def _codes(event: Mapping[str, Any]) -> str:
    codes = [str(failure.get("code")) for failure in event.get("failures", ()) if isinstance(failure, dict)]
    return f" ({', '.join(codes)})" if codes else ""
