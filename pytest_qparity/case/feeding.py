"""Feeds as the gate sees them, whether all samples are in memory or each batch is made when it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np

__all__ = ["Array", "Feed", "FeedSource", "SampleSet", "Span", "prefetched"]

Array = np.ndarray[Any, Any]
Span = tuple[float, float]
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, eq=False)
class Feed:
    """One call of a session: arrays that hold `count` samples, as views; a worker copies and aligns what it is fed."""

    arrays: Mapping[str, Array]
    count: int


class FeedSource(Protocol):
    """All samples as feeds; can be gone through again, and gives the same feeds then.

    `samples`: how many; `batch`: how many a feed holds, the last one fewer; `stacked`: each sample is fed as it is, so
    that a session's outputs have no axis that counts samples. `len`: the number of feeds.
    """

    @property
    def samples(self) -> int: ...
    @property
    def batch(self) -> int: ...
    @property
    def stacked(self) -> bool: ...
    @property
    def data_digest(self) -> str:
        """SHA-256, in hex, of the inputs of all samples: other content, other digest."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Feed]: ...
    def of_each_shape(self) -> Iterable[Feed]:
        """Feeds, the first one first, among which each shape that is fed stands."""

    def whole(self) -> Mapping[str, Array]:
        """All inputs in memory, samples on the first axis. Raises CannotJudge where they are more than data may hold or
        do not fit into one array each."""


class SampleSet(Protocol):
    """What is known of all samples together, without their inputs in memory."""

    @property
    def labels(self) -> Array | None: ...
    @property
    def digest(self) -> str:
        """SHA-256, in hex, of inputs, labels and preprocessing settings: what a golden belongs to."""

    @property
    def origin(self) -> str: ...
    @property
    def ids(self) -> Sequence[str]:
        """Each sample as a person finds it again: a file's name, a line's number, a row."""

    @property
    def source_kind(self) -> str:
        """What `source_hashes` are of: those of one kind can be compared."""

    def source_hashes(self) -> Sequence[bytes]:
        """A hash of the content of each sample, at no cost."""

    def input_hashes(self) -> Iterator[bytes]:
        """A hash of each sample's inputs as they are fed, which goes through all of them."""

    def input_spans(self) -> Mapping[str, Span]:
        """Lowest and highest value of each float input, of a stream over its first samples."""


def prefetched(items: Iterator[Item]) -> Iterator[Item]:
    """The same items; while one is used, the next is made in a thread. No more than these two are held.

    What making one raises is raised where it would have been given. The thread has ended when the iterator is closed.
    """
    end = object()
    with ThreadPoolExecutor(1, "qparity-data") as maker:
        coming = maker.submit(next, items, end)
        while (item := coming.result()) is not end:
            coming = maker.submit(next, items, end)
            yield item  # type: ignore[misc]  # `end` alone is no Item
