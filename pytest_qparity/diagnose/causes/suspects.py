"""All that may cost accuracy, from what was measured, the gravest first: what is tried one by one afterwards."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_qparity.diagnose.causes.cause import Cause, Suspect
from pytest_qparity.diagnose.causes.constants import constant_suspect
from pytest_qparity.diagnose.causes.inputs import input_suspects
from pytest_qparity.diagnose.causes.keys import keep_float
from pytest_qparity.diagnose.causes.nodes import differing, dropped, otherwise, rounding_left
from pytest_qparity.diagnose.causes.scales import range_suspects
from pytest_qparity.precision.pairs.splicing import Change

if TYPE_CHECKING:
    from pytest_qparity.diagnose.measures import Measured

__all__ = ["shortlist", "suspects"]

CAST = 1e-6  # NRMSE² of a constant: a cast to float16 leaves less (73 dB of normal values), int8 and bfloat16 more
FAR_APART = 16.0  # of two operands of a sum: four bits
DROWNED = 1e-2  # rounding of the larger operand (or of both, with one scale) over the power of the smaller

_OF_THE_RANGE = frozenset(  # causes that no missing Relu gives a range
    {Cause.RANGE_SATURATED, Cause.CALIBRATION_NOT_COVERING, Cause.ZERO_POINT_SHIFTED, Cause.PAIR_DISAGREES}
)
_OF_THE_WEIGHT = frozenset(  # defects that rounding small weights does not leave
    {Cause.FLIPPED_CHANNEL, Cause.SWAPPED_CHANNELS, Cause.WRONG_WEIGHT_SCALE, Cause.WRONG_WEIGHT}
)


def suspects(measured: Measured, inputs: Sequence[str], precision: str) -> tuple[Suspect, ...]:
    """inputs: names of the float model's inputs; precision: whose table of the case file keys are for."""
    operators = {layer.node: layer.op_type for layer in measured.layers}
    activations = range_suspects(measured, operators, precision)
    rounded = [each for each in measured.constants if each.relative > CAST]
    constants = [constant_suspect(each, operators, precision) for each in rounded]
    found = [*input_suspects(measured, operators, inputs), *_residuals(measured, precision), *activations, *constants]
    missing = dropped(measured)
    gone = {suspect.tensor for suspect in missing}  # their ranges are for what the tensors are without it
    found = [each for each in found if each.tensor not in gone or each.cause in _OF_THE_RANGE]
    found += (*missing, *differing(measured, precision), *otherwise(measured))
    found += rounding_left(measured, found, precision)
    broken = {(each.node, each.tensor) for each in constants if each.cause in _OF_THE_WEIGHT}
    return tuple(_by_gravity([_with_weights(each, measured, broken) for each in found], measured))


def shortlist(found: Sequence[Suspect], most: int) -> tuple[Suspect, ...]:
    """Those that are tried: the first."""
    return tuple(found[:most])


def _by_gravity(found: Sequence[Suspect], measured: Measured) -> list[Suspect]:
    """With a cause before plain rounding, by the error of the layer that they are in: a small error of a weight may be
    a large one of its products."""
    own = {layer.node: layer.own.relative for layer in measured.layers if layer.own is not None}

    def order(suspect: Suspect) -> tuple[bool, bool, float]:
        nodes = {suspect.node, *suspect.numbers.get("read_by", ())}
        worst = max((own.get(node, 0.0) for node in nodes), default=0.0)
        return not suspect.everywhere, suspect.cause is Cause.ROUNDING, -max(suspect.relative, worst)

    return sorted(found, key=order)


def _with_weights(suspect: Suspect, measured: Measured, broken: Collection[tuple[str, str]]) -> Suspect:
    """What makes up for an outlier channel are weights that are small there: both are one cause. A weight that is
    another than the float model's (`broken`: node and tensor) is a cause of its own, and its repair not the outlier's.
    """
    if suspect.cause is not Cause.OUTLIER_CHANNEL or not suspect.change.activations:
        return suspect
    read_by = suspect.numbers["read_by"]
    weights = tuple(
        (each.node, each.index)
        for each in measured.constants
        if each.node in read_by and each.role == "weight" and (each.node, each.tensor) not in broken
    )
    return replace(suspect, change=replace(suspect.change, constants=weights))


def _residuals(measured: Measured, precision: str) -> list[Suspect]:
    """Sums of two tensors, one of which lies within the rounding of the other."""
    by_tensor = {each.tensor: each for each in measured.activations}
    found = []
    for layer in measured.layers:
        if layer.op_type != "Add" or len(layer.reads) != 2:
            continue
        known = [by_tensor[name] for name in layer.reads if name in by_tensor]
        if len(known) != 2:
            continue
        small, large = sorted(known, key=lambda each: max(abs(each.smallest), abs(each.largest)))
        ratio = max(abs(large.smallest), abs(large.largest)) / max(abs(small.smallest), abs(small.largest), 1e-300)
        mean_square = small.power / small.elements
        rounding = max(large.scale, small.scale if layer.node in small.reads else 0.0) ** 2 / 12.0
        if ratio < FAR_APART or not mean_square or rounding < DROWNED * mean_square:
            continue
        names = tuple(each.name for each in known if layer.node in each.reads)
        said = (
            f'"{large.tensor}" reaches {ratio:.3g} times as far as "{small.tensor}", whose root mean square is '
            f"{mean_square**0.5:.3g}, beside a step of {large.scale:.3g}."
        )
        numbers = {
            "ratio": ratio,
            "steps": [small.scale, large.scale],
            "small": [small.smallest, small.largest],
            "large": [large.smallest, large.largest],
        }
        found.append(
            Suspect(
                node=layer.node,
                op_type=layer.op_type,
                tensor=small.tensor,
                cause=Cause.RESIDUAL_MISMATCH,
                numbers=numbers,
                sentence=said,
                key=keep_float(precision, [layer.node]),
                remedy="keep the sum float, or balance its operands in the float model",
                relative=max(small.relative, rounding / mean_square),
                change=Change(activations=names, nodes=(layer.node,)),
            )
        )
    return found
