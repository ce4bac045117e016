"""What a worker does for linting."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_qparity.checks.linting.targets import found_in
from pytest_qparity.checks.linting.view import view_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    Result = tuple[Any, Mapping[str, np.ndarray]]

__all__ = ["fix", "lint"]


def lint(held: dict[str, Any], arguments: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Result:
    """Findings in the file `model` for a `target`."""
    return _found(Path(arguments["model"]), arguments["target"]), {}


def fix(held: dict[str, Any], arguments: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Result:
    """The file `model`, mended for a `target`, at `output`; what was done, what was left, what is still found there."""
    from pytest_qparity.checks.linting.fixing import mended

    model, target, output = Path(arguments["model"]), arguments["target"], Path(arguments["output"])
    made = mended(model, target, output)
    findings = _found(output if made.done else model, target)
    return {"done": made.done, "left": made.left, "findings": findings}, {}


def _found(path: Path, target: str) -> list[dict[str, Any]]:
    return [finding.as_json() for finding in found_in(view_of(path), target)]
