"""The run of a ledger that is to be shipped, and why one is not."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_qparity.case.names import nearest
from pytest_qparity.ledger.shippable import Refusal, Shippable
from pytest_qparity.verdict import EMULATED, CannotJudge, Code, Failure, Outcome

if TYPE_CHECKING:
    from pytest_qparity.ledger import Ledger

__all__ = ["JudgedRun", "as_written", "judged_run"]


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


def judged_run(ledger: Ledger, name: str, *, waived: bool, today: datetime.date | None = None) -> JudgedRun:
    """The run `name` ("cases/x.toml::ort-int8"). `waived`: whether one that needs a waiver is taken; `today`: the day
    on which waivers have to hold, None: that on which they were judged will do.

    Raises CannotJudge where the ledger does not show that this run passes (`ledger.shippable`).
    """
    shippable = Shippable(ledger)
    if f"{name}{EMULATED}" in shippable.runs:
        name = f"{name}{EMULATED}"
    if name not in shippable.runs:
        remedy = "name a run of this ledger, or the ledger of this run: --ledger"
        raise _refused(Refusal(_unknown(shippable, name), remedy))
    refusal = shippable.refusal(name, waived=waived, today=today)
    if refusal is not None:
        raise _refused(refusal)
    events = shippable.events(name)
    case_file, first = name.partition("::")[0], events[0]
    return JudgedRun(
        name=name,
        case_file=case_file,
        case_file_sha256=ledger.case_files[case_file],
        case=first["case"],
        run=first["run"],
        backend=first["backend"],
        precision=first["precision"],
        digest=first["provenance"]["variant"]["sha256"],
        verdicts=events,
        start=ledger.start,
        exit_status=int(ledger.exit_status or 0),
    )


@contextlib.contextmanager
def as_written(where: str, code: Code, remedy: str) -> Iterator[None]:
    """Raises CannotJudge where what is read within is not as a session writes it: a ledger may be anyone's."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        told = f"{type(error).__name__}: {error}"
        sentence = f"{where}: got what cannot be read ({told}), should be what pytest --backend=… writes."
        raise CannotJudge(Failure(code, sentence, remedy)) from None


def _unknown(shippable: Shippable, name: str) -> str:
    near = nearest(name, shippable.runs)
    known = len(shippable.runs)
    return f"Got no run {name!r} in the ledger, should be one of its {known}" + (f", {near!r}?" if near else ".")


def _refused(refusal: Refusal) -> CannotJudge:
    return CannotJudge(Failure(Code.SHIP_REFUSED, refusal.sentence, refusal.remedy))
