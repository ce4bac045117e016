"""Remedies are those of what the variant is: nobody calibrates a file that they were given."""

from __future__ import annotations

import pytest

from pytest_qparity.checks.origin import BY_ORIGIN, Origin, fitted
from pytest_qparity.verdict import Code, Failure, failed

SAID = "check the calibration data"


def remedy_of(code: Code, origin: Origin) -> str:
    return fitted(failed("12 dB", {"n": 1}, (Failure(code, "Got 1, should be 2.", SAID),)), origin).failures[0].remedy


@pytest.mark.parametrize("code", sorted(BY_ORIGIN, key=lambda code: code.code), ids=lambda code: code.code)
def test_a_given_file_is_a_matter_of_its_maker(code: Code) -> None:
    assert remedy_of(code, Origin.GIVEN).startswith("the file is given: ")


@pytest.mark.parametrize("origin", Origin, ids=lambda origin: origin.name)
def test_only_what_is_calibrated_here_is_told_to_look_at_its_calibration_data(origin: Origin) -> None:
    assert (remedy_of(Code.PARITY_SQNR, origin) == SAID) == (origin is Origin.CALIBRATED)


def test_other_failures_keep_their_remedy() -> None:
    assert remedy_of(Code.PARITY_NAMES, Origin.GIVEN) == SAID
