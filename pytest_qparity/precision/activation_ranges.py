"""What a plan makes of ranges: tensors that share one, and scales that float32 cannot hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pytest_qparity.precision.graph import LAYOUT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_qparity.precision.placement.elements import Element
    from pytest_qparity.precision.placement.planning import Activation, Plan
    from pytest_qparity.quantmath import Range

__all__ = ["SMALLEST_SCALE", "moved", "raised_scales"]

_ALL_ELSEWHERE = LAYOUT | {"DepthToSpace", "Expand", "Flatten", "SpaceToDepth", "Tile"}
_TINY = float(np.finfo(np.float32).tiny)
SMALLEST_SCALE = f"{_TINY:.3g}, the smallest normal one, so that most codes are never used"
_LARGER = 2.0**64  # a power of two: scales of ranges that are larger by it are exactly so much larger
_SHOWN = 5


def moved(plan: Plan) -> dict[str, dict[str, bool]]:
    """By the name of each observed tensor, tensors that are quantized with its range, as they hold nothing but its
    values: whether they hold all of them (a MaxPool, Slice, Gather or Split drops some)."""
    found: dict[str, dict[str, bool]] = {}
    for activation in plan.activations:
        whole = True
        for name, operator in reversed(_way_back(activation)):
            whole = whole and operator in _ALL_ELSEWHERE
            found.setdefault(str(activation.root.name), {})[name] = whole
    return found


def _way_back(activation: Activation) -> list[tuple[str, str]]:
    """Names of the tensors from the activation's to its root, which is left out, and the operators that make them."""
    way, value = [], activation.value
    while value is not activation.root:
        producer = value.producer()
        assert producer is not None
        source = producer.inputs[0]
        assert source is not None
        way.append((str(value.name), producer.op_type))
        value = source
    return way


def raised_scales(
    ranges: Mapping[str, Range], elements: Iterable[tuple[str, Element]], becomes: str, *, symmetric: bool
) -> tuple[str, ...]:
    """A note on tensors whose scale would be less than float32's smallest normal number, and is what it `becomes`.

    `elements`: names of tensors, each with a type that it is quantized to.
    """
    raised = {name: ranges[name] for name, element in elements if _is_raised(element, ranges[name], symmetric)}
    if not raised:
        return ()
    shown = ", ".join(f'"{name}" [{each.low:.3g}, {each.high:.3g}]' for name, each in list(raised.items())[:_SHOWN])
    more = ", …" if len(raised) > _SHOWN else ""
    tensors = "1 tensor has" if len(raised) == 1 else f"{len(raised)} tensors have"
    return (f"{tensors} a range too small for a scale in float32 ({shown}{more}): it is {becomes}",)


def _is_raised(element: Element, found: Range, symmetric: bool) -> bool:
    if found.low == found.high or max(found.high, -found.low) > 1.0:
        return False
    larger = element.parameters(np.asarray(found.low * _LARGER), np.asarray(found.high * _LARGER), symmetric=symmetric)
    return float(larger.scale) < _TINY * _LARGER
