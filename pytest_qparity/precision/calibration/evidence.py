"""Doubts about calibration data, each with its numbers: too few, classes missing, test samples among them, unscaled."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from pytest_qparity.quantmath.ranges.estimator import range_with_zero

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_qparity.case.feeding import SampleSet, Span
    from pytest_qparity.precision.calibration.halves import Halves
    from pytest_qparity.quantmath import Range

__all__ = [
    "OVERLAP",
    "Doubt",
    "doubts_about",
    "overlap",
    "relative_changes",
    "too_few",
    "uncovered_classes",
    "unscaled",
    "unscaled_input",
]

OVERLAP = "calibration-overlaps-test"  # the name of the doubt that preflight makes a failure
LARGEST_CHANGE = 0.05  # median over the tensors, of the range; benchmarks/README.md, "Calibration size"
LARGEST_RATIO = 4.0  # of ranges: two bits of eight are lost to it
SHOWN = 5  # names in a sentence
_LARGEST_CLASSES = 10_000  # labels of more kinds are no classes


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a variant's calibration may be no good: no failure, since the variant is judged by its outputs anyway; all
    but OVERLAP, which spoils the judgement.

    `name` is stable ("calibration-too-few"); `numbers` are plain JSON values; `sentence` and `remedy` for a reader.
    """

    name: str
    numbers: Mapping[str, Any]
    sentence: str
    remedy: str

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "numbers": dict(self.numbers), "sentence": self.sentence, "remedy": self.remedy}


def doubts_about(calibration: SampleSet, test: SampleSet) -> tuple[Doubt, ...]:
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


def uncovered_classes(calibration: SampleSet, test: SampleSet) -> Doubt | None:
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


def overlap(calibration: SampleSet, test: SampleSet) -> Doubt | None:
    """Calibration samples that are test samples too, by a hash of each one's content.

    Where both are records of one kind (images, texts, sounds) the content is the file's bytes or the text, so that an
    image that is prepared in two ways is found as well; otherwise it is the inputs as they are fed, bit for bit.
    """
    if calibration.source_kind == test.source_kind:
        keys, others = calibration.source_hashes(), set(test.source_hashes())
    else:
        keys, others = list(calibration.input_hashes()), set(test.input_hashes())
    shared = [index for index, key in enumerate(keys) if key in others]
    if not shared:
        return None
    ids = calibration.ids
    first = [ids[index] for index in shared[:SHOWN]]
    return Doubt(
        OVERLAP,
        {"shared": len(shared), "samples": len(keys), "first": shared[:SHOWN], "ids": first},
        f"{len(shared)} of {len(keys)} calibration samples are test samples as well (the first: {first[0]}): the "
        "variant is tuned on what it is judged by.",
        "calibrate with samples that the test does not hold",
    )


def unscaled(calibration: SampleSet, test: SampleSet) -> tuple[Doubt, ...]:
    """Float inputs whose calibration range, widened to zero, is more than four times that of the test data, or less
    than a quarter."""
    there = test.input_spans()
    found = (
        unscaled_input(name, range_with_zero(*span), there.get(name), "calibration range")
        for name, span in calibration.input_spans().items()
    )
    return tuple(doubt for doubt in found if doubt is not None)


def unscaled_input(name: str, here: Range, test: Span | None, what: str) -> Doubt | None:
    """Whether an input's range is more than four times that of its test data, both widened to zero, or less than a
    quarter. `test`: lowest and highest value; None of an input that has none. `what`: how a sentence names it."""
    if test is None:
        return None
    there = range_with_zero(*test)
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


def _classes(samples: SampleSet) -> set[Any] | None:
    labels = samples.labels
    if labels is None or labels.ndim != 1 or labels.dtype.kind not in "iubU":
        return None
    found = set(labels.tolist())
    return found if len(found) <= _LARGEST_CLASSES else None
