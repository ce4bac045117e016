"""A float model without local functions, for engines that have none: what values are compared with there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_qparity.precision.variants import Variant, Workshop, versions

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    Answer = tuple[Any, Mapping[str, np.ndarray]]

__all__ = ["count_functions", "inline", "inlined_variant"]

_HERE = "pytest_qparity.precision.inlined"


def inlined_variant(variant: Variant, workshop: Workshop) -> Variant | None:
    """The variant with each call of a local function replaced by its nodes, through the cache; None where it has none.

    Raises CannotJudge where the model cannot be read.
    """
    worker, model = workshop.worker, str(variant.path.absolute())
    work = f"Inlining {variant.path.name}"
    calibration = worker.limits.calibration
    if not worker.call(f"{_HERE}:count_functions", {"model": model}, {}, work, calibration).value:
        return None
    recipe = {"method": "inline", "base": variant.base, "version": 1}

    def write(target: Path) -> tuple[str, ...]:
        arguments = {"model": model, "target": str(target.absolute()), "precision": variant.precision}
        worker.call(f"{_HERE}:inline", arguments, {}, work, calibration)
        return ()

    key = {"model": variant.digest, "recipe": recipe, "makers": versions()}
    cached = workshop.cache.get_or_make(key, write)
    stated = {**recipe, "of": variant.digest}
    return Variant(cached.path, cached.digest, variant.precision, variant.base, False, stated, cached.external)


def count_functions(held: dict[str, Any], arguments: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Answer:
    """Works in the worker: how many local functions `model` has."""
    import onnx

    return len(onnx.load(arguments["model"], load_external_data=False).functions), {}


def inline(held: dict[str, Any], arguments: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Answer:
    """Works in the worker: writes `model` without local functions to `target`."""
    import onnx
    from onnx import inliner

    from pytest_qparity.precision.large import apart_from_weights, save_whole
    from pytest_qparity.precision.making import Border

    with Border(arguments["precision"]):
        model = apart_from_weights(onnx.load(arguments["model"]), inliner.inline_local_functions)
        save_whole(model, Path(arguments["target"]))
    return None, {}
