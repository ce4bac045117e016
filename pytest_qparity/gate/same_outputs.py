"""Whether a session that is timed on other feeds than the judged ones gives the outputs that were judged."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_qparity.backends.outputs import Misfit
from pytest_qparity.gate.once import made_so_far
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from pytest_qparity.case.data import Feeds
    from pytest_qparity.gate.feed_shapes import PlacedFeed
    from pytest_qparity.gate.judged import Judged
    from pytest_qparity.gate.run_material import RunMaterial
    from pytest_qparity.gate.timed_feed import TimedFeed

    Arrays = Mapping[str, np.ndarray]

ROOM_BYTES = 1_000_000

__all__ = ["require_as_at_own_batch", "require_as_golden", "require_as_judged"]


def require_as_judged(run: RunMaterial, placed: PlacedFeed) -> None:
    """One more run of the timed session gives what parity and accuracy were told of this feed, within parity's limits.
    Nothing is required where neither judged it: they run all feeds whose shapes differ.

    Asked after the timing, whose runs all gave the same: what an engine gives from some run on is seen here.
    """
    seen: Judged | None = made_so_far(run).get("judged")
    if seen is None or isinstance(seen.outputs, Misfit) or run.material.recordings is not None:
        return
    where = "of the timed feed are others than the run's own for these samples"
    _require_rows(run, placed, seen.outputs, run.material.feeds.samples, where)


def require_as_golden(run: RunMaterial, timed: TimedFeed) -> None:
    """The outputs of the timed feed are the golden's, within the parity limits of the run. Nothing is required of a
    step that needs the states of those before it."""
    if run.material.recordings is None or timed.placed.start == 0:
        where = f"of {run.id} for the timed feed are others than the golden's"
        _require_rows(run, timed.placed, timed.golden(), timed.samples, where)


def _require_rows(run: RunMaterial, placed: PlacedFeed, outputs: Arrays, samples: int, where: str) -> None:
    """`outputs`: over all `samples`. What is larger than these rows never comes here."""
    from pytest_qparity.backends.hosted import TooLarge

    expected = {name: _of_feed(array, placed, samples) for name, array in outputs.items()}
    most_bytes = ROOM_BYTES + 2 * sum(array.nbytes for array in expected.values())  # of a wider type, and aligned
    try:
        got = run.session.run_within(placed.feed.arrays, most_bytes)
    except TooLarge as answer:
        shapes = {name: shape for name, (_, shape) in answer.described.items()}
        raise _refused(f"Outputs {where}. They have the shapes {shapes}.") from None
    if run.material.feeds.stacked:
        got = {name: array[None] for name, array in got.items()}
    _require_same(run, _laid_out_as(got, expected), expected, where)


def _of_feed(array: np.ndarray, placed: PlacedFeed, samples: int) -> np.ndarray:
    """Its rows of an output that has one a sample, else the one row that it has."""
    is_of_samples = array.shape[:1] == (samples,)
    rows = slice(placed.start, placed.start + placed.feed.count) if is_of_samples else placed.index
    return array[rows]


def _laid_out_as(got: Arrays, expected: Arrays) -> Arrays:
    """An output that a feed has one row of comes without that axis."""
    return {
        name: array[0] if name in expected and array.ndim == expected[name].ndim + 1 else array
        for name, array in got.items()
    }


def require_as_at_own_batch(run: RunMaterial, outputs: Arrays, fed: Feeds, batch: int) -> None:
    """Outputs of `fed` all at once are those that the run's own session gives for its samples at the case's batch,
    row by row, within parity's limits. An output without an axis of samples, or with another open axis that grows with
    the batch (each sample beside each), need only be finite: over other samples together it may be another."""
    import numpy as np

    from pytest_qparity.backends.outputs import gather_outputs

    for name, array in outputs.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise _refused(f'Output "{name}" at batch {batch} got NaN or infinities, should be finite.')
    whole_feeds = np.arange(-(-batch // fed.batch) * fed.batch) % batch  # engines may do otherwise with fewer samples
    own = gather_outputs(run.session, fed.chosen(whole_feeds), run.material.settings.largest_data_mb)
    stated = {tensor.name: tensor.shape for tensor in run.material.model.outputs}
    open_axes = {name for name, shape in stated.items() if not isinstance((shape or (None,))[0], int)}
    of_samples = {
        name: array[:batch]
        for name, array in own.items()
        if name in open_axes and len(array) == len(whole_feeds)
        if name not in outputs or not _grows(array.shape, outputs[name].shape, stated[name])
    }
    got = {name: array for name, array in outputs.items() if name in of_samples}
    if of_samples:
        where = f"at batch {batch} are others than the run's own for these samples"
        _require_same(run, got, of_samples, where)


def _grows(own: tuple[int, ...], got: tuple[int, ...], stated: Sequence[int | str | None] | None) -> bool:
    """Whether axes behind the first have other lengths at another batch, and the model leaves all of these open."""
    if len(own) != len(got) or own[1:] == got[1:]:
        return False
    lengths = stated or (None,) * len(own)
    return all(
        one == other or not isinstance(length, int)
        for one, other, length in zip(own[1:], got[1:], lengths[1:], strict=True)
    )


def _require_same(run: RunMaterial, got: Arrays, expected: Arrays, where: str) -> None:
    from pytest_qparity.checks.parity import judge_parity
    from pytest_qparity.gate.measuring import parity_limit

    limit = replace(parity_limit(run), implausible_db=None)  # of one model with itself
    failures = judge_parity(got, expected, limit).failures
    if failures:
        raise _refused(f"Outputs {where}. {failures[0].sentence}")


def _refused(sentence: str) -> CannotJudge:
    remedy = "see whether the engine and the model take these shapes: time that computes something else is no speed"
    return CannotJudge(Failure(Code.LATENCY_OUTPUTS, sentence, remedy))
