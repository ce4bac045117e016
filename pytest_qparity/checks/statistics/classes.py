"""Drops class by class: which classes lost more than chance takes, when all of them are looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike

    FloatArray = np.ndarray[Any, np.dtype[np.float64]]
    BoolArray = np.ndarray[Any, np.dtype[np.bool_]]

FAMILY_LEVEL = 0.05


@dataclass(frozen=True, slots=True)
class ClassDrop:
    """Of the samples of one class: how many got worse and better, and by how much their mean score fell.

    `p`: of the exact sign test that no more get worse than better, after Holm's correction for all classes; `lost`:
    whether that is shown at FAMILY_LEVEL over all classes together.
    """

    label: int
    samples: int
    harmful: int
    helpful: int
    drop: float
    p: float
    lost: bool


def class_drops(losses: FloatArray, labels: np.ndarray) -> tuple[ClassDrop, ...]:
    """One for each class that has samples, the largest drop first. losses: float64 (samples,), positive where worse;
    labels: integers (samples,)."""
    import numpy as np
    from scipy.special import betainc

    classes, member = np.unique(labels, return_inverse=True)
    counted = [np.bincount(member, weights=each, minlength=len(classes)) for each in (losses > 0, losses < 0)]
    worse, better = (each.astype(np.int64) for each in counted)
    sizes = np.bincount(member, minlength=len(classes))
    drops = np.bincount(member, weights=losses, minlength=len(classes)) / sizes
    tail = betainc(np.maximum(worse, 1), better + 1.0, 0.5)  # P(at least so many of them get worse), where any does
    adjusted = holm(np.where(worse > 0, tail, 1.0))
    found = [
        ClassDrop(int(label), int(size), int(b), int(c), float(drop), float(p), bool(p <= FAMILY_LEVEL))
        for label, size, b, c, drop, p in zip(classes, sizes, worse, better, drops, adjusted, strict=True)
    ]
    return tuple(sorted(found, key=lambda each: (-each.drop, each.p, each.label)))


def holm(p_values: ArrayLike) -> FloatArray:
    """p values that hold for all of them together: the i-th smallest of m, times m − i + 1, and no smaller than the
    ones before it (Holm 1979, Scand. J. Statist. 6:65)."""
    import numpy as np

    p = np.asarray(p_values, np.float64)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * (p.size - np.arange(p.size)))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def worst_samples(losses: FloatArray, ids: Sequence[str] | None, most: int = 10) -> tuple[tuple[str, float], ...]:
    """The samples that lost most and how much each lost, the worst first; those that lost nothing are left out. Named
    by `ids`, or by their index where there are none."""
    import numpy as np

    order = np.argsort(-losses, kind="stable")[:most]
    lost = [int(index) for index in order if losses[index] > 0]
    return tuple((str(index) if ids is None else str(ids[index]), float(losses[index])) for index in lost)
