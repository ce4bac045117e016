"""Looking at a file in a worker, and mending it there; this side opens no model."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_qparity.checks.linting.finding import Finding

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_qparity.worker.protocol import Worker

__all__ = ["TARGETS", "Fixed", "fixed", "linted"]

TARGETS = {
    "trt10": "TensorRT 10",
    "trt11": "TensorRT 11",
    "ort": "ONNX Runtime, CPU",
    "openvino": "OpenVINO, CPU",
}
_SERVING = "pytest_qparity.checks.linting.serving"


@dataclass(frozen=True, slots=True)
class Fixed:
    """What was mended, a sentence each; what was tried and left; what the rules still find."""

    done: tuple[str, ...]
    left: tuple[str, ...]
    findings: tuple[Finding, ...]


def linted(model: Path, target: str, worker: Worker, without: Collection[str] = ()) -> tuple[Finding, ...]:
    """What the rules of `target` find in a file, but for the rules named in `without`.

    The file's external data must be known to be its own (`case.model.read_model_file`). Raises CannotJudge where it is
    no model.
    """
    arguments = {"model": str(model.absolute()), "target": target}
    work = f"Linting {model.name}"
    found = worker.call(f"{_SERVING}:lint", arguments, {}, work, worker.limits.load).value
    findings = (Finding.from_json(each) for each in found)
    return tuple(finding for finding in findings if finding.rule.id not in without)


def fixed(model: Path, target: str, output: Path, worker: Worker) -> Fixed:
    """Write the file to `output` with what is safe to mend mended; nothing is written where there is nothing.

    Raises CannotJudge where it is no model, or onnx.checker refuses what came of it.
    """
    arguments = {"model": str(model.absolute()), "target": target, "output": str(output.absolute())}
    made = worker.call(f"{_SERVING}:fix", arguments, {}, f"Mending {model.name}", worker.limits.load).value
    findings = tuple(Finding.from_json(each) for each in made["findings"])
    return Fixed(tuple(made["done"]), tuple(made["left"]), findings)
