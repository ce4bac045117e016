"""Recipes that need calibration: what a worker holds from the first feed to the variant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pytest_qparity.precision.block import BlockJob
from pytest_qparity.precision.calibration.cutting import cut_peaks, peaks_note
from pytest_qparity.precision.calibration.evidence import too_few
from pytest_qparity.precision.calibration.method import Method
from pytest_qparity.precision.calibration.observing import Observer
from pytest_qparity.precision.gptq_job import GptqJob
from pytest_qparity.precision.recipes import BlockRecipe, Recipe, StaticRecipe, WeightOnlyRecipe
from pytest_qparity.precision.static import StaticJob

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from onnx import ModelProto

    from pytest_qparity.precision.calibration.ranges import Ranges
    from pytest_qparity.quantmath import Range

__all__ = ["Calibration", "Job", "job_for"]


class Job(Protocol):
    """A float model on its way to a variant: run to find the ranges of `observed`, then made with them.

    `optional`: tensors that may have no range; the nodes that take one stay float. `notes` are whole once it is made.
    `moved`: by observed tensor those that share its range, as they hold its values, and whether they hold all of them.
    """

    notes: tuple[str, ...]
    optional: frozenset[str]

    @property
    def observed(self) -> tuple[str, ...]: ...

    @property
    def moved(self) -> Mapping[str, Mapping[str, bool]]: ...

    def float_model(self) -> ModelProto: ...

    def made(self, ranges: Mapping[str, Range]) -> ModelProto: ...


def job_for(model: ModelProto, recipe: StaticRecipe | BlockRecipe) -> Job:
    return StaticJob(model, recipe) if isinstance(recipe, StaticRecipe) else BlockJob(model, recipe)


class Calibration:
    """Calibration data on their way through the float model, feed by feed. `model` is used up.

    Ranges, or for gptq second moments, are kept, the data are not.
    """

    def __init__(self, model: ModelProto, recipe: Recipe) -> None:
        self._job: Job | None = None
        self._gptq: GptqJob | None = None
        if isinstance(recipe, WeightOnlyRecipe):
            self._gptq = GptqJob(model, recipe)
        elif isinstance(recipe, StaticRecipe | BlockRecipe):
            self._job = job_for(model, recipe)
            self._observer = Observer(self._job.float_model(), self._job.observed, _method(recipe))

    def take(self, feed: Mapping[str, np.ndarray], samples: int) -> None:
        if self._gptq is None:
            self._observer.take(feed, samples)
        else:
            self._gptq.take(feed, samples)

    def ranges(self, model_digest: str, data_digest: str) -> Ranges | None:
        """What was found, with what it rests on; None where the recipe has no ranges."""
        return None if self._job is None else self._observer.ranges(model_digest, data_digest)

    def made(self) -> tuple[ModelProto, tuple[str, ...]]:
        """The variant of a job, and notes."""
        if self._gptq is not None:
            return self._gptq.made(), self._gptq.notes
        if self._job is None:
            raise ValueError("got a recipe without a job, should be one that is calibrated")
        ranges, halves = self._observer.ranges(), self._observer.halves()
        doubt = too_few(halves, self._observer.samples)
        doubts = () if doubt is None else (doubt.sentence,)
        chosen = ranges.of(self._job.observed, self._job.optional)
        cut = peaks_note(cut_peaks(halves, chosen), self._observer.method.name)
        made = self._job.made(chosen)
        return made, (*self._job.notes, *doubts, *cut)


def _method(recipe: StaticRecipe | BlockRecipe) -> Method:
    if isinstance(recipe, BlockRecipe):
        return Method("minmax")
    settings = () if recipe.percentile is None else (("percentile", recipe.percentile),)
    return Method(recipe.calibration, settings)
