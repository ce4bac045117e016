"""Recipes that need calibration: what a worker holds from the first feed to the variant."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from pytest_qparity.precision.balancing.bias_correction import BiasCorrection
from pytest_qparity.precision.balancing.rewriting import Balancing
from pytest_qparity.precision.balancing.same import Same
from pytest_qparity.precision.block import BlockJob
from pytest_qparity.precision.calibration.cutting import cut_peaks, peaks_note
from pytest_qparity.precision.calibration.evidence import too_few
from pytest_qparity.precision.calibration.method import Method
from pytest_qparity.precision.calibration.observing import Observer
from pytest_qparity.precision.gptq_job import GptqJob
from pytest_qparity.precision.large import copied
from pytest_qparity.precision.recipes import BlockRecipe, Recipe, StaticRecipe, WeightOnlyRecipe, balance_of
from pytest_qparity.precision.static import StaticJob

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np
    from onnx import ModelProto

    from pytest_qparity.precision.balancing.balance import Balance
    from pytest_qparity.precision.calibration.ranges import Ranges
    from pytest_qparity.quantmath import Range

Given = Callable[["Job"], "tuple[Mapping[str, Range], tuple[str, ...]]"]

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


class Pass(Protocol):
    """One way through the calibration data: given a feed and how many samples it holds, says whether it wants more."""

    def take(self, feed: Mapping[str, np.ndarray], samples: int) -> bool: ...


class Calibration:
    """Calibration data on their way through the float model, feed by feed, once for each pass. `model` is used up.

    What they lead to is kept, the data are not. `rewritten`: the float model as it is quantized, where a recipe changes
    it before. `notes`: what was done to it.
    """

    def __init__(self, model: ModelProto, recipe: Recipe, given: Given | None = None, samples: int = 0) -> None:
        """given: the ranges of a file, and notes, for a job: they are not looked for then. samples: in all, where given
        ranges do not tell."""
        self._samples = samples
        self.rewritten: ModelProto | None = None
        self.notes: tuple[str, ...] = ()
        self._recipe = recipe
        self._gptq: GptqJob | None = None
        self._given = given
        self._ranges: _RangesPass | _GivenRanges | None = None
        self._made: tuple[ModelProto, tuple[str, ...]] | None = None
        self._passes = self._in_order(model)
        self._now = next(self._passes)

    def take(self, feed: Mapping[str, np.ndarray], samples: int) -> bool:
        """Whether this pass wants more."""
        return self._now.take(feed, samples)

    def turn(self) -> bool:
        """After the last feed of a pass: whether there is another one."""
        following = next(self._passes, None)
        if following is not None:
            self._now = following
        return following is not None

    def ranges(self, model_digest: str, data_digest: str) -> Ranges | None:
        """What was found, with what it rests on; None where the recipe has no ranges that another variant of this float
        model could have."""
        if not isinstance(self._ranges, _RangesPass) or self.rewritten is not None:
            return None
        return self._ranges.observer.ranges(model_digest, data_digest)

    def made(self) -> tuple[ModelProto, tuple[str, ...]]:
        """The variant of a job, and notes."""
        if self._gptq is not None:
            return self._gptq.made(), (*self.notes, *self._gptq.notes)
        if self._ranges is None:
            raise ValueError("got a recipe without a job, should be one that is calibrated")
        made, notes = self._made or self._ranges.made()
        return made, (*self.notes, *notes, *self._ranges.doubts())

    def _in_order(self, model: ModelProto) -> Iterator[Pass]:
        recipe, balance = self._recipe, balance_of(self._recipe)
        if balance.changes_model:
            original = copied(model)
            balancing = Balancing(model, balance, recipe.keep_float)
            if balancing.reach is not None:
                yield balancing.reach
            self.rewritten = balancing.done()
            same = Same(original, self.rewritten)
            yield same
            self.notes = (*balancing.notes, same.require(_keys(balance)))
            model = copied(self.rewritten)
        if isinstance(recipe, WeightOnlyRecipe) and recipe.algorithm == "gptq":
            self._gptq = GptqJob(model, recipe)
            yield _MomentsPass(self._gptq)
        elif isinstance(recipe, StaticRecipe | BlockRecipe):
            job = job_for(model, recipe)
            if self._given is None:
                self._ranges = ranges = _RangesPass(job, recipe)
                yield ranges
            else:
                self._ranges = _GivenRanges(job, self._given)
            if isinstance(recipe, StaticRecipe) and recipe.bias_correction:
                yield from self._corrected(self._ranges, recipe)

    def _corrected(self, ranges: _RangesPass | _GivenRanges, recipe: StaticRecipe) -> Iterator[Pass]:
        """The variant is made twice: as it is, whose means are measured, and of the float model with other biases."""
        model = ranges.job.float_model()
        first, notes = ranges.made()
        samples = self._samples if isinstance(ranges, _GivenRanges) else ranges.observer.samples
        correction = BiasCorrection(model, first, recipe.keep_float, samples)
        yield from correction.passes()
        job = job_for(correction.corrected(), recipe)
        self._made = job.made(ranges.of(job)), (*notes, *correction.notes)


class _RangesPass:
    def __init__(self, job: Job, recipe: StaticRecipe | BlockRecipe) -> None:
        self.job = job
        self.observer = Observer(job.float_model(), job.observed, _method(recipe))
        self._doubts: tuple[str, ...] = ()

    def take(self, feed: Mapping[str, np.ndarray], samples: int) -> bool:
        self.observer.take(feed, samples)
        return True

    def of(self, job: Job) -> Mapping[str, Range]:
        return self.observer.ranges().of(job.observed, job.optional)

    def made(self) -> tuple[ModelProto, tuple[str, ...]]:
        chosen = self.of(self.job)  # before the job writes: what it observes has other names then
        halves = self.observer.halves()
        doubt = too_few(halves, self.observer.samples)
        cut = peaks_note(cut_peaks(halves, chosen), self.observer.method.name)
        self._doubts = (*(() if doubt is None else (doubt.sentence,)), *cut)
        made = self.job.made(chosen)
        return made, self.job.notes

    def doubts(self) -> tuple[str, ...]:
        """Of the ranges that `made` took."""
        return self._doubts


class _GivenRanges:
    def __init__(self, job: Job, given: Given) -> None:
        self.job, self._given = job, given

    def of(self, job: Job) -> Mapping[str, Range]:
        return self._given(job)[0]

    def made(self) -> tuple[ModelProto, tuple[str, ...]]:
        found, said = self._given(self.job)
        made = self.job.made(found)
        return made, (*self.job.notes, *said)

    def doubts(self) -> tuple[str, ...]:
        return ()


class _MomentsPass:
    def __init__(self, job: GptqJob) -> None:
        self._job = job

    def take(self, feed: Mapping[str, np.ndarray], samples: int) -> bool:
        self._job.take(feed, samples)
        return True


def _keys(balance: Balance) -> str:
    return " and ".join(
        key for key, on in (("equalize", balance.equalize), ("smooth", balance.smooth)) if on not in (False, None)
    )


def _method(recipe: StaticRecipe | BlockRecipe) -> Method:
    if isinstance(recipe, BlockRecipe):
        return Method("minmax")
    settings = () if recipe.percentile is None else (("percentile", recipe.percentile),)
    return Method(recipe.calibration, settings)
