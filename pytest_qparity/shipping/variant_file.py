"""Where the judged bytes lie: in the cache of made variants, or where the case gives the file."""

from __future__ import annotations

import contextlib
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_qparity.case.model import read_model_file, stored_bytes
from pytest_qparity.case.plan_file import is_plan
from pytest_qparity.digest import file_digest
from pytest_qparity.gate.case_material import CaseMaterial
from pytest_qparity.precision.cache import VariantCache
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_qparity.case.loading import Case
    from pytest_qparity.gate.settings import Settings
    from pytest_qparity.shipping.judged_run import JudgedRun

__all__ = ["VariantFile", "require_same_case", "variant_file"]


@dataclass(frozen=True, slots=True)
class VariantFile:
    """The file of a variant; `external`: places of its external data, in its folder."""

    path: Path
    external: tuple[str, ...] = ()

    @property
    def shipped_as(self) -> str:
        """Its name in a release: what looks for external data does so by their own names, which stay."""
        return f"model{self.path.suffix.lower() or '.onnx'}"


def require_same_case(run: JudgedRun, case_file: Path) -> None:
    """Raises CannotJudge where the case file is not the one that was judged: it says what is promised of the run."""
    try:
        now = file_digest(case_file)
    except OSError as error:
        raise _gone(f"{run.case_file} is gone ({error.strerror}), should be as it was judged.", run) from None
    if now != run.case_file_sha256:
        sentence = f"{run.case_file} is {now[:12]} now, should be {run.case_file_sha256[:12]} as it was judged."
        raise _gone(sentence, run)


def variant_file(run: JudgedRun, case: Case, settings: Settings) -> VariantFile:
    """The file whose bytes the run's verdicts name. Nothing is made anew.

    Raises CannotJudge where it is gone, or no longer these bytes.
    """
    cached = VariantCache(settings.cache / "variants").holding(run.digest)
    if cached is not None:
        return VariantFile(cached.path, cached.external)
    stated = case.spec.precisions.get(run.precision)
    is_float_model = run.variant.get("recipe", {}).get("method") == "float model"
    if not is_float_model and (stated is None or stated.file is None or not run.variant.get("given")):
        raise _gone(
            f"{run.name}: got no file {run.digest[:12]} in the cache {settings.cache}, should be the variant judged.",
            run,
        )
    with contextlib.closing(CaseMaterial(case, settings, run.case_file)) as material:
        if is_float_model:
            found = VariantFile(material.model.path, material.model.external)
        else:
            path = case.folder / str(stated.file if stated else None)
            found = _given(path, material)
    require_bytes(found, run, str(found.path.name))
    return found


def require_bytes(file: VariantFile, run: JudgedRun, shown: str) -> None:
    """Raises CannotJudge where a file is not the bytes that the verdicts are about."""
    try:
        now = stored_bytes(file.path, file.external).digest
    except OSError as error:
        raise _gone(f"{shown} is gone ({error.strerror}), should be as it was judged.", run) from None
    if now != run.digest:
        raise _gone(f"{shown} is {now[:12]} now, should be {run.digest[:12]} as it was judged.", run)


def _given(path: Path, material: CaseMaterial) -> VariantFile:
    if is_plan(path):
        return VariantFile(path)
    return VariantFile(path, read_model_file(path, material.worker).external)


def _gone(sentence: str, run: JudgedRun) -> CannotJudge:
    remedy = f"judge it again: {shlex.join(['pytest', run.case_file, f'--backend={run.backend}'])}"
    return CannotJudge(Failure(Code.SHIP_FILE, sentence, remedy))
