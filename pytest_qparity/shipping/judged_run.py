"""The run of a ledger that is to be shipped, and why one is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pytest_qparity.case.names import nearest
from pytest_qparity.ledger import MergeError
from pytest_qparity.ledger.events import GOOD
from pytest_qparity.ledger.shards import require_sound
from pytest_qparity.verdict import EMULATED, CannotJudge, Code, Failure, Outcome

if TYPE_CHECKING:
    from pytest_qparity.ledger import Ledger

__all__ = ["JudgedRun", "judged_run"]

REQUIRED = ("preflight", "parity")  # without them nobody looked at the file, or at what it gives
_ENDED = (0, 1)  # of pytest: all tests passed, or some failed; others say that it did not do its work
REFERENCE = "reference"  # the backend that judges others
_RUN_AGAIN = "judge the case again, all of it: pytest {case_file} --backend={backend}"


@dataclass(frozen=True, slots=True)
class JudgedRun:
    """A run that may be shipped, with everything that its ledger says of it.

    `name`: the node id of its checks without the check. `digest`: SHA-256 of the variant that all of them judged.
    `verdicts`: one event a check, in order. `start`, `exit_status`: of the session.
    """

    name: str
    case_file: str
    case_file_sha256: str
    case: str
    run: str
    backend: str
    precision: str
    digest: str
    verdicts: tuple[Mapping[str, Any], ...]
    start: Mapping[str, Any]
    exit_status: int

    @property
    def outcome(self) -> Outcome:
        """`pass`, or `waived` where a check is."""
        return Outcome.WAIVED if self.waivers else Outcome.PASS

    @property
    def waivers(self) -> tuple[tuple[str, str], ...]:
        """Check and reason of each waiver that the run needs."""
        return tuple((event["check"], str(event["waiver"])) for event in self.verdicts if event["waiver"] is not None)

    @property
    def variant(self) -> Mapping[str, Any]:
        """What the ledger says of the file: `sha256`, `given`, `recipe`."""
        found: Mapping[str, Any] = self.verdicts[0]["provenance"]["variant"]
        return found

    @property
    def engine(self) -> Mapping[str, Any]:
        """What ran it: of the parity check, which is about what came out."""
        found: Mapping[str, Any] = self.event("parity")["provenance"]["engine"]
        return found

    def event(self, check: str) -> Mapping[str, Any]:
        return next(event for event in self.verdicts if event["check"] == check)


def judged_run(ledger: Ledger, name: str, *, waived: bool) -> JudgedRun:
    """The run `name` ("cases/x.toml::ort-int8"). `waived`: whether one that needs a waiver is taken.

    Raises CannotJudge where the ledger does not show that this run passes: it is cut, a planned check of the run has no
    verdict or was left out, a verdict is no pass or not sound, the run is emulated, or its checks judged several files.
    """
    if any(node_id.startswith(f"{name}{EMULATED}::") for node_id in ledger.planned):
        name = f"{name}{EMULATED}"
    case_file, _, run = name.partition("::")
    planned = [node_id for node_id in ledger.planned if node_id.startswith(f"{name}::")]
    again = _RUN_AGAIN.format(case_file=case_file, backend=run.partition("-")[0] or "…")
    if not planned:
        raise _refused(_unknown(ledger, name), "name a run of this ledger, or the ledger of this run: --ledger")
    if run.endswith(EMULATED):
        remedy = "judge the precision on a backend that computes in it, and ship that run"
        raise _refused(f"Got {name}, which float operators emulate, should be a run on an engine.", remedy)
    if run.startswith(f"{REFERENCE}-"):
        remedy = "judge it on the engine that it will run on, and ship that run"
        raise _refused(f"Got {name}, which the ONNX reference judged, should be a run on an engine.", remedy)
    if ledger.exit_status not in _ENDED:
        ended = "has no end" if ledger.exit_status is None else f"ended with status {ledger.exit_status}"
        raise _refused(f"The ledger {ended}, should be whole: what its session would have found is not known.", again)
    left_out = next((node_id for node_id in ledger.deselected if node_id.startswith(f"{name}::")), None)
    if left_out is not None:
        raise _refused(f"{left_out} was not asked for, should be judged as every check of the run.", again)
    verdicts = {verdict["node_id"]: verdict for verdict in ledger.verdicts}
    missing = next((node_id for node_id in planned if node_id not in verdicts), None)
    if missing is not None:
        raise _refused(f"{missing} has no verdict, should have one as every planned check of the run.", again)
    events = tuple(verdicts[node_id] for node_id in planned)
    _require_good(events, ledger, again, waived=waived)
    first = events[0]
    return JudgedRun(
        name=name,
        case_file=case_file,
        case_file_sha256=_digest_of_case(ledger, case_file, again),
        case=first["case"],
        run=first["run"],
        backend=first["backend"],
        precision=first["precision"],
        digest=_one_digest(events, again),
        verdicts=events,
        start=ledger.start,
        exit_status=ledger.exit_status,
    )


def _require_good(events: Sequence[Mapping[str, Any]], ledger: Ledger, again: str, *, waived: bool) -> None:
    bad = next((event for event in events if event["outcome"] not in GOOD), None)
    if bad is not None:
        why = _codes(bad)
        remedy = f"see what it says, mend it, and {again}"
        raise _refused(f"{bad['node_id']} got {bad['outcome']}{why}, should pass.", remedy)
    try:
        if not isinstance(ledger.start.get("canaries"), list):
            raise MergeError("got a start event without its canaries, should be what pytest --backend=… writes")
        require_sound("the ledger", replace(ledger, verdicts=events))
    except MergeError as wrong:
        raise _refused(str(wrong), again) from None
    excused = next((event for event in events if event["outcome"] == Outcome.WAIVED), None)
    if excused is not None and not waived:
        remedy = "ship another run; or say --waived, and the release and its card say so too"
        raise _refused(f"{excused['node_id']} is waived ({excused['waiver']}), should pass.", remedy)
    checks = {event["check"]: event for event in events}
    lacking = next((check for check in REQUIRED if check not in checks), None)
    if lacking is not None:
        raise _refused(f"The run has no check {lacking}, should have one.", again)
    if not isinstance(checks["parity"]["provenance"].get("engine"), dict):
        remedy = "judge it where its backend works: a waiver for an absent backend says nothing of the file"
        raise _refused(f"{checks['parity']['node_id']} was not run on any engine, should be.", remedy)


def _one_digest(events: Sequence[Mapping[str, Any]], again: str) -> str:
    """The SHA-256 of the one file that every check names."""
    named = [event["provenance"].get("variant") for event in events]
    digests = {each["sha256"] for each in named if isinstance(each, dict) and isinstance(each.get("sha256"), str)}
    unnamed = next((event["node_id"] for event, each in zip(events, named, strict=True) if not each), None)
    if unnamed is not None:
        raise _refused(f"{unnamed} does not name the file that it judged, should name its SHA-256.", again)
    if len(digests) != 1:
        raise _refused(f"The checks of the run judged {len(digests)} files, should be one.", again)
    digest: str = digests.pop()
    return digest


def _digest_of_case(ledger: Ledger, case_file: str, again: str) -> str:
    digest = ledger.case_files.get(case_file)
    if digest is None:
        raise _refused(f"The ledger has no digest of {case_file}, should have one.", again)
    return digest


def _codes(event: Mapping[str, Any]) -> str:
    codes = [str(failure.get("code")) for failure in event.get("failures", ()) if isinstance(failure, dict)]
    return f" ({', '.join(codes)})" if codes else ""


def _unknown(ledger: Ledger, name: str) -> str:
    runs = list(dict.fromkeys(node_id.rpartition("::")[0] for node_id in ledger.planned))
    near = nearest(name, runs)
    return f"Got no run {name!r} in the ledger, should be one of its {len(runs)}" + (f", {near!r}?" if near else ".")


def _refused(sentence: str, remedy: str) -> CannotJudge:
    return CannotJudge(Failure(Code.SHIP_REFUSED, sentence, remedy))
