"""Doubts about calibration data, each with its numbers: too few, classes missing, test samples among them, unscaled."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_qparity.quantmath.ranges.estimator import range_with_zero

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_qparity.case.data import Samples
    from pytest_qparity.precision.calibration.halves import Halves
    from pytest_qparity.quantmath import Range

__all__ = [
    "Doubt",
    "doubts_about",
    "overlap",
    "relative_changes",
    "too_few",
    "uncovered_classes",
    "unscaled",
    "unscaled_input",
]

LARGEST_CHANGE = 0.05  # median over the tensors, of the range; benchmarks/README.md, "Calibration size"
LARGEST_RATIO = 4.0  # of ranges: two bits of eight are lost to it
SHOWN = 5  # names in a sentence
_ELEMENTS = 256  # of an array, that stand for a sample until it is compared whole
_LARGEST_CLASSES = 10_000  # labels of more kinds are no classes


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a variant's calibration may be no good: no failure, since the variant is judged by its outputs anyway.

    `name` is stable ("calibration-too-few"); `numbers` are plain JSON values; `sentence` and `remedy` for a reader.
    """

    name: str
    numbers: Mapping[str, Any]
    sentence: str
    remedy: str

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "numbers": dict(self.numbers), "sentence": self.sentence, "remedy": self.remedy}


def doubts_about(calibration: Samples, test: Samples) -> tuple[Doubt, ...]:
    """What calibration and test data say without a model: `uncovered_classes`, `overlap`, `unscaled`."""
    found = (uncovered_classes(calibration, test), overlap(calibration, test), *unscaled(calibration, test))
    return tuple(doubt for doubt in found if doubt is not None)


def relative_changes(halves: Mapping[str, Halves]) -> dict[str, float]:
    """max(|low₁ − low₂|, |high₁ − high₂|) / (high − low) of each tensor: its halves' ranges over that of both.

    Where one half took no values the change is 1: nothing is known of how far it moves.
    """
    changes = {}
    for name, each in halves.items():
        whole = each.whole().range()
        try:
            first, second = (half.range() for half in each.both())
        except ValueError:
            changes[name] = 1.0
            continue
        span = whole.high - whole.low
        moved = max(abs(first.low - second.low), abs(first.high - second.high))
        changes[name] = moved / span if span else 0.0
    return changes


def too_few(halves: Mapping[str, Halves], samples: int, largest: float = LARGEST_CHANGE) -> Doubt | None:
    """Whether ranges still move between the two halves of the feeds: their median relative change above `largest`.

    The median, since a single tensor may hold one value a sample (a pooled one, a logit) and move for long.
    """
    changes = relative_changes(halves)
    if not changes:
        return None
    middle = median(changes.values())
    if middle <= largest:
        return None
    worst = dict(sorted(changes.items(), key=lambda item: -item[1])[:SHOWN])
    name, change = next(iter(worst.items()))
    return Doubt(
        "calibration-too-few",
        {"samples": samples, "median_change": middle, "limit": largest, "largest_changes": worst},
        f"The ranges of one half of the {samples} calibration samples are {100 * middle:.0f} % from those of the other "
        f'half in the median tensor (limit {100 * largest:.0f} %), {100 * change:.0f} % in "{name}".',
        "give more calibration samples, until the halves agree; some hundred are common",
    )


def uncovered_classes(calibration: Samples, test: Samples) -> Doubt | None:
    """Classes among the test labels that no calibration sample has. Without labels that are classes nothing is said."""
    there, wanted = (_classes(samples) for samples in (calibration, test))
    if there is None or wanted is None:
        return None
    missing = sorted(wanted - there)
    if not missing:
        return None
    listed = ", ".join(str(each) for each in missing[:SHOWN]) + (", …" if len(missing) > SHOWN else "")
    return Doubt(
        "calibration-classes",
        {"missing": missing[:SHOWN], "missing_classes": len(missing), "test_classes": len(wanted)},
        f"Of {len(wanted)} classes in the test data {len(missing)} have no calibration sample: {listed}.",
        "draw the calibration samples from all classes",
    )


