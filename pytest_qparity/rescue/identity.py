"""Which search a journal belongs to."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pytest_qparity.case.model import read_model_file
from pytest_qparity.digest import json_digest
from pytest_qparity.gate.basis import SessionBasis, added_code, is_onnx, named_files
from pytest_qparity.precision.command import command_recipe
from pytest_qparity.precision.recipes import as_json
from pytest_qparity.precision.variants import versions
from pytest_qparity.processor import this_processor
from pytest_qparity.verdict import CannotJudge

if TYPE_CHECKING:
    from pytest_qparity.case.precision_spec import PrecisionSpec
    from pytest_qparity.gate import CaseMaterial, Run

__all__ = ["search_digest"]

# Known by their content, by what the run alone states, or judged of the answer each time.
_ELSEWHERE = {"model", "precisions", "budgets", "latency"}


def search_digest(material: CaseMaterial, run: Run) -> str:
    """All that decides upon the verdicts of a search: another one of these is another search.

    Of the case file everything but what stands elsewhere, so that a key that comes to it later is not forgotten. What a
    key names counts by its content: ranges and other files; a given file with its external data; the golden as it lies
    there; of each "module:function" the code, as far as its imports reach. What cannot be told (a file that is not
    there) is as it is: to be told later is another search.
    """
    spec = material.case.spec
    stated = spec.precisions[run.precision]
    stated_keys = spec.model_dump(mode="json", exclude=_ELSEWHERE)
    precision = stated.model_dump(mode="json")
    told: Mapping[str, Any] = {
        "golden": asdict(material.golden_key),
        "golden_state": material.golden_state,
        "precision": precision,
        "variant": _given(material, run, stated),
        "calibration": _calibration(material),
        "case": stated_keys,
        "files": _named(material, stated, [stated_keys, precision]),
        "added": _added(material),
        "demanded_limits": dict(material.settings.demanded_limits),
        "baseline": None if (baseline := material.settings.baseline) is None else baseline.digest,
        "backend": run.backend,
        "versions": versions(),
        "processor": this_processor().as_json(),
    }
    return json_digest(told)


def _calibration(material: CaseMaterial) -> str | None:
    if material.case.spec.data.calibration is not None:
        with contextlib.suppress(CannotJudge):
            return material.calibration_samples.digest
    return None


def _given(material: CaseMaterial, run: Run, stated: PrecisionSpec) -> str | None:
    """Of a given file the digest of all of its bytes, those beside it too; of a command what it says of its version."""
    with contextlib.suppress(CannotJudge, OSError):
        if stated.file is not None and is_onnx(stated.file):
            return read_model_file(material.case.folder / stated.file, material.worker).digest
        if stated.command is not None:
            return json_digest(as_json(command_recipe(stated, material.case.folder, run.precision, material.worker)))
    return None


def _named(material: CaseMaterial, stated: PrecisionSpec, keys: list[Any]) -> Mapping[str, Any]:
    """What keys name, but what is digested as data or as a model."""
    data = material.case.spec.data
    onnx = stated.file if stated.file is not None and is_onnx(stated.file) else None
    apart = frozenset((data.test, data.calibration, onnx))
    return named_files(keys, material.case.folder, apart, SessionBasis().code_of)


def _added(material: CaseMaterial) -> str | None:
    with contextlib.suppress(LookupError, OSError):
        return added_code(material.settings)
    return None
