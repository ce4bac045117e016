"""The shapes in which a case feeds its model, and the feed that costs are measured with: the largest."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pytest_qparity.case.data import Feeds

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_qparity.case.feeding import Feed, FeedSource
    from pytest_qparity.verdict import Verdict

__all__ = ["FeedShapes", "PlacedFeed", "feed_shapes", "shape_of", "with_shape"]

MOST_OTHERS = 3  # shapes that are timed beside the largest: each takes as long as the check itself


@dataclass(frozen=True, slots=True, eq=False)
class PlacedFeed:
    """The `index`-th feed, whose first sample is the `start`-th of the data."""

    feed: Feed
    index: int = 0
    start: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class FeedShapes:
    """`largest`: the first of the feeds with most elements, over all inputs. `others`: a feed each of a few other
    shapes, as they come. `count`: how many shapes there are, whatever the number of samples in a feed."""

    largest: PlacedFeed
    others: tuple[Feed, ...] = ()
    count: int = 1


def feed_shapes(feeds: FeedSource) -> FeedShapes:
    """Goes through the feeds once, where their shapes can differ at all. Holds as many as it gives."""
    each = iter(feeds.of_each_shape())
    first = next(each)
    if isinstance(feeds, Feeds):  # an array has one shape
        return FeedShapes(PlacedFeed(first))
    by_shape = {_sample_shape(first, feeds.stacked): PlacedFeed(first)}
    return _over(by_shape, each, first.count, feeds.stacked)


def _over(by_shape: dict[object, PlacedFeed], rest: Iterable[Feed], start: int, stacked: bool) -> FeedShapes:
    seen = set(by_shape)
    (largest,) = by_shape.values()
    for index, feed in enumerate(rest, start=1):
        shape = _sample_shape(feed, stacked)
        placed = PlacedFeed(feed, index, start)
        if _elements(feed) > _elements(largest.feed):
            largest = placed
        if shape not in seen:
            seen.add(shape)
            if len(by_shape) <= MOST_OTHERS:
                by_shape[shape] = placed
        start += feed.count
    others = (placed.feed for shape, placed in by_shape.items() if shape != _sample_shape(largest.feed, stacked))
    return FeedShapes(largest, tuple(others)[:MOST_OTHERS], len(seen))


def _sample_shape(feed: Feed, stacked: bool) -> object:
    """Without the axis that counts samples: a last feed with fewer of them is no other shape."""
    return tuple((name, array.shape[0 if stacked else 1 :]) for name, array in feed.arrays.items())


def _elements(feed: Feed) -> int:
    return sum(math.prod(array.shape) for array in feed.arrays.values())


def shape_of(feed: Feed) -> str:
    """For a reader: `1x3x384x384`; of several inputs with their names."""
    told = {name: "x".join(map(str, array.shape)) or "scalar" for name, array in feed.arrays.items()}
    return next(iter(told.values())) if len(told) == 1 else ", ".join(f"{name} {shape}" for name, shape in told.items())


def with_shape(verdict: Verdict, shapes: FeedShapes) -> Verdict:
    """A verdict on costs with the shape that they are of; and a note where the case feeds others too."""
    feed = shapes.largest.feed
    evidence = {**verdict.evidence, "shape": {name: list(array.shape) for name, array in feed.arrays.items()}}
    if shapes.count == 1:
        return replace(verdict, evidence=evidence)
    note = f"measured at the largest of {shapes.count:,} shapes: {shape_of(feed)}"
    return replace(verdict, evidence=evidence, notes=(*verdict.notes, note))
