"""Outputs over all feeds, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_qparity.backends.border import refused
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    import numpy as np

    from pytest_qparity.backends.hosted import HostedSession
    from pytest_qparity.case.data import Feeds


def gather_outputs(session: HostedSession, feeds: Feeds) -> dict[str, np.ndarray]:
    """Outputs over all feeds, in the engine's order of names.

    `feeds.stacked`: each sample is fed as it is and its outputs get a new first axis. Otherwise an output whose first
    axis is the feed's count in every feed is joined along it, and any other (a scalar, a table of constants) is
    stacked, one row a feed.
    """
    import numpy as np

    parts: dict[str, list[np.ndarray]] = {}
    counts: list[int] = []
    for feed in feeds:
        outputs = session.run(feed.arrays)
        if counts and list(outputs) != list(parts):
            raise refused(f"outputs {list(outputs)} of feed {len(counts)}, should be {list(parts)} as of feed 0")
        for name, array in outputs.items():
            parts.setdefault(name, []).append(array)
        counts.append(feed.count)
    if not counts:
        raise CannotJudge(
            Failure(Code.DATA_EMPTY, "got 0 feeds to run, should be at least 1", "see that the test data hold samples")
        )
    gathered = {}
    for name, arrays in parts.items():
        along_first_axis = not feeds.stacked and all(
            array.ndim > 0 and array.shape[0] == count for array, count in zip(arrays, counts, strict=True)
        )
        _require_alike(name, arrays, first_axis_free=along_first_axis)
        gathered[name] = np.concatenate(arrays) if along_first_axis else np.stack(arrays)
    return gathered


def _require_alike(name: str, arrays: list[np.ndarray], *, first_axis_free: bool) -> None:
    first = arrays[0]
    skipped = 1 if first_axis_free else 0
    for index, array in enumerate(arrays):
        if array.dtype != first.dtype:
            raise refused(f'output "{name}" as {array.dtype} in feed {index}, should be {first.dtype} as in feed 0')
        if array.shape[skipped:] != first.shape[skipped:]:
            raise refused(
                f'output "{name}" of shape {array.shape} in feed {index}, should be {first.shape} as in feed 0'
            )
