"""A diagnosis as a page of HTML: one file without scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_qparity.report.diagnosis_charts import (
    BARS_HEIGHT,
    BARS_WIDTH,
    HEIGHT,
    LEFT,
    TOP,
    WIDTH,
    curve_of,
    histogram_of,
)
from pytest_qparity.report.diagnosis_text import decibels, explained, impact_of, nothing_found, shown_findings
from pytest_qparity.report.pages import page_environment

if TYPE_CHECKING:
    from pytest_qparity.diagnose.diagnosing import Diagnosis

__all__ = ["diagnosis_html"]

HISTOGRAMS = 24  # those of the worst ranges, those of findings first
LAYERS = 400  # rows of the table of layers


def diagnosis_html(diagnosis: Diagnosis, subject: str) -> str:
    """The page."""
    environment = page_environment()
    environment.filters["decibels"] = decibels
    measured, findings = diagnosis.measured, shown_findings(diagnosis)
    named = [finding.suspect.tensor for finding in findings]
    worst = sorted(
        measured.activations,
        key=lambda each: (named.index(each.tensor) if each.tensor in named else len(named), each.sqnr_db),
    )
    return environment.get_template("diagnosis.html").render(
        subject=subject,
        measured=measured,
        nothing=nothing_found(diagnosis),
        explained=explained(diagnosis) if measured.relative > 0.0 else "",
        notes=diagnosis.notes,
        findings=[(finding, impact_of(finding)) for finding in findings],
        curve=curve_of(diagnosis, len(findings)),
        histograms=[histogram_of(each) for each in worst[:HISTOGRAMS]],
        left_out=max(len(measured.activations) - HISTOGRAMS, 0),
        layers=measured.layers[:LAYERS],
        layers_left_out=max(len(measured.layers) - LAYERS, 0),
        width=WIDTH + LEFT + 8,
        height=HEIGHT + TOP + 28,
        plot={"left": LEFT, "right": LEFT + WIDTH, "top": TOP, "bottom": TOP + HEIGHT},
        bars_width=BARS_WIDTH,
        bars_height=BARS_HEIGHT,
    )
