"""An input's range is known from the data alone: where it is wrong, all that is behind it was calibrated wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_qparity.diagnose.causes.cause import Cause, Suspect
from pytest_qparity.precision.calibration.evidence import LARGEST_RATIO
from pytest_qparity.precision.pairs.splicing import Change

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_qparity.diagnose.measures import ActivationMeasure, Measured

__all__ = ["input_suspects"]

COVERED = 1.5  # of an input's range over its calibrated one: half a bit
ALIKE = 0.2  # of all other ranges: where so many are off the same way, it is not one range that is wrong
CLOSELY = 0.5  # of the logarithm of the input's ratio
RARE = (
    1e-3  # of an input's values: of data that were scaled otherwise a range clips more, it is single peaks that are cut
)
_KEY = '[data]\ncalibration = "…"'


def input_suspects(measured: Measured, operators: Mapping[str, str], inputs: Sequence[str]) -> list[Suspect]:
    """One for each input whose range in the *file* is far from the test data's, whatever calibration data are named: it
    may have been made with others. Data that are named and are off themselves are no cause where the file's is right.

    With calibration data at hand that are as the test data are, a range of the file that is off is one of the whole
    model only where others are off with it: many, or one about as much (behind a normalization none is). A range
    that is too small for a few values alone was cut (`activation_suspect` has the cure), or its data lack them.
    """
    found = []
    for measure in measured.activations:
        data = _reach(measure.smallest, measure.largest)
        codes = _reach(measure.low, measure.high)
        if measure.tensor not in inputs or not data or not codes or not measure.agrees:
            continue
        in_file = codes / data
        known = None if measure.calibration is None else _reach(*measure.calibration) / data
        suspect = _suspect(measured, measure, operators, in_file, known)
        if suspect is not None:
            found.append(suspect)
    return found


def _suspect(
    measured: Measured, measure: ActivationMeasure, operators: Mapping[str, str], in_file: float, known: float | None
) -> Suspect | None:
    others = [each for each in measured.activations if each is not measure]

    def alike(ratio: float) -> int:
        return sum(_follows(each, ratio) for each in others)

    is_whole = known is None or _is_unscaled(known) or not others or alike(in_file) >= max(ALIKE * len(others), 1)
    is_whole |= any(_follows_closely(each, in_file) for each in others)
    is_rare = in_file < 1.0 and measure.clipped_share < RARE
    if is_rare and known is None:
        return None
    if _is_unscaled(in_file) and is_whole and not is_rare:
        ratio, cause = in_file, Cause.UNSCALED_CALIBRATION
        said = f"The calibrated range of the input is {ratio:.3g} times that of the test data"
    elif known is not None and _is_unscaled(known) and not 1.0 / COVERED <= in_file <= COVERED and not is_rare:
        ratio, cause = known, Cause.UNSCALED_CALIBRATION
        said = f"The calibration data reach {ratio:.3g} times as far as the test data"
    elif max(in_file, in_file if known is None else known) < 1.0 / COVERED:
        ratio, cause = in_file if known is None else known, Cause.CALIBRATION_NOT_COVERING
        said = f"The calibration data reach {100 * ratio:.0f} % of the test data's range"
    else:
        return None
    remedy = "prepare calibration data as the test data are"
    if cause is Cause.CALIBRATION_NOT_COVERING:
        remedy = "calibrate with data that reach as far as those of the test"
    followers = alike(ratio)
    said += f"; {followers} of {len(others)} other ranges are off the same way." if followers else "."
    if known is not None and ratio == in_file and not _is_unscaled(known):
        said += f" The calibration data named here reach {known:.3g} times as far: the file was made with others."
        remedy = "make the file again, with the calibration data named here"
    node = measure.reads[0] if measure.reads else measure.tensor
    return Suspect(
        node=node,
        op_type=operators.get(node, ""),
        tensor=measure.tensor,
        cause=cause,
        numbers={
            "ratio": ratio,
            "ratio_in_file": in_file,
            "ratio_of_calibration": known,
            "others_alike": followers,
            "others": len(others),
            "codes": [measure.low, measure.high],
            "data": [measure.smallest, measure.largest],
        },
        sentence=said,
        key=_KEY,
        remedy=remedy,
        relative=measure.relative,
        change=Change(activations=tuple(each.name for each in measured.activations)),
        everywhere=True,
    )


def _reach(low: float, high: float) -> float:
    return max(abs(low), abs(high))


def _is_unscaled(ratio: float) -> bool:
    return not 1.0 / LARGEST_RATIO < ratio < LARGEST_RATIO


def _follows_closely(measure: ActivationMeasure, ratio: float) -> bool:
    """By half of the ratio's logarithm or more."""
    data, codes = _reach(measure.smallest, measure.largest), _reach(measure.low, measure.high)
    return bool(data and codes and ratio != 1.0) and math.log(codes / data) / math.log(ratio) >= CLOSELY


def _follows(measure: ActivationMeasure, ratio: float) -> bool:
    data = max(abs(measure.smallest), abs(measure.largest))
    own = max(abs(measure.low), abs(measure.high)) / data if data else 1.0
    return own > 2.0 if ratio > 1.0 else own < 0.75
