"""A diagnosis on a terminal: what was compared, the ranked list, and what could not be looked at."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pytest_qparity.report.text import one_line, wrapped

if TYPE_CHECKING:
    from pytest_qparity.diagnose.causes.cause import Finding
    from pytest_qparity.diagnose.diagnosing import Diagnosis

__all__ = ["decibels", "diagnosis_text", "explained", "impact_of", "nothing_found", "shown_findings"]

SHOWN = 5
LEAST_IMPACT = 0.01  # of a finding that is shown behind the first
MUCH = 0.5  # of the error, unexplained: then no row is its cause
_NAMES = 3


def diagnosis_text(diagnosis: Diagnosis, subject: str) -> str:
    """At most 80 columns; names that are longer stay whole."""
    measured = diagnosis.measured
    outputs = ", ".join(f"{name} {decibels(each.sqnr_db)}" for name, each in measured.outputs.items())
    float_passes, variant_passes = (measured.passes.get(name, 0.0) for name in ("float", "variant"))
    lines = [
        wrapped("compared   ", subject),
        wrapped("outputs    ", f"{outputs} (SQNR over {measured.samples} samples)"),
        f"passes     {float_passes:.1f} float, {variant_passes:.1f} variant; peak {measured.peak_mb:,.0f} MB",
    ]
    shown = shown_findings(diagnosis)
    for rank, finding in enumerate(shown, start=1):
        lines += ["", *_finding(rank, finding)]
    if not shown:
        lines += ["", wrapped("", nothing_found(diagnosis))]
    hidden = sum(finding.impact is not None for finding in diagnosis.findings) - sum(
        finding.impact is not None for finding in shown
    )
    lines.append("")
    if measured.relative > 0.0:
        lines.append(wrapped("explained  ", explained(diagnosis)))
    if hidden:
        lines.append(f"tried      {hidden} more, each less than what is shown (--json has them)")
    if measured.unmatched:
        lines.append(
            wrapped("unmatched  ", _some(measured.unmatched, "tensors of the float model have no counterpart"))
        )
    lines += [wrapped("note       ", note) for note in diagnosis.notes]
    if measured.unread:
        lines.append(wrapped("unread     ", _some(measured.unread, "QuantizeLinear nodes could not be looked at")))
    return "\n".join(lines).rstrip() + "\n"


def shown_findings(diagnosis: Diagnosis) -> list[Finding]:
    """The first, and of those behind it what has an impact."""
    return [
        finding
        for rank, finding in enumerate(diagnosis.findings)
        if diagnosis.measured.relative > 0.0
        and (rank == 0 or finding.suspect.everywhere or (finding.impact or 0.0) >= LEAST_IMPACT)
    ][:SHOWN]


def nothing_found(diagnosis: Diagnosis) -> str:
    """What is said where no finding is shown: no difference, or one that cannot be looked into."""
    if diagnosis.measured.relative == 0.0:
        return "No difference was found."
    return (
        "The outputs differ, and nothing was found that explains it: operators that compute in integers (QLinearConv, "
        'MatMulInteger, …) are not looked into. Diagnose the variant as Q/DQ (format = "qdq").'
    )


def explained(diagnosis: Diagnosis) -> str:
    """What share of the outputs' error goes with what was tried, at once, and with all suspects; what stays."""
    tried = sum(finding.impact is not None for finding in diagnosis.findings)
    if diagnosis.together is None:
        return "nothing: 100 % of the outputs' error stays unexplained"
    said = f"{_share(diagnosis.together)} of the outputs' error goes with {_count(tried)} tried, at once"
    if (diagnosis.everything or 0.0) > diagnosis.together + LEAST_IMPACT:
        said += f", {_share(diagnosis.everything or 0.0)} with all that are suspected"
    said += f"; {100 * diagnosis.unexplained:.0f} % stays unexplained"
    return said if diagnosis.unexplained < MUCH else f"{said}: its cause is none of these"


def _share(value: float) -> str:
    return f"{100 * value:.0f} %" if value >= 0.0 else "nothing"


def _count(tried: int) -> str:
    return "the 1 suspect that was" if tried == 1 else f"the {tried} suspects that were"


def impact_of(finding: Finding) -> str:
    """What share of the outputs' error goes with it."""
    if finding.impact is None:
        return "not tried: it is the whole model's"
    return f"{100 * finding.impact:.0f} % of the outputs' error goes with it"


def decibels(value: float) -> str:
    return f"{value:.1f} dB" if math.isfinite(value) else "exact" if value > 0 else "no signal"


def _finding(rank: int, finding: Finding) -> list[str]:
    suspect = finding.suspect
    place = f"{suspect.node} ({suspect.op_type})" if suspect.op_type else suspect.node or "the whole model"
    lines = [
        wrapped(f"{rank}  ", f"{suspect.cause} at {place}", hanging="   "),
        wrapped("   ", f'{impact_of(finding)}; tensor "{suspect.tensor}"' if suspect.tensor else impact_of(finding)),
        wrapped("   ", suspect.sentence),
        wrapped("   Try:    ", suspect.remedy),
    ]
    lines += [f"           {one_line(line)}" for line in suspect.key.splitlines()]
    return lines


def _some(names: tuple[str, ...], what: str) -> str:
    listed = ", ".join(names[:_NAMES]) + (", …" if len(names) > _NAMES else "")
    return f"{len(names)} {what}: {listed}"
