"""Small ledgers, written as a session writes them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_qparity.ledger import LedgerWriter

START = {
    "time": "2026-11-26T10:00:00+00:00",
    "commit": "a" * 40,
    "backends": ["ort"],
    "precisions": None,
    "canaries": [],
    "libraries": {"onnxruntime": "1.32.0", "pytest-qparity": "0.1.0"},
    "python": "3.11.7",
    "system": "Linux x86_64",
    "cores": 2,
    "hardware": "some-cpu-2c-00000000",
    "processor": "Some CPU",
    "cpu_features": ["avx2"],
}
PROVENANCE = {
    "cpu": {"name": "Some CPU"},
    "variant": {"sha256": "v" * 64, "given": False, "recipe": {}},
    "engine": {"engine": "onnxruntime", "version": "1.32.0", "device": "Some CPU (avx2)"},
    "golden_key": {"model": "m" * 64, "data": "d" * 64, "recipe": "r" * 64},
}
EVIDENCE: Mapping[str, Mapping[str, Any]] = {
    "preflight": {"nodes": 3},
    "parity": {"outputs": {"logits": {"sqnr_db": 30.0}}},
    "accuracy": {
        "metric": "top1",
        "samples": 8,
        "variant_percent": 75.0,
        "float_percent": 75.0,
        "direction": "higher",
        "method": "census",
        "margin_points": 0.5,
        "score_bits": "8:/A==",
    },
    "latency": {
        "median_ms": 2.0,
        "calls": 100,
        "batch": 1,
        "clock": "host",
        "speed_up_over": {"fp32": {"low": 2.9, "estimate": 3.0, "high": 3.1}},
    },
    "memory": {"peak_mb": 20.0, "size_mb": 4.0},
}


def evidence(**changed: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """That of EVIDENCE with keys of some checks replaced."""
    return {check: {**told, **changed.get(check, {})} for check, told in EVIDENCE.items()}


def verdict(
    check: str, told: Mapping[str, Any], outcome: str = "pass", *, case: str = "digits", precision: str = "int8"
) -> dict[str, Any]:
    node_id = f"cases/{case}.toml::ort-{precision}::{check}"
    failed = outcome not in ("pass",)
    return {
        "event": "verdict",
        "node_id": node_id,
        "case": case,
        "run": f"ort-{precision}",
        "backend": "ort",
        "precision": precision,
        "emulated": False,
        "check": check,
        "outcome": outcome,
        "deciding": "30.0 dB",
        "evidence": told,
        "failures": [{"code": "QP-PAR-002", "title": "", "sentence": "Got 3.", "likely": None, "remedy": ""}]
        if failed
        else [],
        "notes": [],
        "waiver": None,
        "reproduce": "pytest",
        "provenance": PROVENANCE,
    }


def write_ledger(
    path: Path,
    told: Mapping[str, Mapping[str, Any]] = EVIDENCE,
    *,
    start: Mapping[str, Any] = START,
    outcomes: Mapping[str, str] | None = None,
    runs: tuple[tuple[str, str], ...] = (("digits", "int8"),),
    exit_status: int | None = None,
) -> Path:
    """A ledger with the checks of `told` for each (case, precision) of `runs`."""
    outcomes = outcomes or {}
    events = [
        verdict(check, each, outcomes.get(check, "pass"), case=case, precision=precision)
        for case, precision in runs
        for check, each in told.items()
    ]
    writer = LedgerWriter(path, start)
    writer.plan([event["node_id"] for event in events])
    for event in events:
        writer.judged(event)
    status = int(any(outcome != "pass" for outcome in outcomes.values())) if exit_status is None else exit_status
    writer.close(status)
    return path
