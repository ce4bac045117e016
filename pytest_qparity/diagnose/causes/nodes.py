"""What is wrong with a node itself: it is missing, has another attribute, computes something else, rounds inside."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pytest_qparity.diagnose.causes.cause import Cause, Suspect
from pytest_qparity.diagnose.causes.keys import keep_float
from pytest_qparity.precision.pairs.splicing import Change

if TYPE_CHECKING:
    from pytest_qparity.diagnose.measures import LayerMeasure, Measured

__all__ = ["differing", "dropped", "otherwise", "rounding_left"]

DROPPED = 1e-4  # NRMSE² at a Relu that is not there, beyond what the range stands for
OTHERWISE = 1e-3  # NRMSE² of a layer with nothing rounded: 30 dB, more than float16 and bfloat16 leave of a sound one
OTHERWISE_ROUNDED = 0.05  # the same where a constant stays rounded: 13 dB, below what int4 gives


def rounding_left(measured: Measured, found: Sequence[Suspect], precision: str) -> list[Suspect]:
    """Layers with an error that none of their operands is suspected of: computed in float16, or in blocks."""
    named = {node for each in found for node in (each.node, *each.numbers.get("read_by", ()))}
    return [
        _suspect(
            layer,
            relative=layer.own.relative,
            cause=Cause.ROUNDING,
            numbers={"own_sqnr_db": _finite(layer.own.sqnr_db)},
            sentence=f"Fed with the float model's tensors it is left {layer.own.sqnr_db:.1f} dB.",
            key=keep_float(precision, [layer.node]),
            remedy="keep the node float: nothing else is seen",
        )
        for layer in measured.layers
        if layer.own is not None and layer.own.relative > 0.0 and not layer.absent and layer.node not in named
    ]


def _suspect(
    layer: LayerMeasure,
    *,
    cause: Cause,
    numbers: Mapping[str, Any],
    sentence: str,
    remedy: str,
    relative: float,
    key: str = "",
) -> Suspect:
    """Of the node itself, which is tried as the float model's."""
    return Suspect(
        node=layer.node,
        op_type=layer.op_type,
        tensor=layer.tensor,
        cause=cause,
        numbers=numbers,
        sentence=sentence,
        key=key,
        remedy=remedy,
        relative=relative,
        change=Change(nodes=(layer.node,)),
    )


def dropped(measured: Measured) -> list[Suspect]:
    return [
        _suspect(
            layer,
            relative=layer.own.relative,
            cause=Cause.DROPPED_RELU,
            numbers={"relative_error": layer.own.relative, "max_abs": layer.own.max_abs},
            sentence=f"The variant has no {layer.op_type} here, and no range that clamps as it does: "
            f"values are up to {layer.own.max_abs:.3g} off.",
            remedy="make the file again from the float model, with the node or with a range that ends where it clamps",
        )
        for layer in measured.layers
        if layer.absent and layer.own is not None and layer.own.relative > DROPPED
    ]


def differing(measured: Measured, precision: str) -> list[Suspect]:
    """Layers that compute something else: another attribute, an input that is not there."""
    return [
        _suspect(
            layer,
            relative=layer.own.relative,
            cause=Cause.NODE_DIFFERS,
            numbers={"relative_error": layer.own.relative, "differs": list(layer.differs)},
            sentence=f"The variant's node has another {', '.join(layer.differs)}.",
            key=keep_float(precision, [layer.node]),
            remedy="make the file again: its node is not the float model's",
        )
        for layer in measured.layers
        if layer.differs and layer.own is not None and layer.own.relative > DROPPED
    ]


def otherwise(measured: Measured) -> list[Suspect]:
    """Layers whose error no rounding makes: it is left where nothing is rounded."""
    return [
        _suspect(
            layer,
            relative=layer.own.relative,
            cause=Cause.COMPUTES_OTHERWISE,
            numbers={
                "own_sqnr_db": _finite(layer.own.sqnr_db),
                "unrounded_sqnr_db": _finite(layer.unrounded.sqnr_db),
                "counterpart": layer.counterpart,
                "operator": layer.stand_in or layer.op_type,
            },
            sentence=f"{_who(layer)}: fed with the float model's tensors and constants, with nothing rounded, it is "
            f"left {layer.unrounded.sqnr_db:.1f} dB.",
            remedy="look at how the file was made: no range and no recipe changes what a node computes",
        )
        for layer in measured.layers
        if layer.own is not None
        and layer.unrounded is not None
        and layer.unrounded.relative > (OTHERWISE_ROUNDED if layer.constants_rounded else OTHERWISE)
    ]


def _who(layer: LayerMeasure) -> str:
    if layer.stand_in:
        return f"The variant computes {layer.stand_in} in the place of {layer.op_type}"
    return f"The variant's {layer.op_type} computes something else, with other operands or in another order"


def _finite(decibels: float) -> float | None:
    return decibels if math.isfinite(decibels) else None
