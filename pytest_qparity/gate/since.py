"""Which runs' verdicts are carried over from an earlier ledger: those that nothing touches. All others are judged."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pytest_qparity.ledger.earlier import Carried, NotCarried
from pytest_qparity.ledger.waivers import today_utc
from pytest_qparity.verdict import Outcome

if TYPE_CHECKING:
    from pytest_qparity.case.schema import WaiverSpec
    from pytest_qparity.gate.case_material import CaseMaterial
    from pytest_qparity.gate.conformance import KernelRun
    from pytest_qparity.verdict import Verdict

__all__ = ["basis_behind", "carried_kernels", "carried_run"]


def carried_run(
    material: CaseMaterial, run_node: str, checks: Sequence[str], today: datetime.date | None = None
) -> Carried | NotCarried | None:
    """The events of a run of a model (`run_node`: its node id; `checks`: all that are planned of it); why it is judged;
    None where no earlier ledger was named."""
    earlier = material.settings.earlier
    if earlier is None or material.settings.accept is not None:
        return None
    found = earlier.of(run_node, checks)
    if isinstance(found, NotCarried):
        return found
    spec = material.case.spec
    expired = _expired(found, spec.waivers, today or today_utc())
    return NotCarried((f"{expired}: its waiver expired",)) if expired else earlier.compared(found, material.basis)


def carried_kernels(run: KernelRun, run_node: str, checks: Sequence[str]) -> Carried | NotCarried | None:
    """The same of a conformance case, whose known deviations do not expire by date."""
    earlier = run.settings.earlier
    if earlier is None:
        return None
    found = earlier.of(run_node, checks)
    return found if isinstance(found, NotCarried) else earlier.compared(found, run.basis)


def basis_behind(material: CaseMaterial, verdict: Verdict) -> Mapping[str, Mapping[str, str]]:
    """What stands in the provenance of a verdict that may be carried one day: a pass, or a waiver of what was measured.
    What could not be measured costs little to ask again."""
    is_measured = all(failure.code.outcome is not Outcome.CANNOT_JUDGE for failure in verdict.failures)
    is_good = verdict.outcome in (Outcome.PASS, Outcome.WAIVED) and is_measured
    basis = material.basis if is_good and material.settings.session_basis is not None else None
    return {} if basis is None else {"basis": basis}


def _expired(events: Mapping[str, Mapping[str, Any]], waivers: Sequence[WaiverSpec], today: datetime.date) -> str:
    """The first check that is waived by no waiver that still holds; empty where there is none."""
    holding = {waiver.text for waiver in waivers if today <= waiver.expires}
    waived = (check for check, event in events.items() if event["outcome"] == Outcome.WAIVED)
    return next((check for check in waived if events[check]["waiver"] not in holding), "")
