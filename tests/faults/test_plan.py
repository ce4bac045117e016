"""Each fault of the plan, injected for real, gets the verdict that the plan says, and leaves nothing behind."""

from __future__ import annotations

import pytest

from tests.faults.bench import Bench
from tests.faults.fault import Fault
from tests.faults.plan import FAULTS


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
def test_a_fault_gets_its_verdict(fault: Fault, bench: Bench) -> None:
    assert fault.inject(bench) == fault.verdict


def test_every_row_has_a_name_of_its_own() -> None:
    names = [fault.id for fault in FAULTS]

    assert len(set(names)) == len(names)
