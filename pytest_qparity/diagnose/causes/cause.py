"""Why a layer is wrong, as values: what reports print and tests ask for. docs/diagnose.md has a paragraph for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_qparity.precision.pairs.splicing import Change

__all__ = ["Cause", "Finding", "Suspect"]


class Cause(StrEnum):
    UNSCALED_CALIBRATION = "unscaled-calibration"
    CALIBRATION_NOT_COVERING = "calibration-not-covering"
    RANGE_SATURATED = "range-saturated"
    RANGE_TOO_WIDE = "range-too-wide"
    ZERO_POINT_COLLAPSE = "zero-point-collapse"
    ZERO_POINT_SHIFTED = "zero-point-shifted"
    PAIR_DISAGREES = "pair-disagrees"
    OUTLIER_CHANNEL = "outlier-channel"
    RESIDUAL_MISMATCH = "residual-mismatch"
    FLIPPED_CHANNEL = "flipped-channel"
    SWAPPED_CHANNELS = "swapped-channels"
    WRONG_WEIGHT_SCALE = "wrong-weight-scale"
    WRONG_WEIGHT = "wrong-weight"
    WRONG_BIAS = "wrong-bias"
    DROPPED_RELU = "dropped-relu"
    NODE_DIFFERS = "node-differs"
    COMPUTES_OTHERWISE = "computes-otherwise"
    KERNEL_DEVIATES = "kernel-deviates"
    ACCUMULATED_DRIFT = "accumulated-drift"
    ROUNDING = "rounding"  # what the precision costs here, and nothing else that is seen


@dataclass(frozen=True, slots=True)
class Suspect:
    """Something that may cost accuracy, before it was tried.

    node: of the float model; tensor: where it is seen. numbers: plain JSON values. sentence: what was found. key: lines
    for the case file, empty where no key cures it; remedy: what to do. relative: the error that it makes there, NRMSE²;
    change: what float again takes it away. everywhere: of the whole model, so that it stands above single layers.
    """

    node: str
    op_type: str
    tensor: str
    cause: Cause
    numbers: Mapping[str, Any]
    sentence: str
    key: str
    remedy: str
    relative: float
    change: Change
    everywhere: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """A suspect that was tried. impact: the share of the outputs' error (mean NRMSE²) that goes with it; may be below
    0, where errors had cancelled. None where it was not tried."""

    suspect: Suspect
    impact: float | None

    def as_json(self) -> dict[str, Any]:
        suspect = self.suspect
        return {
            "node": suspect.node,
            "operator": suspect.op_type,
            "tensor": suspect.tensor,
            "cause": suspect.cause.value,
            "impact": self.impact,
            "relative_error": suspect.relative,
            "evidence": dict(suspect.numbers),
            "sentence": suspect.sentence,
            "key": suspect.key,
            "remedy": suspect.remedy,
        }
