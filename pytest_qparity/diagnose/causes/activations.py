"""What is wrong with the range that an activation is rounded to: measured values in, a suspect out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_qparity.diagnose.causes.cause import Cause, Suspect
from pytest_qparity.diagnose.causes.keys import Key, keep_float
from pytest_qparity.precision.pairs.splicing import Change

if TYPE_CHECKING:
    from pytest_qparity.diagnose.measures import ActivationMeasure

__all__ = ["activation_suspect"]

# A range from all values of other data of the same kind is beyond a tenth too small for about one value in 10⁴, whose
# power is below 10⁻⁴ of all: measured over the sound variants of tests/diagnose (benchmarks/README.md, "Diagnosis").
CLIPPED_POWER = 1e-3  # Σ (x − clip(x))² / Σ x²
BITS_LOST = 2.0  # a range four times too wide
COLLAPSED_BITS = 1.5  # less than three codes
OUTLIER = 8.0  # of a channel's largest value over that of the median channel: three bits
BULK = 0.999  # of the values
ENOUGH = 8  # values for each code, below which empty codes tell nothing


def activation_suspect(
    measure: ActivationMeasure, operators: Mapping[str, str], precision: str, reads: Sequence[str] | None = None
) -> Suspect:
    """The first that holds of: its halves disagree; its zero point is shifted; it is clipped (or its calibration data
    did not reach so far); it collapses to few codes; it is too wide; one channel has it alone; else plain rounding.

    operators: of the float model's nodes by name; reads: nodes that the suggested key keeps float, if not its readers.
    """
    known: dict[str, Any] = {
        "sqnr_db": round(measure.sqnr_db, 2) if np.isfinite(measure.sqnr_db) else None,
        "codes": [measure.low, measure.high],
        "data": [measure.smallest, measure.largest],
        "clipped_percent": 100.0 * measure.clipped_share,
        "bits": measure.bits,
        "bits_used": round(measure.bits_used, 2),
    }
    cause, numbers, sentence, key = _cause(measure, precision, measure.reads if reads is None else reads)
    node = measure.reads[0] if measure.reads else measure.made_by or measure.tensor
    return Suspect(
        node=node,
        op_type=operators.get(node, ""),
        tensor=measure.tensor,
        cause=cause,
        numbers={**known, **numbers, "read_by": list(measure.reads)},
        sentence=sentence,
        key=key.lines,
        remedy=key.remedy,
        relative=measure.relative,
        change=Change(activations=(measure.name,)),
    )


_Found = tuple[Cause, dict[str, Any], str, Key]


def _cause(measure: ActivationMeasure, precision: str, reads: Sequence[str]) -> _Found:
    codes, data = _range(measure.low, measure.high), _range(measure.smallest, measure.largest)
    floats = keep_float(precision, reads)
    if not measure.agrees:
        said = f"Both halves of the pair have other scales or zero points: the mean moves by {measure.offset:.3g}."
        return Cause.PAIR_DISAGREES, {"offset": measure.offset}, said, keep_made(floats)
    shift = zero_point_shift(measure)
    if shift:
        said = (
            f"Codes reach {codes} for values in {data}: as wide, and {abs(shift):.0f} codes away; "
            f"{100 * measure.clipped_share:.3g} % are clipped."
        )
        return Cause.ZERO_POINT_SHIFTED, {"shift_codes": shift}, said, keep_made(floats)
    outlier = outlier_channel(measure)
    clipped = measure.clip_power / measure.power if measure.power else 0.0
    if clipped > CLIPPED_POWER * (1.0 if outlier is None else OUTLIER):
        return _clipped(measure, codes, data, precision)
    lost = bits_lost(measure)
    if lost > BITS_LOST:
        zeroed = 100.0 * measure.zeroed / max(measure.nonzero, 1)
        numbers = {"bits_lost": round(lost, 2), "zeroed_percent": zeroed}
        if measure.bits_used < COLLAPSED_BITS:
            said = f"Codes reach {codes} for values in {data}: {zeroed:.3g} % of what is not 0 becomes 0."
            return Cause.ZERO_POINT_COLLAPSE, numbers, said, Key(*floats_or_range(floats, "its range is far too wide"))
        said = f"Codes reach {codes} for values in {data}: {measure.bits_used:.1f} of {measure.bits} bits are used."
        return Cause.RANGE_TOO_WIDE, numbers, said, Key(*floats_or_range(floats, "its range is too wide"))
    if outlier is not None:
        channel, ratio = outlier
        said = (
            f"Channel {channel} reaches {measure.channel_largest[channel]:.4g}, {ratio:.3g} times the median channel."
        )
        facts: dict[str, Any] = {"channel": channel, "ratio": ratio, "channel_axis": measure.channel_axis}
        return Cause.OUTLIER_CHANNEL, facts, said, keep_because(floats, "one range cannot serve all its channels")
    bulk = bulk_bits(measure)
    if measure.bits - bulk > BITS_LOST + 2.0:
        steps = f"{2.0**bulk - 1.0:.1f} of {2**measure.bits} steps"
        said = f"{100 * BULK:g} % of the values lie in {steps}: the range {codes} is for what lies far from them."
        if has_one_bulk(measure):
            key = Key(f'[precisions.{precision}]\ncalibration = "percentile"', "clip the few values that it is for")
        else:
            key = keep_because(floats, "a mask's constant, say, has its range")
        return Cause.RANGE_TOO_WIDE, {"bulk_bits": bulk}, said, key
    said = f"{measure.bits_used:.1f} of {measure.bits} bits are used, {100 * measure.clipped_share:.2g} % clipped."
    return Cause.ROUNDING, {}, said, keep_because(floats, "nothing is wrong with its range")


def _clipped(measure: ActivationMeasure, codes: str, data: str, precision: str) -> _Found:
    share = 100.0 * measure.clipped_share
    numbers = {
        "clipped_power": measure.clip_power / measure.power,
        "clipped": [measure.clipped_low, measure.clipped_high],
    }
    said = f"{share:.3g} % of the values are clipped: codes reach {codes}, the data {data}."
    if measure.calibration is not None and not _clips(measure, *measure.calibration):
        low, high = measure.calibration
        said += f" The calibration data reach {_range(low, high)}."
        key = Key('[data]\ncalibration = "…"', "calibrate with data that reach as far as those of the test")
        return Cause.CALIBRATION_NOT_COVERING, {**numbers, "calibration": [low, high]}, said, key
    key = Key(f'[precisions.{precision}]\ncalibration = "minmax"', "give the tensor a range that holds its values")
    return Cause.RANGE_SATURATED, numbers, said, key


def _clips(measure: ActivationMeasure, low: float, high: float) -> bool:
    """Whether a tenth or more of a range lies beyond the codes."""
    return low < 1.1 * measure.low - measure.scale or high > 1.1 * measure.high + measure.scale


def zero_point_shift(measure: ActivationMeasure) -> float:
    """Codes by which the range is off, where it is as wide as the data and hangs over on one side; 0 where it is not.

    A zero point at the end or in the middle of its type is one that makers choose for any data.
    """
    if not measure.scale or not measure.clip_power or measure.bits > 16:
        return 0.0
    levels = 2.0**measure.bits
    lowest = measure.zero_point + measure.low / measure.scale  # the lowest code of the type
    place = measure.zero_point - lowest  # of the zero point among the codes
    if min(place, abs(place - levels / 2), levels - 1 - place) < 1.0:
        return 0.0
    top, bottom = max(measure.largest, 0.0), min(measure.smallest, 0.0)
    over_high, over_low = top - measure.high, measure.low - bottom
    span, width = top - bottom, measure.high - measure.low
    if span > 1.5 * width or max(over_high, over_low) < 0.05 * width or min(over_high, over_low) > -0.1 * width:
        return 0.0
    return ((top + bottom) - (measure.high + measure.low)) / 2.0 / measure.scale


def bits_lost(measure: ActivationMeasure) -> float:
    """Bits that no value needs: log2 of the codes' range over that of the data, 0 in both; of a range of both signs
    half, where all values have one sign."""
    top, bottom = max(measure.largest, 0.0), min(measure.smallest, 0.0)
    high = measure.high if top > 0.0 else 0.0
    low = measure.low if bottom < -0.05 * top else 0.0
    if bottom < 0.0 and top < -0.05 * bottom:
        high = 0.0
    span = top - bottom
    return float(np.log2((high - low) / span)) if span > 0.0 and high > low else 0.0


def outlier_channel(measure: ActivationMeasure) -> tuple[int, float] | None:
    """The channel whose largest value has the range alone, and its ratio to the median channel's."""
    largest = np.asarray(measure.channel_largest)
    if largest.size < 4:
        return None
    middle = float(np.median(largest))
    channel = int(largest.argmax())
    if middle <= 0.0 or largest[channel] < OUTLIER * middle:
        return None
    return channel, float(largest[channel] / middle)


