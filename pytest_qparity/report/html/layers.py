"""Error by layer, from the JSON that `qparity diagnose --json` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_qparity.report.html.charts import Dot, Drawn, Plot

if TYPE_CHECKING:
    from pytest_qparity.ledger import Ledger

__all__ = ["DiagnosisPart", "diagnosis_part"]

HIGHEST_DB = 80.0  # what is better is drawn there
SHOWN_FINDINGS = 5


@dataclass(frozen=True, slots=True)
class DiagnosisPart:
    """`case` and `run` are None of files that no case names. `findings`: what, where, the share of the error that goes
    with it, sentence, remedy."""

    subject: str
    case: str | None
    run: str | None
    findings: tuple[tuple[str, str, str, str, str], ...]
    more: int
    plot: Plot | None


def diagnosis_part(diagnosis: Mapping[str, Any], ledger: Ledger) -> DiagnosisPart:
    subject = str(diagnosis.get("subject", "a variant"))
    findings = diagnosis.get("findings", ())
    case_file, _, run = subject.rpartition(" ")  # as `qparity diagnose CASE RUN` names it
    is_of_case = case_file.endswith(".toml")
    return DiagnosisPart(
        subject,
        ledger.case_of(case_file) if is_of_case else None,
        run if is_of_case else None,
        tuple(_finding(each) for each in findings[:SHOWN_FINDINGS]),
        max(len(findings) - SHOWN_FINDINGS, 0),
        _plot(subject, diagnosis.get("layers", ())),
    )


def _finding(finding: Mapping[str, Any]) -> tuple[str, str, str, str, str]:
    impact = finding.get("impact")
    share = f"{impact:.0%} of the error" if isinstance(impact, int | float) else ""
    return (
        str(finding.get("cause", "")),
        str(finding.get("node", "")) or "the whole model",
        share,
        str(finding.get("sentence", "")),
        str(finding.get("remedy", "")),
    )


def _plot(subject: str, layers: Sequence[Mapping[str, Any]]) -> Plot | None:
    own, cumulative = (_dots(layers, which) for which in ("own", "cumulative"))
    if not cumulative:
        return None
    worst = min(cumulative, key=lambda dot: dot.y)
    return Plot(
        title=f"SQNR of each layer of {subject}; the worst: {worst.said}",
        x_title="layer, in the order of the float model",
        y_title="SQNR in dB, more is better",
        series=[
            Drawn("cumulative: as the variant runs", "cumulative", cumulative, True),
            *([Drawn("own: fed with the float model's tensors", "own", own)] if own else []),
        ],
    )


def _dots(layers: Sequence[Mapping[str, Any]], which: str) -> list[Dot]:
    """A layer without an error stands at the top, as one that is better than what is drawn."""
    found = []
    for index, layer in enumerate(layers, start=1):
        distance = layer.get(which)
        if distance is not None and not distance.get("not_finite"):
            db = distance.get("sqnr_db")
            height = HIGHEST_DB if db is None else min(float(db), HIGHEST_DB)
            told = "exact" if db is None else f"{db:.1f} dB"
            found.append(Dot(float(index), height, f"{layer.get('node', '')} ({layer.get('operator', '')}): {told}"))
    return found
