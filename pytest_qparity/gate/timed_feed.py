"""The feed that a run's latency is measured with, and where its samples lie in the golden."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_qparity.gate.feed_shapes import PlacedFeed
from pytest_qparity.gate.once import made_so_far

if TYPE_CHECKING:
    import numpy as np

    from pytest_qparity.gate.judged import Judged
    from pytest_qparity.gate.run_material import RunMaterial

__all__ = ["TimedFeed", "timed_feed"]


@dataclass(frozen=True, slots=True, eq=False)
class TimedFeed:
    """`golden`: gives the golden's outputs for `samples` samples, of which those of `placed` are some; raises
    CannotJudge where there is none."""

    placed: PlacedFeed
    golden: Callable[[], Mapping[str, np.ndarray]]
    samples: int


def timed_feed(run: RunMaterial) -> TimedFeed:
    """The costliest; where all have one shape, the first feed of those whose outputs were judged, so that the timed
    runs are held against them."""
    seen: Judged | None = made_so_far(run).get("judged")
    shapes, material = run.material.feed_shapes, run.material
    if seen is None or shapes.count > 1:
        return TimedFeed(shapes.costliest, lambda: material.golden.outputs, material.feeds.samples)
    return TimedFeed(PlacedFeed(seen.first_feed), lambda: seen.golden, seen.samples)
