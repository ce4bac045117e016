"""What a verdict rests on, as digests: the same basis, judged again, can tell nothing new but noise.

The only place that says what belongs to it. What cannot be told has no basis, and is judged.
"""

from __future__ import annotations

import contextlib
import platform
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_qparity.backends.registry import BUILTIN
from pytest_qparity.case.functions import find_function, is_function
from pytest_qparity.case.plan_file import is_plan
from pytest_qparity.digest import file_digest, json_digest, tree_digest
from pytest_qparity.environment import driver, engine_settings, installed
from pytest_qparity.hardware import this_hardware
from pytest_qparity.import_graph import code_digest, module_files
from pytest_qparity.sources import local_sources, sources_digest, sources_of_target
from pytest_qparity.verdict import CannotJudge

if TYPE_CHECKING:
    from pytest_qparity.case.loading import Case, ConformanceCase
    from pytest_qparity.gate.case_material import CaseMaterial
    from pytest_qparity.gate.settings import Settings

__all__ = [
    "PARTS",
    "SessionBasis",
    "added_code",
    "case_basis",
    "golden_state",
    "is_onnx",
    "kernels_basis",
    "named_files",
]

PARTS = ("case", "model", "data", "calibration", "files", "golden", "code", "environment", "settings")
DIGITS = 32  # of 64 in a SHA-256: a basis stands beside each verdict, and nobody forges one who could forge a ledger
LONGEST_PATH = 400


class SessionBasis:
    """Code, environment and settings: what all verdicts of a session rest on, as it was when first asked for, which is
    before anything is judged."""

    def __init__(self) -> None:
        self._parts: Mapping[str, str] | None = None
        self._is_told = False
        self._code: dict[tuple[Path, Path], str] = {}

    def code_of(self, file: Path, folder: Path) -> str:
        """SHA-256 of all local code that a case in `folder` may execute with `file`, told once a session: cases by the
        thousand share one module."""
        known = (file, folder)
        if known not in self._code:
            self._code[known] = code_digest([file], [folder])
        return self._code[known]

    def parts(self, settings: Settings) -> Mapping[str, str] | None:
        """None where it cannot be told: a backend or metric whose code is not found."""
        if not self._is_told:
            self._is_told = True
            with contextlib.suppress(LookupError, OSError):
                self._parts = {
                    "code": _code(settings),
                    "environment": _environment(),
                    "settings": _stated(settings),
                }
        return self._parts


def case_basis(material: CaseMaterial) -> Mapping[str, str] | None:
    """Of every run of a case; None where it cannot be told."""
    of_session = material.settings.session_basis
    session = None if of_session is None else of_session.parts(material.settings)
    if of_session is None or session is None:
        return None
    case = material.case
    try:
        key = material.golden_key
        calibrated = case.spec.data.calibration is not None
        parts = {
            "case": file_digest(case.path),
            "model": key.model,
            "data": json_digest({"samples": key.data, "reference": key.recipe}),
            "calibration": material.calibration_samples.digest if calibrated else "",
            "files": _files_of_precisions(material, of_session),
            "golden": material.golden_state,
        }
    except (CannotJudge, OSError, ValueError):
        return None
    return _short({**parts, **session})


def kernels_basis(case: ConformanceCase, settings: Settings) -> Mapping[str, str] | None:
    """Of the kernels of a conformance case; None where it cannot be told."""
    of_session = settings.session_basis
    session = None if of_session is None else of_session.parts(settings)
    if of_session is None or session is None:
        return None
    try:
        parts = {"case": file_digest(case.path), "files": json_digest(_named_files(case, frozenset(), of_session))}
    except (OSError, ValueError):
        return None
    return _short({**parts, **session})


def golden_state(folder: Path) -> str:
    """Digest of a golden's files as they lie there."""
    return tree_digest(folder)


def _short(parts: Mapping[str, str]) -> dict[str, str]:
    return {name: digest[:DIGITS] for name, digest in parts.items()}


def _code(settings: Settings) -> str:
    """This package, what the project's conftest.py and plugins are made of, and what they add."""
    own = Path(__file__).parent.parent
    local = sources_digest(local_sources())
    return json_digest({"pytest_qparity": tree_digest(own), "local": local, "added": added_code(settings)})