def bulk_bits(measure: ActivationMeasure) -> float:
    """log2 of the steps between which all but a thousandth of the values lie, less the largest empty stretch between
    them, plus 1; all bits where there are too few values to tell, or only zeros."""
    bins = _bulk(measure)
    if measure.elements < ENOUGH * 2**measure.bits or not measure.scale or not measure.power:
        return float(measure.bits)
    width = measure.bin_width
    gap = int(np.diff(bins).max(initial=1)) - 1
    return float(np.log2((bins[-1] - bins[0] + 1 - gap) * width / measure.scale + 1.0))


def has_one_bulk(measure: ActivationMeasure) -> bool:
    """Whether those values lie together: what is far from them is few."""
    bins = _bulk(measure)
    return bool(np.diff(bins).max(initial=1) - 1 < 0.5 * (bins[-1] - bins[0] + 1))


def _bulk(measure: ActivationMeasure) -> np.ndarray:
    """Places of the fullest bins that hold all but a thousandth of the values, in their order."""
    counts = np.asarray(measure.counts)
    order = np.argsort(-counts, kind="stable")
    needed = int(np.searchsorted(np.cumsum(counts[order]), BULK * counts.sum())) + 1
    return np.sort(order[:needed])


def keep_made(floats: str) -> Key:
    return Key(floats, "make the file again: no recipe writes such a pair")


def keep_because(floats: str, reason: str) -> Key:
    return Key(floats, f"keep what reads it float: {reason}")


def floats_or_range(floats: str, reason: str) -> tuple[str, str]:
    return floats, f"calibrate it again ({reason}), or keep what reads it float"


def _range(low: float, high: float) -> str:
    return f"[{low:.4g}, {high:.4g}]"
