"""A file held against an engine's rules, without a case: read in a worker as any model is, mended where it is safe.

Also what preflight asks of a variant for TensorRT, before an engine is built of it.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_qparity.case.model import read_model_file
from pytest_qparity.checks.linting.linting import Fixed, fixed, linted
from pytest_qparity.durable import replacing

if TYPE_CHECKING:
    from pytest_qparity.checks.linting.finding import Finding
    from pytest_qparity.worker.protocol import Worker

__all__ = ["Linted", "installed_target", "lint", "lint_variant"]

PROFILE = "TRT-SHAPE-001"  # the gate makes a profile of the case's data


@dataclass(frozen=True, slots=True)
class Linted:
    """`findings`: of the file, or of the mended one where something was mended (`fixed`)."""

    digest: str
    findings: tuple[Finding, ...]
    fixed: Fixed | None = None


def lint(model: Path, target: str, worker: Worker, output: Path | None = None) -> Linted:
    """Hold a file against the rules of a target; with `output` the mended file is put there: whole, or not at all.

    Raises CannotJudge where the file is no model, or its external data are not its own; OSError where `output` cannot
    be written.
    """
    digest = read_model_file(model, worker).digest
    if output is None:
        return Linted(digest, linted(model, target, worker))
    with tempfile.TemporaryDirectory(prefix="lint-") as folder:
        written = Path(folder) / "fixed.onnx"
        made = fixed(model, target, written, worker)
        if made.done:
            with replacing(output) as temporary:
                shutil.copyfile(written, temporary)
    return Linted(digest, made.findings, made)


def lint_variant(variant: Path, worker: Worker) -> tuple[Finding, ...]:
    """What TensorRT's importer of the installed release would say of a variant; raises CannotJudge as `linted` does."""
    return linted(variant, installed_target(), worker, without=(PROFILE,))


def installed_target() -> str:
    """The target of the TensorRT that is installed here, asked of its metadata; of the latest where there is none."""
    for name in ("tensorrt", "tensorrt-cu13", "tensorrt-cu12"):
        try:
            return "trt10" if metadata.version(name).split(".")[0] == "10" else "trt11"
        except metadata.PackageNotFoundError:
            continue
    return "trt11"
