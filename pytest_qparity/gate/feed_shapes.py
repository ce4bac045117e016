"""The shapes in which a case feeds its model, and the feed that costs are measured with: the costliest."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pytest_qparity.case.data import Feeds

if TYPE_CHECKING:
    from pytest_qparity.case.feeding import Feed, FeedSource
    from pytest_qparity.verdict import Verdict

__all__ = ["Cost", "FeedShapes", "PlacedFeed", "feed_shapes", "shape_of", "with_shape"]

MOST_OTHERS = 3  # shapes that are timed beside the costliest: each takes as long as the check itself
MOST_RIVALS = 8  # feeds that are held at a time, none of which is at least as long as another in every axis

# Of a feed of these shapes, to be compared; None where nobody can tell.
Cost = Callable[[Mapping[str, tuple[int, ...]]], float | None]


@dataclass(frozen=True, slots=True, eq=False)
class PlacedFeed:
    """The `index`-th feed, whose first sample is the `start`-th of the data."""

    feed: Feed
    index: int = 0
    start: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class FeedShapes:
    """`costliest`: the costliest feed. `others`: a feed each of a few other shapes, its rivals first. `count`: how many
    shapes there are, whatever the number of samples in a feed."""

    costliest: PlacedFeed
    others: tuple[Feed, ...] = ()
    count: int = 1


def feed_shapes(feeds: FeedSource, cost: Cost) -> FeedShapes:
    """Goes through the feeds once, where their shapes can differ at all.

    A feed that is at least as long as another in every axis costs at least as much. Of those that no other is so beside
    (a last feed of few but long samples is a rival of a whole one) `cost` tells the costliest, or, where it tells of
    none, their elements do. Of more than MOST_RIVALS the cheaper half is let go.
    """
    each = iter(feeds.of_each_shape())
    first = next(each)
    if isinstance(feeds, Feeds):  # an array has one shape
        return FeedShapes(PlacedFeed(first))
    by_shape = {_sample_shape(first, feeds.stacked): PlacedFeed(first)}
    rivals = list(by_shape.values())
    told: dict[tuple[int, ...], float | None] = {}

    def once(feed: Feed) -> float | None:
        axes = _axes(feed)
        if axes not in told:
            told[axes] = cost({name: array.shape for name, array in feed.arrays.items()})
        return told[axes]

    seen, start = set(by_shape), first.count
    for index, feed in enumerate(each, start=1):
        shape = _sample_shape(feed, feeds.stacked)
        placed = PlacedFeed(feed, index, start)
        rivals = _with_rival(rivals, placed)
        if len(rivals) > MOST_RIVALS:
            rivals = _costliest_first(rivals, once)[: MOST_RIVALS // 2]
        if shape not in seen:
            seen.add(shape)
            if len(by_shape) <= MOST_OTHERS:
                by_shape[shape] = placed
        start += feed.count
    costliest, *less = _costliest_first(rivals, once)
    beside = {_sample_shape(each.feed, feeds.stacked): each for each in less} | by_shape
    others = (placed.feed for shape, placed in beside.items() if shape != _sample_shape(costliest.feed, feeds.stacked))
    return FeedShapes(costliest, tuple(others)[:MOST_OTHERS], len(seen))


def _with_rival(rivals: list[PlacedFeed], placed: PlacedFeed) -> list[PlacedFeed]:
    axes = _axes(placed.feed)
    if any(_is_within(axes, _axes(each.feed)) for each in rivals):
        return rivals
    return [*(each for each in rivals if not _is_within(_axes(each.feed), axes)), placed]


def _axes(feed: Feed) -> tuple[int, ...]:
    return tuple(length for name in sorted(feed.arrays) for length in feed.arrays[name].shape)


def _is_within(axes: tuple[int, ...], others: tuple[int, ...]) -> bool:
    return len(axes) == len(others) and all(one <= other for one, other in zip(axes, others, strict=True))


def _costliest_first(rivals: list[PlacedFeed], cost: Callable[[Feed], float | None]) -> list[PlacedFeed]:
    by_elements = sorted(rivals, key=lambda each: -_elements(each.feed))
    if len(rivals) == 1:
        return by_elements
    costs = [cost(each.feed) for each in by_elements]
    known = [told for told in costs if told is not None]
    if len(known) < len(rivals):
        return by_elements
    return [by_elements[place] for place in sorted(range(len(known)), key=lambda place: -known[place])]


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
    feed = shapes.costliest.feed
    evidence = {**verdict.evidence, "shape": {name: list(array.shape) for name, array in feed.arrays.items()}}
    if shapes.count == 1:
        return replace(verdict, evidence=evidence)
    note = f"measured at the costliest of {shapes.count:,} shapes: {shape_of(feed)}"
    return replace(verdict, evidence=evidence, notes=(*verdict.notes, note))
