"""Feeds as the case room makes them, without its data sources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np


@dataclass(frozen=True)
class Feed:
    arrays: Mapping[str, np.ndarray]
    count: int


@dataclass(frozen=True)
class Feeds:
    feeds: tuple[Feed, ...]
    stacked: bool = False

    def __len__(self) -> int:
        return len(self.feeds)

    def __iter__(self) -> Iterator[Feed]:
        return iter(self.feeds)

    @property
    def samples(self) -> int:
        return sum(feed.count for feed in self.feeds)


def feeds_of(samples: np.ndarray, *, batch: int, name: str = "input") -> Feeds:
    """`batch` samples a feed along the first axis; the last one may be shorter."""
    parts = [samples[start : start + batch] for start in range(0, len(samples), batch)]
    return Feeds(tuple(Feed({name: part}, len(part)) for part in parts))


def one_by_one(samples: np.ndarray, *, name: str = "input") -> Feeds:
    """Each sample fed as it is, without a batch axis."""
    return Feeds(tuple(Feed({name: sample}, 1) for sample in samples), stacked=True)
