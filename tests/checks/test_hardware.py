from __future__ import annotations

import pytest

from pytest_qparity.case.budget_spec import HARDWARE_KEYS, Budget
from pytest_qparity.checks.hardware import counts_here
from pytest_qparity.verdict import Code

HERE = "intel-xeon-2c-1f0a93d2"


@pytest.mark.parametrize(
    "stated",
    [
        pytest.param({"load_ms": 250, "hardware": HERE}, id="written for this"),
        pytest.param({"load_ms": 250, "portable": True}, id="meant for all"),
        pytest.param({"memory_mb": 64}, id="no budget of time"),
        pytest.param({"ratio_to": {"fp32": {"load": 1.5}}}, id="a ratio"),
    ],
)
def test_a_budget_counts(stated: dict[str, object]) -> None:
    assert counts_here(Budget(**stated), HARDWARE_KEYS, HERE) is None


@pytest.mark.parametrize("hardware", [None, "amd-epyc-64c-00000000"])
def test_a_budget_of_time_that_was_not_written_for_this_hardware_says_nothing(hardware: str | None) -> None:
    failure = counts_here(Budget(load_ms=250, joule_per_sample=0.5, hardware=hardware), HARDWARE_KEYS, HERE)

    assert failure is not None
    assert failure.code is Code.BUDGET_HARDWARE
    assert "load_ms = 250 and joule_per_sample = 0.5" in failure.sentence
    assert HERE in failure.sentence
    assert (hardware or f'hardware = "{HERE}"') in failure.sentence + failure.remedy


def test_only_the_keys_that_are_asked_about_matter() -> None:
    assert counts_here(Budget(load_ms=250), ("first_run_ms",), HERE) is None
