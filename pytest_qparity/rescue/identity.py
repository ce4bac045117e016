"""Which search a journal belongs to."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pytest_qparity.digest import file_digest, json_digest
from pytest_qparity.precision.variants import versions
from pytest_qparity.processor import this_processor
from pytest_qparity.verdict import CannotJudge

if TYPE_CHECKING:
    from pytest_qparity.gate import CaseMaterial, Run

__all__ = ["search_digest"]


def search_digest(material: CaseMaterial, run: Run) -> str:
    """All that decides upon the verdicts of a search: another one of these is another search."""
    spec = material.case.spec
    stated = spec.precisions[run.precision]
    given = None if stated.file is None else file_digest(material.case.folder / stated.file)
    calibration: str | None = None
    if spec.data.calibration is not None:
        with contextlib.suppress(CannotJudge):
            calibration = material.calibration_samples.digest
    told: Mapping[str, Any] = {
        "golden": asdict(material.golden_key),
        "precision": stated.model_dump(mode="json"),
        "file": given,
        "calibration": calibration,
        "parity": {name: each.model_dump(mode="json") for name, each in spec.parity.items()},
        "accuracy": None if spec.accuracy is None else spec.accuracy.model_dump(mode="json"),
        "cpu": spec.cpu,
        "backend": run.backend,
        "versions": versions(),
        "processor": this_processor().as_json(),
    }
    return json_digest(told)
