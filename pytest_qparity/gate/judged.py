"""The samples that parity and accuracy are told of: all of them, or as many as it takes to know."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pytest_qparity.backends.outputs import Misfit
from pytest_qparity.case.data import Feeds
from pytest_qparity.verdict import CannotJudge

if TYPE_CHECKING:
    import numpy as np

    from pytest_qparity.case.data import Feed
    from pytest_qparity.checks.accuracy import AccuracyMeasurement
    from pytest_qparity.gate.accuracy import FoundScores
    from pytest_qparity.gate.run_material import RunMaterial

    Arrays = Mapping[str, np.ndarray]

SEED = 20261126  # of the order in which samples are looked at: data lie sorted by class or by source


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Outputs of the variant for some samples, and what they are held against.

    `indices`: which samples of the data, int64 (samples,), in the order of the outputs; None: all, in their own order.
    `level`: of each one-sided test; None of a census. `look`: the look at which it ended, from 1 on, of `looks`.
    `passed_over`: why looks that the case states were not taken; None where they were, or none are stated. `scores`:
    those that ended it, and what they come to; None where no look did.
    """

    outputs: Arrays | Misfit
    golden: Arrays
    labels: np.ndarray | None
    samples: int
    first_feed: Feed
    level: float | None
    indices: np.ndarray | None = None
    look: int = 1
    looks: tuple[float, ...] = (1.0,)
    passed_over: str | None = None
    scores: tuple[FoundScores, AccuracyMeasurement] | None = None

    def as_json(self) -> dict[str, Any]:
        """What the evidence says of it; nothing where there was but one look."""
        if len(self.looks) == 1:
            return {}
        return {"looks": list(self.looks), "ended_at_look": self.look, "order_seed": SEED}


def judged_samples(run: RunMaterial) -> Judged:
    """All samples; where the case has looks, those up to the first look at which accuracy is decided, in an order drawn
    once for all: what comes after is not run.

    A drop that is not decided at any look takes them all. So does one whose metric cannot be had: accuracy says why.
    Looks need data in memory, and outputs that have an axis of samples; without them all samples are run at once.
    """
    from pytest_qparity.gate.accuracy import level_of

    run.session  # noqa: B018  a backend that is not there needs no golden
    spec, golden, feeds = run.material.case.spec, run.material.golden, run.material.feeds
    looks = (1.0,) if spec.accuracy is None else spec.accuracy.looks
    passed_over = None
    if len(looks) > 1:
        if run.material.comes_in_groups:
            passed_over = "what is drawn from the population are groups of samples, and looks draw samples"
        elif not isinstance(feeds, Feeds):
            passed_over = "the data are streamed, and looks need them in memory"
        elif not all(array.shape[:1] == (golden.samples,) for array in golden.outputs.values()):
            passed_over = "an output has no axis of samples"
        else:
            return _at_looks(run, feeds, looks)
    labels = run.material.samples.labels
    first = next(iter(feeds))
    level = level_of(spec)
    return Judged(run.gathered, golden.outputs, labels, golden.samples, first, level, passed_over=passed_over)


def _at_looks(run: RunMaterial, feeds: Feeds, looks: tuple[float, ...]) -> Judged:
    from pytest_qparity.checks.statistics.noninferiority import LEVEL, Answer
    from pytest_qparity.checks.statistics.sequential import nominal_levels
    from pytest_qparity.gate.accuracy import concluded, scores_of

    for seen in _looked_at(run, feeds, looks, nominal_levels(looks, LEVEL)):
        if seen.look == len(looks) or isinstance(seen.outputs, Misfit):
            return seen
        try:
            found = scores_of(run, seen)
            measured = concluded(run, seen, found)
        except CannotJudge:
            continue  # whoever judges accuracy meets it again
        if measured.conclusion.answer is not Answer.OPEN:
            return replace(seen, scores=(found, measured))
    raise AssertionError("unreachable: the last look ends")


def _looked_at(run: RunMaterial, feeds: Feeds, looks: tuple[float, ...], levels: tuple[float, ...]) -> Iterator[Judged]:
    """What has been seen at each look, run as it is asked for."""
    import numpy as np

    from pytest_qparity.backends.outputs import gather_outputs_like

    golden, labels = run.material.golden, run.material.samples.labels
    order = np.random.default_rng(SEED).permutation(golden.samples)
    parts: list[Arrays] = []
    before, first = 0, None
    for look, (share, level) in enumerate(zip(looks, levels, strict=True), start=1):
        until = min(golden.samples, math.ceil(share * golden.samples / feeds.batch) * feeds.batch)
        if until > before:
            chosen = feeds.chosen(order[before:until])
            first = first or chosen[0]
            part = gather_outputs_like(run.session, chosen, _rows(golden.outputs, order[before:until]))
            if isinstance(part, Misfit):
                yield Judged(part, _rows(golden.outputs, order[before:until]), None, until, first, level)
                return
            parts.append(part)
        before, seen = until, order[:until]
        outputs = {name: np.concatenate([part[name] for part in parts]) for name in golden.outputs}
        shown = None if labels is None or len(labels) != golden.samples else labels[seen]
        assert first is not None
        yield Judged(outputs, _rows(golden.outputs, seen), shown, until, first, level, seen, look, looks)


def _rows(arrays: Arrays, indices: np.ndarray) -> dict[str, np.ndarray]:
    return {name: array[indices] for name, array in arrays.items()}