def added_code(settings: Settings) -> str:
    """SHA-256 of what plugins add to this package, where no version of a package stands for it, as far as its imports
    reach. Raises LookupError and OSError where it cannot be told."""
    targets = [spec.target for spec in settings.backends.values() if spec not in BUILTIN]
    targets += [metric.target for metric in settings.metrics.values() if not metric.is_own]
    targets += settings.contributed.targets
    files = frozenset[Path]().union(*(sources_of_target(target) for target in targets))
    late = frozenset[Path]().union(*(module_files(target.partition(":")[0]) for target in targets))
    return json_digest({"files": sources_digest(files), "late": code_digest(sorted(late))})


def _environment() -> str:
    return json_digest(
        {
            "python": sys.version,
            "system": f"{platform.system()} {platform.machine()} {' '.join(platform.libc_ver())}",
            "hardware": this_hardware(),
            "driver": driver(),
            "installed": installed(),
            "variables": engine_settings(),
        }
    )


def _stated(settings: Settings) -> str:
    """Options that decide what is measured, and the canaries that are judged first."""
    canaries = {
        path.stem: [tree_digest(path.parent), tree_digest(settings.golden_root / path.stem)]
        for path in settings.canaries.files
    }
    return json_digest(
        {
            "isolation": settings.isolation.value,
            "limits": asdict(settings.limits),
            "demanded_limits": dict(settings.demanded_limits),
            "latency_seconds": settings.latency_seconds,
            "largest_data_mb": settings.largest_data_mb,
            "examples": settings.examples,
            "seed": settings.seed,
            "baseline": None if settings.baseline is None else settings.baseline.digest,
            "baseline_variants": None if settings.baseline_variants is None else settings.baseline_variants.state,
            "canaries": "off" if settings.canaries.are_off else canaries,
            "backends": {name: repr(spec) for name, spec in settings.backends.items()},
            "metrics": {name: [metric.target, metric.direction] for name, metric in settings.metrics.items()},
            "precisions": {name: repr(named) for name, named in settings.contributed.precisions.items()},
            "data": {name: named.target for name, named in settings.contributed.data.items()},
        }
    )


def _files_of_precisions(material: CaseMaterial, session: SessionBasis) -> str:
    """Files that the case names beside model and data, weights that lie beside a given variant, and what a command that
    makes one says of its version."""
    from pytest_qparity.case.model import read_model_file
    from pytest_qparity.precision.command import command_recipe
    from pytest_qparity.precision.recipes import as_json

    case, data = material.case, material.case.spec.data
    given = {spec.file for spec in case.spec.precisions.values() if spec.file is not None and is_onnx(spec.file)}
    apart = {data.test, data.calibration, *given, *([case.spec.model] if isinstance(case.spec.model, str) else [])}
    told = dict(_named_files(case, frozenset(apart), session))
    for name, spec in case.spec.precisions.items():
        if spec.file is not None and is_onnx(spec.file):
            told[f"precision {name}"] = read_model_file(case.folder / spec.file, material.worker).digest
        if spec.command is not None:
            told[f"precision {name}"] = as_json(command_recipe(spec, case.folder, name, material.worker))
    return json_digest(told)


def is_onnx(file: str) -> bool:
    return not is_plan(Path(file))


def _named_files(
    case: Case | ConformanceCase, apart: frozenset[str | None], session: SessionBasis
) -> Mapping[str, Any]:
    return named_files(tomllib.loads(case.path.read_text(encoding="utf-8")), case.folder, apart, session.code_of)


def named_files(
    stated: object, folder: Path, apart: frozenset[str | None], code_of: Callable[[Path, Path], str]
) -> Mapping[str, Any]:
    """By each text of a case file that is a path, what lies there; by each that names a function, its code.

    `stated`: tables, lists and texts of the case; `folder`: of the case; `apart`: texts whose content is digested
    elsewhere; `code_of`: of a file and that folder (`SessionBasis.code_of`).
    """
    found: dict[str, Any] = {}
    for text in _texts(stated):
        if is_function(text):
            try:
                found[text] = code_of(find_function(text, folder).source, folder)
            except CannotJudge:
                continue  # a text with a colon in it
        elif text not in apart and 0 < len(text) <= LONGEST_PATH and "\0" not in text:
            path = folder / text
            if path.is_file():
                found[text] = code_of(path, folder) if path.suffix == ".py" else file_digest(path)
            elif path.is_dir() and path.resolve() not in (folder.resolve(), *folder.resolve().parents):
                found[text] = tree_digest(path)
    return found


def _texts(value: object) -> Iterator[str]:
    """Every text in a TOML document, and of "--config=x.json" what follows the sign as well."""
    if isinstance(value, str):
        yield value
        if "=" in value:
            yield value.rpartition("=")[2]
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
