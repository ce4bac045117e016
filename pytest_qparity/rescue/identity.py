"""Which search a journal belongs to."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pytest_qparity.case.functions import find_function, is_function, source_digest
from pytest_qparity.digest import file_digest, json_digest
from pytest_qparity.precision.variants import versions
from pytest_qparity.processor import this_processor
from pytest_qparity.verdict import CannotJudge

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_qparity.gate import CaseMaterial, Run

__all__ = ["search_digest"]

# Known by their content, by what the run alone states, or judged of the answer each time.
_ELSEWHERE = {"model", "precisions", "budgets", "latency"}


def search_digest(material: CaseMaterial, run: Run) -> str:
    """All that decides upon the verdicts of a search: another one of these is another search.

    Of the case file everything but what stands elsewhere, so that a key that comes to it later is not forgotten; of
    each "module:function" that it names the code.
    """
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
        "case": (stated_keys := spec.model_dump(mode="json", exclude=_ELSEWHERE)),
        "functions": dict(_sources([stated_keys, stated.model_dump(mode="json")], material.case.folder)),
        "demanded_limits": dict(material.settings.demanded_limits),
        "baseline": None if (baseline := material.settings.baseline) is None else baseline.digest,
        "backend": run.backend,
        "versions": versions(),
        "processor": this_processor().as_json(),
    }
    return json_digest(told)


def _sources(value: Any, folder: Path) -> Iterator[tuple[str, str]]:
    """Each function that a case names, with the digest of its code; what names none is passed over."""
    if isinstance(value, str):
        if is_function(value):
            with contextlib.suppress(CannotJudge, OSError):
                yield value, source_digest(find_function(value, folder), folder)
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _sources(each, folder)
    elif isinstance(value, list):
        for each in value:
            yield from _sources(each, folder)
