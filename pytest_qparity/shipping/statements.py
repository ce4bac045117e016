"""What a release says of itself, as JSON: the extract of the ledger, the verdict, and in-toto statements about both."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pytest_qparity.ledger.events import FORMAT as LEDGER_FORMAT
from pytest_qparity.verdict import Outcome
from pytest_qparity.version import __version__

if TYPE_CHECKING:
    from pytest_qparity.shipping.judged_run import JudgedRun

__all__ = ["FORMAT", "extract_text", "provenance_statement", "result_statement", "verdict_of"]

FORMAT = 1
STATEMENT = "https://in-toto.io/Statement/v1"
TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
PROVENANCE = "https://slsa.dev/provenance/v1"
BUILDER = "pkg:pypi/pytest-qparity"  # a package URL, which names no host
BUILD_TYPE = f"{BUILDER}#variant/v1"


def extract_text(run: JudgedRun, ledger_sha256: str, card: Mapping[str, Any]) -> str:
    """A ledger that holds one run of another, whose SHA-256 it names: read like any other, an event a line. `card`: see
    card.card_facts."""
    events: list[Mapping[str, Any]] = [
        {**run.start, "extract": {"run": run.name, "ledger_sha256": ledger_sha256, "card": dict(card)}},
        {
            "event": "plan",
            "node_ids": [event["node_id"] for event in run.verdicts],
            "case_files": {run.case_file: run.case_file_sha256},
        },
        *run.verdicts,
        {"event": "end", "exit_status": run.exit_status},
    ]
    lines = ",\n".join(json.dumps(event, allow_nan=False) for event in events)
    return f'{{"format": {LEDGER_FORMAT}, "events": [\n{lines}\n]}}\n'


def verdict_of(run: JudgedRun, model: str, files: Mapping[str, str]) -> dict[str, Any]:
    """What `verdict.json` holds. `model`: its file; `files`: SHA-256 by name of it and its external data."""
    return {
        "format": FORMAT,
        "outcome": run.outcome.value,
        "case": run.case,
        "run": run.run,
        "backend": run.backend,
        "precision": run.precision,
        "case_file": {"name": run.case_file, "sha256": run.case_file_sha256},
        "variant_sha256": run.digest,
        "model": model,
        "files": dict(sorted(files.items())),
        "checks": {
            event["check"]: {"outcome": event["outcome"], "deciding": event["deciding"]} for event in run.verdicts
        },
        "waivers": [{"check": check, "reason": reason} for check, reason in run.waivers],
        "judged": run.start.get("time"),
        "ledger_sha256": run.start.get("extract", {}).get("ledger_sha256"),
    }


def result_statement(run: JudgedRun, subjects: Mapping[str, str]) -> dict[str, Any]:
    """An in-toto statement of the predicate test-result v0.1: which checks of these bytes passed, which are waived
    (`WARNED`). `subjects`: SHA-256 by name of every file that is signed for."""
    waived = [check for check, _ in run.waivers]
    predicate = {
        "result": "WARNED" if run.outcome is Outcome.WAIVED else "PASSED",
        "configuration": [{"name": run.case_file, "digest": {"sha256": run.case_file_sha256}}],
        "passedTests": [event["node_id"] for event in run.verdicts if event["check"] not in waived],
        "warnedTests": [event["node_id"] for event in run.verdicts if event["check"] in waived],
        "failedTests": [],
    }
    return _statement(subjects, TEST_RESULT, predicate)


def provenance_statement(run: JudgedRun, subjects: Mapping[str, str]) -> dict[str, Any] | None:
    """An in-toto statement of SLSA's predicate provenance v1: from which model, data and recipe the variant was made.

    None of a file that the case gives, or the float model itself: who built it is not known here.
    """
    variant = run.variant
    recipe = dict(variant.get("recipe", {}))
    if variant.get("given") or recipe.get("method") in ("given", "float model"):
        return None
    golden = run.event("parity")["provenance"].get("golden_key", {})
    data = recipe.pop("calibration_data", None)
    sources = [
        {"name": "float model", "digest": {"sha256": golden.get("model")}},
        {"name": run.case_file, "digest": {"sha256": run.case_file_sha256}},
    ]
    if data is not None:  # the data's SHA-256, and how they were fed
        sources.append({"name": "calibration data", "digest": {"sha256": data.partition("-")[0]}})
    makers = recipe.pop("makers", {})
    predicate = {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {"case": run.case_file, "precision": run.precision, "recipe": recipe},
            "internalParameters": {"calibration_data": data},
            "resolvedDependencies": sources,
        },
        "runDetails": {
            "builder": {"id": BUILDER, "version": {"pytest-qparity": __version__, **makers}},
            "metadata": {"invocationId": str(run.start.get("session"))},
        },
    }
    return _statement(subjects, PROVENANCE, predicate)


def _statement(subjects: Mapping[str, str], kind: str, predicate: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": digest}} for name, digest in sorted(subjects.items())],
        "predicateType": kind,
        "predicate": dict(predicate),
    }
