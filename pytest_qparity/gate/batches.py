"""Timing a run at other batches than the case's own, each in a session that was loaded for it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_qparity.backends.timing import Question
from pytest_qparity.case.data import Feed, Feeds, some_in_memory
from pytest_qparity.case.references import FLOAT
from pytest_qparity.gate.same_outputs import require_as_at_own_batch
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_qparity.backends.sequential import Interval
    from pytest_qparity.backends.timing import Times
    from pytest_qparity.gate.run_material import RunMaterial

__all__ = ["AtBatch", "times_at_batches"]


@dataclass(frozen=True, slots=True)
class AtBatch:
    """`speed_up`: over fp32 at the same batch; None of fp32 itself, and where that one was not timed beside it."""

    times: Times
    speed_up: Interval | None = None


def times_at_batches(run: RunMaterial, known: Mapping[int, AtBatch]) -> dict[int, AtBatch]:
    """Of each batch in `[latency] batches`; those of `known` are not timed anew. Raises CannotJudge where the model
    takes no such batch."""
    spec = run.material.case.spec.latency
    if spec is None or not spec.batches:
        return {}
    feeds = {batch: _feeds_of(run, batch) for batch in spec.batches if batch not in known}
    seconds = run.material.settings.latency_seconds / max(len(feeds), 1)
    return {batch: known[batch] if batch in known else _timed(run, feeds[batch], seconds) for batch in spec.batches}


def _timed(run: RunMaterial, feeds: Feeds, seconds: float) -> AtBatch:
    from pytest_qparity.backends.shapes import shapes_over
    from pytest_qparity.checks.speed_up import how_different, speed_up

    feed = Feed(feeds.arrays, feeds.samples)
    shapes = shapes_over([feed])
    with contextlib.ExitStack() as opened:
        session = opened.enter_context(contextlib.closing(run.session_that_never_ran(run.precision, shapes)))
        # The first run has a deadline of its own. Outputs at other batches are in no golden.
        require_as_at_own_batch(run, session.run(feed.arrays), feeds, feed.count)
        if run.precision == FLOAT:
            with run.material.settings.timed():
                return AtBatch(session.time_alone(feed.arrays, Question(seconds)))
        counterpart = opened.enter_context(contextlib.closing(run.session_that_never_ran(FLOAT, shapes)))
        require_as_at_own_batch(run.at(FLOAT), counterpart.run(feed.arrays), feeds, feed.count)
        with run.material.settings.timed():
            paired = session.time_in_turn(counterpart, feed.arrays, how_different(seconds))
        return AtBatch(paired.of_variant, speed_up(paired))


def _feeds_of(run: RunMaterial, batch: int) -> Feeds:
    """The first `batch` samples, of the costliest shape where shapes differ; where there are fewer, they come again,
    since time does not depend on them being others."""
    import numpy as np

    shapes = run.material.feed_shapes
    if shapes.count > 1 and not run.material.feeds.stacked:
        costliest = shapes.costliest.feed
        feeds = Feeds(costliest.arrays, costliest.count, run.material.feeds.batch, stacked=False)
    else:
        feeds = some_in_memory(run.material.feeds, batch)
    if feeds.stacked:
        raise _refused(batch, "1: each sample is fed as it is (arrays of one rank more)")
    for tensor in run.material.model.inputs:
        fixed = (tensor.shape or (None,))[0]
        if isinstance(fixed, int) and fixed != batch:
            raise _refused(batch, f'{fixed}: "{tensor.name}" has a fixed first axis')
    return feeds.chosen(np.arange(batch) % feeds.samples)


def _refused(batch: int, should: str) -> CannotJudge:
    sentence = f"[latency] batches: got {batch}, should be {should}."
    remedy = "export the model with an open batch axis, or take the batch out of [latency]"
    return CannotJudge(Failure(Code.DATA_LAYOUT, sentence, remedy))
