"""A project with one judged run, as a session leaves it: nothing is run, the ledger is written by the writer of one."""

from __future__ import annotations

import copy
import datetime
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_qparity import gate, load_case
from pytest_qparity.case.loading import Case
from pytest_qparity.digest import file_digest
from pytest_qparity.gate import Settings
from pytest_qparity.precision.cache import CachedFile, VariantCache
from pytest_qparity.shipping.exporting import export
from pytest_qparity.shipping.judged_run import JudgedRun

CASE = """
model = "models/float.onnx"
task = "image-classification"

[data]
test = "data/test.npz"
calibration = "data/test.npz"

[precisions.fp32]
[precisions.int8]
[precisions.int8-given]
file = "models/given.plan"

[accuracy]
margin = 5.0
"""
CASE_FILE = "cases/net.toml"
RUN = f"{CASE_FILE}::ort-int8"
EVIDENCE: dict[str, dict[str, Any]] = {
    "preflight": {"nodes": 3},
    "parity": {"outputs": {"y": {"sqnr_db": 30.0}}},
    "accuracy": {"metric": "top1", "samples": 540, "float_percent": 99.0, "variant_percent": 98.5},
    "latency": {
        "median_ms": 2.0,
        "batch": 8,
        "calls": 100,
        "speed_up_over": {"fp32": {"low": 2.25, "estimate": 2.5, "high": 2.75}},
    },
    "memory": {"peak_mb": 20.0, "size_mb": 4.0},
}
Change = Callable[[list[dict[str, Any]]], object]


@dataclass(frozen=True)
class Judged:
    """`variant`: the judged file. `events`: the ledger's, to be changed and written again."""

    root: Path
    case: Case
    settings: Settings
    variant: CachedFile
    events: list[dict[str, Any]]

    @property
    def ledger(self) -> Path:
        return self.root / "ledger.json"

    def write(self, change: Change = lambda _: None) -> None:
        events = copy.deepcopy(self.events)
        change(events)
        self.ledger.write_text(json.dumps({"format": 1, "events": events}))

    def export(
        self,
        name: str = "out",
        run: str = RUN,
        *,
        waived: bool = False,
        key: Path | None = None,
        today: datetime.date | None = None,
    ) -> JudgedRun:
        output = self.root / name
        return export(self.ledger, run, self.case, self.settings, output, waived=waived, key=key, today=today)


def judge(root: Path) -> Judged:
    for place in ("cases/models/float.onnx", "cases/models/given.plan", "cases/data/test.npz"):
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).write_bytes(f"bytes of {place}".encode())
    case_file = root / CASE_FILE
    case_file.write_text(CASE)
    settings = gate.default_settings(root)

    def make(target: Path) -> tuple[str, ...]:
        target.write_bytes(b"a model whose weights are beside it")
        target.with_name(f"{target.name}.data").write_bytes(bytes(range(256)))
        return ()

    variant = VariantCache(settings.cache / "variants").get_or_make({"model": "net"}, make)
    judged = Judged(
        root, load_case(case_file), settings, variant, events("int8", variant.digest, file_digest(case_file))
    )
    judged.write()
    return judged


def events(precision: str, digest: str, case_digest: str, **variant: Any) -> list[dict[str, Any]]:
    """Of a session that judged one run, and every check of it passed."""
    recipe = {"method": "static", "base": "int8", "target": "any", "calibration_data": "ca1-8", "makers": {"onnx": "1"}}
    provenance = {
        "variant": {"sha256": digest, "given": False, "recipe": recipe} | variant,
        "engine": {"engine": "onnxruntime", "version": "1", "device": "a CPU", "settings": {"threads": 1}},
        "golden_key": {"model": "f10a7"},
        "canaries": {"planned": 10, "caught": 10},
    }
    verdicts = [
        {
            "event": "verdict",
            "node_id": f"{CASE_FILE}::ort-{precision}::{check}",
            "case": "net",
            "run": f"ort-{precision}",
            "backend": "ort",
            "precision": precision,
            "check": check,
            "outcome": "pass",
            "deciding": "good",
            "evidence": evidence,
            "failures": [],
            "notes": [],
            "waiver": None,
            "provenance": provenance,
        }
        for check, evidence in EVIDENCE.items()
    ]
    plan = [verdict["node_id"] for verdict in verdicts]
    return [
        {
            "event": "start",
            "session": "5e55",
            "time": "2026-11-26T10:00:00+00:00",
            "canaries": ["canary.toml"],
            "libraries": {"pytest-qparity": "0.1.0"},
        },
        {"event": "plan", "node_ids": plan, "case_files": {CASE_FILE: case_digest}},
        *verdicts,
        {"event": "end", "exit_status": 0},
    ]
