"""Ledgers as a session would write them, with names and endings that reports find hard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pytest_qparity.ledger import CheckId, Ledger, verdict_event
from pytest_qparity.verdict import Code, Failure, Outcome, Verdict, cannot_judge, failed, passed, run_id, waived

BATCH = 32
# Each of them breaks a face that does not escape: markup, table cells, lines, scripts from right to left, formulas.
HARD_NAMES = (
    "<script>alert(1)</script>",
    "a|b",
    "two\nlines",
    "数字認識",
    "نموذج",
    '=cmd|"/c calc"!A1',
    "::error::x,y:z%",
    "`code` *b* [l](x) @here $a$",
    "\u202egnp.exe",
)


def passes(deciding: str = "34.2 dB", **evidence: Any) -> Verdict:
    return passed(deciding, evidence or {"n": 1})


def fails(
    code: Code = Code.PARITY_SQNR, sentence: str = "SQNR is 12 dB, should be 20.", deciding: str = "12 dB"
) -> Verdict:
    return failed(deciding, {"n": 1}, (Failure(code, sentence, "calibrate"),))


def unjudged() -> Verdict:
    return cannot_judge(Failure(Code.GOLDEN_MISSING, "Got no golden, should be one.", "qparity accept --missing"))


def is_waived() -> Verdict:
    return waived(fails(), "no GPU (until 2127-03-01)")


def event(
    check: str = "parity",
    verdict: Verdict | None = None,
    *,
    case: str = "mlp",
    backend: str = "ort",
    precision: str = "int8",
) -> dict[str, Any]:
    node_id = f"cases/{case}.toml::{run_id(backend, precision)}::{check}"
    identity = CheckId(node_id, case, backend, precision, check)
    return verdict_event(identity, verdict or passes(), f'pytest "{node_id}" --backend={backend}', {})


def ledger(
    verdicts: Sequence[Mapping[str, Any]] = (),
    *,
    more_planned: Sequence[str] = (),
    exit_status: int | None = None,
    **fields: Any,
) -> Ledger:
    """`exit_status`: that of a session which ended as its verdicts say, unless the text "killed" stands in `fields`."""
    good = all(each["outcome"] in (Outcome.PASS, Outcome.WAIVED) for each in verdicts)
    killed = fields.pop("killed", False)
    empty: dict[str, Any] = {"deselected": (), "uncollected": (), "case_files": {}, "flaky": {}, "not_judged": {}}
    return Ledger(
        start={"time": "2026-11-26T10:08:40+00:00", "processor": "a CPU", "libraries": {"onnxruntime": "1.32.0"}},
        planned=[*(each["node_id"] for each in verdicts), *more_planned],
        verdicts=list(verdicts),
        exit_status=None if killed else ((0 if good else 1) if exit_status is None else exit_status),
        **{**empty, "case_errors": {}, **fields},
    )


def costs(latency_ms: float, samples_per_s: float | None = None, *, batch: int = BATCH, **evidence: Any) -> Verdict:
    told = {} if samples_per_s is None else {"samples_per_s": samples_per_s}
    return passes(f"{latency_ms} ms", median_ms=latency_ms, batch=batch, clock="host", **told, **evidence)


def whole_run(case: str = "mlp", backend: str = "ort", precision: str = "int8") -> list[dict[str, Any]]:
    verdicts = {
        "preflight": passes("24 Q/DQ"),
        "parity": passes(outputs={"logits": {"sqnr_db": 34.2}}),
        "accuracy": passes("-0.37 pt", metric="top1", variant_percent=75.8, drop_points=0.37, margin_points=0.5),
        "latency": costs(2.1, 15_200.0, speed_up_over={"fp32": {"low": 2.5, "estimate": 2.8, "high": 3.0}}),
        "memory": passes("320 MB", peak_mb=320.0, size_mb=25.6),
    }
    return [
        event(check, verdict, case=case, backend=backend, precision=precision) for check, verdict in verdicts.items()
    ]


# Every way in which a session can end that a report may be asked of.
KILLED = ledger(whole_run()[:2], more_planned=["cases/mlp.toml::ort-fp16::parity"], killed=True)
EMPTY = ledger((), exit_status=5)
ALL_WAIVED = ledger([event(check, is_waived()) for check in ("preflight", "parity")])
PASSING = ledger(whole_run())
FAILING = ledger([*whole_run(precision="fp16"), event("parity", fails()), event("accuracy", unjudged())])