def overlap(calibration: Samples, test: Samples) -> Doubt | None:
    """Calibration samples that are test samples too, bit for bit in every input.

    Samples are told apart by up to 256 elements of each input, and those that agree are compared whole.
    """
    keys, others = _keys(calibration.inputs), _keys(test.inputs)
    if _layout(calibration.inputs) != _layout(test.inputs):
        return None
    places: dict[bytes, list[int]] = {}
    for index, key in enumerate(others):
        places.setdefault(key, []).append(index)
    shared = [
        index
        for index, key in enumerate(keys)
        if any(_same(calibration.inputs, index, test.inputs, other) for other in places.get(key, ()))
    ]
    if not shared:
        return None
    return Doubt(
        "calibration-overlaps-test",
        {"shared": len(shared), "samples": len(keys), "first": shared[:SHOWN]},
        f"{len(shared)} of {len(keys)} calibration samples are test samples as well (the first at {shared[0]}): the "
        "variant is tuned on what it is judged by.",
        "calibrate with samples that the test does not hold",
    )


def unscaled(calibration: Samples, test: Samples) -> tuple[Doubt, ...]:
    """Float inputs whose calibration range, widened to zero, is more than four times that of the test data, or less
    than a quarter."""
    found = []
    for name, array in calibration.inputs.items():
        if array.dtype.kind == "f" and array.size:
            found.append(unscaled_input(name, _range(array), test.inputs.get(name), "calibration range"))
    return tuple(doubt for doubt in found if doubt is not None)


def unscaled_input(name: str, here: Range, test: np.ndarray | None, what: str) -> Doubt | None:
    """Whether an input's range is more than four times that of its test data, both widened to zero, or less than a
    quarter. `what`: how a sentence names the range."""
    if test is None or test.dtype.kind != "f" or not test.size:
        return None
    there = _range(test)
    span, other_span = here.high - here.low, there.high - there.low
    ratio = span / other_span if other_span else math.inf if span else 1.0
    if 1.0 / LARGEST_RATIO <= ratio <= LARGEST_RATIO:
        return None
    said = f"{ratio:.3g} times" if math.isfinite(ratio) else "more than"
    return Doubt(
        "calibration-unscaled",
        {
            "input": name,
            "calibration": [here.low, here.high],
            "test": [there.low, there.high],
            "ratio": ratio if math.isfinite(ratio) else None,
            "limit": LARGEST_RATIO,
        },
        f'The {what} of input "{name}", [{here.low:g}, {here.high:g}], is {said} that of the test data, '
        f"[{there.low:g}, {there.high:g}].",
        "prepare calibration data as the test data are: a scaling was left out, or done twice",
    )


def _classes(samples: Samples) -> set[Any] | None:
    labels = samples.labels
    if labels is None or labels.ndim != 1 or labels.dtype.kind not in "iubU":
        return None
    found = set(labels.tolist())
    return found if len(found) <= _LARGEST_CLASSES else None


def _layout(inputs: Mapping[str, np.ndarray]) -> dict[str, Any]:
    return {name: (array.dtype, array.shape[1:]) for name, array in inputs.items()}


def _keys(inputs: Mapping[str, np.ndarray]) -> list[bytes]:
    """Some bytes of each sample, spread over each of its inputs in the order of their names."""
    count = min((len(array) for array in inputs.values()), default=0)
    keys = [b""] * count
    for _, array in sorted(inputs.items()):
        size = math.prod(array.shape[1:])
        chosen = np.linspace(0, size - 1, min(size, _ELEMENTS)).astype(np.intp)
        for index in range(count):
            keys[index] += array[index, ...].reshape(-1)[chosen].tobytes()
    return keys


def _same(here: Mapping[str, np.ndarray], index: int, there: Mapping[str, np.ndarray], other: int) -> bool:
    return all(array[index, ...].tobytes() == there[name][other, ...].tobytes() for name, array in here.items())


def _range(array: np.ndarray) -> Range:
    return range_with_zero(float(array.min()), float(array.max()))
