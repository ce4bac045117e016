"""Timing a run at other batches than the case's own, each in a session that was loaded for it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from pytest_qparity.backends.timing import Question
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from pytest_qparity.backends.timing import Times
    from pytest_qparity.case.feeding import Feed
    from pytest_qparity.gate.run_material import RunMaterial

__all__ = ["times_at_batches"]


def times_at_batches(run: RunMaterial, known: Mapping[int, Times]) -> dict[int, Times]:
    """Of each batch in `[latency] batches`; those of `known` are not timed anew. Raises CannotJudge where the model
    takes no such batch."""
    spec = run.material.case.spec.latency
    if spec is None:
        return {}
    feeds = {batch: _feed_of(run, batch) for batch in spec.batches if batch not in known}
    seconds = run.material.settings.latency_seconds / max(len(feeds), 1)
    return {
        batch: known[batch] if batch in known else _timed(run, feeds[batch], Question(seconds))
        for batch in spec.batches
    }


def _timed(run: RunMaterial, feed: Feed, question: Question) -> Times:
    from pytest_qparity.backends.shapes import shapes_over

    with contextlib.closing(run.session_that_never_ran(run.precision, shapes_over([feed]))) as session:
        _require_finite(session.run(feed.arrays), feed.count)  # the first run has a deadline of its own
        with run.material.settings.timed():
            return session.time_alone(feed.arrays, question)


def _require_finite(outputs: Mapping[str, np.ndarray], batch: int) -> None:
    """What is fast because it computes nothing is no throughput: outputs at other batches are in no golden."""
    import numpy as np

    for name, array in outputs.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            sentence = f'Output "{name}" at batch {batch} got NaN or infinities, should be finite.'
            raise CannotJudge(Failure(Code.LATENCY_OUTPUTS, sentence, "see whether the model takes this batch"))


def _feed_of(run: RunMaterial, batch: int) -> Feed:
    """The first `batch` samples; where there are fewer, they come again, since time does not depend on them being
    others."""
    import numpy as np

    from pytest_qparity.case.data import some_in_memory
    from pytest_qparity.case.feeding import Feed

    feeds = some_in_memory(run.material.feeds, batch)
    if feeds.stacked:
        raise _refused(batch, "1: each sample is fed as it is (arrays of one rank more)")
    for tensor in run.material.model.inputs:
        fixed = (tensor.shape or (None,))[0]
        if isinstance(fixed, int) and fixed != batch:
            raise _refused(batch, f'{fixed}: "{tensor.name}" has a fixed first axis')
    return Feed(feeds.chosen(np.arange(batch) % feeds.samples).arrays, batch)


def _refused(batch: int, should: str) -> CannotJudge:
    sentence = f"[latency] batches: got {batch}, should be {should}."
    remedy = "export the model with an open batch axis, or take the batch out of [latency]"
    return CannotJudge(Failure(Code.DATA_LAYOUT, sentence, remedy))
