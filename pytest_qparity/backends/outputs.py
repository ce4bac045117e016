"""Outputs over all feeds, put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_qparity.backends.border import refused
from pytest_qparity.backends.hosted import TooLarge
from pytest_qparity.verdict import CannotJudge, Code, Failure
from pytest_qparity.worker.arena import room_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from pytest_qparity.backends.rollout import Runs
    from pytest_qparity.case.feeding import FeedSource


@dataclass(frozen=True, slots=True)
class Layout:
    """An output's type and shape, of one feed or of all."""

    dtype: np.dtype
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Misfit:
    """Outputs that are not laid out as those they will be compared with: what they would be over all feeds."""

    layouts: Mapping[str, Layout]


def gather_outputs(session: Runs, feeds: FeedSource, largest_mb: float) -> dict[str, np.ndarray]:
    """Outputs over all feeds, in the engine's order of names, of `largest_mb` in all at most.

    `feeds.stacked`: each sample is fed as it is and its outputs get a new first axis. Otherwise an output whose first
    axis is the feed's count in every feed is joined along it, and any other (a scalar, a table of constants) is
    stacked, one row a feed.
    """
    most_bytes = int(largest_mb * 1e6 / max(len(feeds), 1))
    gathering = _Gathering(feeds.stacked)
    for feed, outputs in session.over(feeds, most_bytes):
        if isinstance(outputs, TooLarge):
            raise refused(f"outputs of more than {largest_mb:,g} MB over {len(feeds)} feeds, should be less")
        gathering.add(_layouts(outputs), outputs, feed.count)
    return gathering.joined()


def gather_outputs_like(
    session: Runs, feeds: FeedSource, expected: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray] | Misfit:
    """The same, where the first feed's outputs are laid out as `expected` over all feeds is.

    No more than that is ever held: what is larger does not leave its worker, and the first feed decides.
    """
    most_bytes = room_of(expected)
    gathering = _Gathering(feeds.stacked)
    for index, (feed, answer) in enumerate(session.over(feeds, most_bytes)):
        if isinstance(answer, TooLarge):
            outputs, layouts = {}, {name: Layout(*described) for name, described in answer.described.items()}
        else:
            outputs, layouts = answer, _layouts(answer)
        if index == 0 and not _fits(layouts, feed.count, feeds, expected):
            return Misfit({name: _over_all(layout, feed.count, feeds)[0] for name, layout in layouts.items()})
        gathering.add(layouts, outputs, feed.count)
    return gathering.joined()


class _Gathering:
    """Outputs feed by feed; each must be laid out as those of the first."""

    def __init__(self, stacked: bool) -> None:
        self._stacked = stacked
        self._first: Mapping[str, Layout] = {}
        self._parts: dict[str, list[np.ndarray]] = {}
        self._may_join: dict[str, bool] = {}
        self._may_stack: dict[str, bool] = {}
        self._feeds = 0

    def add(self, layouts: Mapping[str, Layout], outputs: Mapping[str, np.ndarray], count: int) -> None:
        """The outputs of one more feed; none where they were too large to come here. Raises CannotJudge where they
        cannot be put together with those before them."""
        self._require_alike(layouts, count)
        if outputs.keys() != layouts.keys():
            raise refused(f"outputs of feed {self._feeds} that are larger than those of all feeds, should be a part")
        for name, array in outputs.items():
            self._parts.setdefault(name, []).append(array)
        self._feeds += 1

    def _require_alike(self, layouts: Mapping[str, Layout], count: int) -> None:
        if self._feeds == 0:
            self._first = layouts
        elif list(layouts) != list(self._first):
            raise refused(f"outputs {list(layouts)} of feed {self._feeds}, should be {list(self._first)} as of feed 0")
        for name, layout in layouts.items():
            first = self._first[name]
            where = f"in feed {self._feeds}"
            if layout.dtype != first.dtype:
                raise refused(f'output "{name}" as {layout.dtype} {where}, should be {first.dtype} as in feed 0')
            joins = not self._stacked and _counts(layout, count) and layout.shape[1:] == first.shape[1:]
            self._may_join[name] = self._may_join.get(name, True) and joins
            self._may_stack[name] = self._may_stack.get(name, True) and layout.shape == first.shape
            if not self._may_join[name] and not self._may_stack[name]:
                raise refused(f'output "{name}" of shape {layout.shape} {where}, should be {first.shape} as in feed 0')

    def joined(self) -> dict[str, np.ndarray]:
        import numpy as np

        if not self._feeds:
            raise CannotJudge(
                Failure(
                    Code.DATA_EMPTY, "got 0 feeds to run, should be at least 1", "see that the test data hold samples"
                )
            )
        gathered = {}
        for name in list(self._parts):
            arrays = self._parts.pop(name)  # each is let go of once it is joined
            gathered[name] = np.concatenate(arrays) if self._may_join[name] else np.stack(arrays)
        return gathered


def _layouts(outputs: Mapping[str, np.ndarray]) -> dict[str, Layout]:
    return {name: Layout(array.dtype, array.shape) for name, array in outputs.items()}


def _counts(layout: Layout, count: int) -> bool:
    """Whether the first axis may be that of the feed's samples."""
    return len(layout.shape) > 0 and layout.shape[0] == count


def _over_all(layout: Layout, count: int, feeds: FeedSource) -> list[Layout]:
    """What the output of one feed may be over all of them, the likelier first."""
    stacked = Layout(layout.dtype, (len(feeds), *layout.shape))
    if feeds.stacked or not _counts(layout, count):
        return [stacked]
    return [Layout(layout.dtype, (feeds.samples, *layout.shape[1:])), stacked]


def _fits(layouts: Mapping[str, Layout], count: int, feeds: FeedSource, expected: Mapping[str, np.ndarray]) -> bool:
    return list(layouts) == list(expected) and all(
        Layout(expected[name].dtype, expected[name].shape) in _over_all(layout, count, feeds)
        for name, layout in layouts.items()
    )
