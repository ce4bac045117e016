"""What is left where no layer is wrong by itself: the errors of many that add up."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pytest_qparity.diagnose.causes.cause import Cause, Suspect
from pytest_qparity.diagnose.causes.keys import keep_float
from pytest_qparity.precision.pairs.splicing import Change

if TYPE_CHECKING:
    from pytest_qparity.diagnose.measures import LayerMeasure, Measured

__all__ = ["drift"]

NAMED = 3  # layers that the suggested key keeps float


def drift(measured: Measured, precision: str) -> Suspect | None:
    """The layer of the largest own error, with what has added up behind it; None where no layer has any."""
    made = sorted((each for each in measured.layers if _own(each) > 0.0), key=_own, reverse=True)
    if not made:
        return None
    first = made[0]
    assert first.own is not None
    total = math.fsum(map(_own, made))
    worst = max((each for each in measured.layers if each.cumulative is not None), key=_cumulative)
    assert worst.cumulative is not None
    return Suspect(
        node=first.node,
        op_type=first.op_type,
        tensor=first.tensor,
        cause=Cause.ACCUMULATED_DRIFT,
        numbers={
            "layers": len(made),
            "largest_own_share": _own(first) / total,
            "own_sqnr_db": first.own.sqnr_db,
            "worst_node": worst.node,
            "worst_cumulative_sqnr_db": worst.cumulative.sqnr_db,
        },
        sentence=f"{len(made)} layers add up, none of which is wrong by itself: the largest own error, here, is "
        f"{first.own.sqnr_db:.1f} dB, and at {worst.node} {worst.cumulative.sqnr_db:.1f} dB are left.",
        key=keep_float(precision, [each.node for each in made[:NAMED]]),
        remedy="keep the layers of the largest own error float; rescue looks for the smallest such set",
        relative=worst.cumulative.relative,
        change=Change(),
        everywhere=True,
    )


def _own(layer: LayerMeasure) -> float:
    return 0.0 if layer.own is None else layer.own.relative


def _cumulative(layer: LayerMeasure) -> float:
    return 0.0 if layer.cumulative is None else layer.cumulative.relative
