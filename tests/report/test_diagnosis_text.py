"""What is always said of a diagnosis: how much of the error the rows explain, and how much nothing does."""

from __future__ import annotations

from pytest_qparity.diagnose.causes.cause import Cause, Finding, Suspect
from pytest_qparity.diagnose.diagnosing import Diagnosis
from pytest_qparity.diagnose.measures import Distance, Measured
from pytest_qparity.precision.pairs.splicing import Change
from pytest_qparity.report.diagnosis_html import diagnosis_html
from pytest_qparity.report.diagnosis_text import diagnosis_text


def measured(error_power: float = 1.0) -> Measured:
    outputs = {"logits": Distance(100, 100.0, 99.0, error_power, 99.0, 0.5)}
    return Measured((), (), (), outputs, (), (), 8, {"float": 1.0, "variant": 1.0})


def tried(*impacts: float | None) -> tuple[Finding, ...]:
    suspect = Suspect("conv", "Conv", "t", Cause.ROUNDING, {}, "It is rounded.", "", "keep it float", 1e-2, Change())
    return tuple(Finding(suspect, impact) for impact in impacts)


def said(diagnosis: Diagnosis) -> str:
    return " ".join(diagnosis_text(diagnosis, "a against b").split())


def test_a_single_row_of_one_percent_is_told_to_explain_nothing_of_the_rest() -> None:
    found = said(Diagnosis(measured(), tried(0.01), 0.01, 0.01))

    assert "explained 1 % of the outputs' error goes with the 1 suspect that was tried, at once" in found
    assert "99 % stays unexplained: its cause is none of these" in found


def test_what_all_suspects_explain_is_told_where_that_is_more_than_what_was_tried() -> None:
    found = said(Diagnosis(measured(), tried(0.3, 0.1, None), 0.47, 1.0))

    assert "explained 47 % of the outputs' error goes with the 2 suspects that were tried, at once," in found
    assert "100 % with all that are suspected; 0 % stays unexplained" in found
    assert "none of these" not in found


def test_an_error_that_grows_without_what_was_tried_is_unexplained() -> None:
    diagnosis = Diagnosis(measured(), tried(-0.2, -0.1), -0.3, -0.3)

    assert diagnosis.unexplained == 1.0
    assert "explained nothing of the outputs' error goes with" in said(diagnosis)
    assert diagnosis.as_json()["unexplained"] == 1.0


def test_where_nothing_was_tried_all_of_it_is_unexplained() -> None:
    assert "explained nothing: 100 % of the outputs' error stays unexplained" in said(Diagnosis(measured(), ()))


def test_without_an_error_nothing_is_to_be_explained() -> None:
    diagnosis = Diagnosis(measured(0.0), ())

    assert "explained" not in said(diagnosis)
    assert diagnosis.unexplained == 0.0


def test_notes_are_in_the_text_the_page_and_the_json() -> None:
    diagnosis = Diagnosis(measured(), tried(0.9), 0.9, 0.9, ("These are single steps.",))

    assert "note These are single steps." in said(diagnosis)
    assert "These are single steps." in diagnosis_html(diagnosis, "a against b")
    assert "10 % stays unexplained" in diagnosis_html(diagnosis, "a against b")
    assert diagnosis.as_json()["notes"] == ["These are single steps."]
