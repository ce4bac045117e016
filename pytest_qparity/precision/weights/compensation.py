"""Which factors of channels something takes back: what equalization, smoothing and folded norms leave, and no fault.

A product's output channels may be multiplied by a where what reads them is divided by it: the input channels of another
weight (cross-layer equalization, Nagel et al. 2019), or where a norm's scale or a Mul is (SmoothQuant, Xiao et al.
2023). Then a · b = 1 channel by channel. A factor that nothing takes back changes what the network computes.

Partners are looked for by their numbers, not along the graph: that the factors of dozens of channels are the inverse of
another's by chance is no danger, and what stands between them (poolings, reshapes, attention) may be anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from pytest_qparity.precision.weights.factors import SIGMAS, TELLS, Side

if TYPE_CHECKING:
    from pytest_qparity.precision.weights.factors import Array, Factors

__all__ = ["Uncompensated", "uncompensated"]

_NEAR = 0.02  # of a logarithm: factors this near are one, beside what rounding leaves of them
_ENOUGH, _FEWEST = 0.1, 3  # channels that must tell something, for two sides to be one another's
_COARSE = 0.05  # of channels that tell nothing
_OUT, _IN = 1.0, -1.0  # sides: a factor of all may be moved from one to the other, so that it counts in both with signs


@dataclass(frozen=True, slots=True)
class Uncompensated:
    """`factor`: of all elements, where it is one."""

    factor: float | None


@dataclass(frozen=True, slots=True)
class _Link:
    """offset: the logarithm that all channels of the product share; None where each group has its own. `other`: weight
    and side of the partner; None of a constant."""

    offset: float | None
    other: tuple[str, float] | None


@dataclass(slots=True)
class _Weight:
    """gauge: what the outputs' logarithm gains and the inputs' loses so that both are the true ones; None: unknown.
    levels: what may take a factor of all back, 0 (nothing has to) among them."""

    factors: Factors
    levels: tuple[float, ...]
    gauge: float | None = None
    links: dict[float, list[_Link]] = field(default_factory=dict)

    @property
    def is_coarse(self) -> bool:
        """A scale of its own for too few channels, so that of the others little but 0 is left: nobody knows factors."""
        sides = (self.factors.outputs, self.factors.inputs)
        return any(
            np.count_nonzero(each.noise > TELLS) - each.zeroed > max(1, _COARSE * len(each.logs)) for each in sides
        )


def uncompensated(
    factors: Mapping[str, Factors], constants: Sequence[Side], numbers: Sequence[float]
) -> Mapping[str, Uncompensated]:
    """Of weights by name, those whose factors nothing takes back.

    constants: what scales of norms and operands of Mul and Div gained or lost. numbers: ln of single factors of nodes
    that one of the models has and the other has not.
    """
    levels_of_all = (0.0, *numbers)
    weights = {
        name: _Weight(each, (*levels_of_all, *_levels_of_vectors(each, constants))) for name, each in factors.items()
    }
    found: dict[str, Uncompensated] = {}
    for name, weight in weights.items():
        outputs, inputs = _flat(weight.factors.outputs), _flat(weight.factors.inputs)
        if outputs is not None and inputs is not None:
            of_all = outputs + inputs
            if not _is_one_of(of_all, weight.levels):
                found[name] = Uncompensated(float(np.exp(of_all)))
            continue
        weight.gauge = -outputs if outputs is not None else inputs
        levels = ((_OUT, outputs), (_IN, inputs))
        weight.links = {side: [] for side, level in levels if level is None and not weight.is_coarse}
    _link(weights, constants)
    _spread(weights)
    for name, weight in weights.items():
        held = (any(_holds(weight, side, link, weights) for link in links) for side, links in weight.links.items())
        if not all(held):
            found[name] = Uncompensated(None)
    return found


def _levels_of_vectors(factors: Factors, constants: Sequence[Side]) -> Iterator[float]:
    """What vectors so nearly flat that a side of the weight looks flat bring to a factor of all: a smoothing Mul with
    operands of 0.92 to 0.95 leaves each input channel 1.07 times as large, within 2 %."""
    for side in (factors.outputs, factors.inputs):
        level = _flat(side)
        if level is None:
            continue
        whole = replace(side, groups=1)  # what is flat over all groups has a level that is known
        for each in constants:
            yield from (offset - level for offset in _offsets(whole, each) if offset is not None)


def _link(weights: Mapping[str, _Weight], constants: Sequence[Side]) -> None:
    open_sides = [(name, side) for name, weight in weights.items() for side in weight.links]
    by_depth = [name for name, weight in weights.items() if len(weight.factors.inputs.logs) == 1 and weight.links]
    coarse = [weight for weight in weights.values() if weight.is_coarse]
    for name, side in open_sides:
        mine, links = _side(weights[name], side), weights[name].links[side]
        links += [_Link(offset, None) for each in constants for offset in _offsets(mine, each)]
        links += [_Link(None, None) for each in coarse if each is not weights[name] and _may_follow(each, side, mine)]
        for other, theirs in open_sides:
            if other == name or (side == theirs and name not in by_depth and other not in by_depth):
                continue
            partner = _side(weights[other], theirs)
            links += [_Link(offset, (other, theirs)) for offset in _offsets(mine, partner)]
            for between in by_depth:  # a convolution by depth hands on what it takes
                if between not in (name, other):
                    with_both = _product(mine, _side(weights[between], _OUT))
                    for offset in () if with_both is None else _offsets(with_both, partner):
                        links.append(_Link(offset, (other, theirs)))
                        weights[between].links[_OUT].append(_Link(None, None))


def _may_follow(weight: _Weight, side: float, mine: Side) -> bool:
    """Whether a weight of which nobody knows factors has as many channels on the side that would take them back."""
    theirs = _side(weight, -side)
    both = len(theirs.logs), len(mine.logs)
    return min(both) > 1 and max(both) % min(both) == 0


def _spread(weights: Mapping[str, _Weight]) -> None:
    """Gauges from those that are known to the others, along the links."""
    is_moving = True
    while is_moving:
        is_moving = False
        for weight in weights.values():
            for side, links in weight.links.items() if weight.gauge is None else ():
                for link in links:
                    theirs = 0.0 if link.other is None else _gauge(weights, link.other)
                    if theirs is not None and link.offset is not None:
                        weight.gauge, is_moving = -side * (link.offset + theirs), True
                        break
                if weight.gauge is not None:
                    break


def _gauge(weights: Mapping[str, _Weight], place: tuple[str, float]) -> float | None:
    name, side = place
    gauge = weights[name].gauge
    return None if gauge is None else side * gauge


def _is_one_of(level: float, levels: Sequence[float]) -> bool:
    return any(abs(level + each) <= _NEAR for each in levels)


def _holds(weight: _Weight, side: float, link: _Link, weights: Mapping[str, _Weight]) -> bool:
    theirs = 0.0 if link.other is None else _gauge(weights, link.other)
    if weight.gauge is None or theirs is None or link.offset is None:
        return True  # nobody knows a factor of all
    return _is_one_of(link.offset + side * weight.gauge + theirs, weight.levels)


def _side(weight: _Weight, side: float) -> Side:
    return weight.factors.outputs if side == _OUT else weight.factors.inputs


def _offsets(mine: Side, theirs: Side) -> Iterator[float | None]:
    """The level of the product of both, where it has one; None where each group has its own."""
    product = None if _are_plainly_apart(mine, theirs) else _product(mine, theirs)
    if product is None:
        return
    levels = [_flat(each) for each in _grouped(product)]
    if None not in levels:
        yield levels[0] if len(levels) == 1 else None


def _are_plainly_apart(mine: Side, theirs: Side) -> bool:
    """Told by two channels, as most are, at little cost: the largest and the smallest factor of mine."""
    if len(mine.logs) != len(theirs.logs) or mine.groups > 1 or theirs.groups > 1:
        return False
    ends = mine.ends
    if ends is None or max(theirs.noise[ends[0]], theirs.noise[ends[1]]) > TELLS:
        return False
    apart = sum(float(side.logs[ends[0]] - side.logs[ends[1]]) for side in (mine, theirs))
    noise = sum(float(side.noise[end]) for side in (mine, theirs) for end in ends)
    return abs(apart) > 2 * _NEAR + SIGMAS * noise


def _product(one: Side, other: Side) -> Side | None:
    """Channel by channel; of a map that was flattened each channel stands for several of the longer."""
    short, long = sorted((one, other), key=lambda side: len(side.logs))
    times, rest = divmod(len(long.logs), len(short.logs))
    if rest or (times > 1 and len(short.logs) < 2):
        return None
    logs, signs, noise = (np.repeat(each, times) for each in (short.logs, short.signs, short.noise))
    groups = max(short.groups, long.groups)
    return Side(long.logs + logs, long.signs * signs, np.hypot(long.noise, noise), groups)


def _grouped(side: Side) -> Iterator[Side]:
    parts = (np.split(each, side.groups) for each in (side.logs, side.signs, side.noise))
    return (Side(*each) for each in zip(*parts, strict=True))


def _middle(logs: Array, noise: Array) -> float:
    """The median, in which those count more that are known better."""
    order = np.argsort(logs)
    weights = np.cumsum(1.0 / (_NEAR**2 + noise[order] ** 2))
    return float(logs[order][np.searchsorted(weights, weights[-1] / 2)])


def _tells(side: Side) -> bool:
    count = len(side.logs)
    return int(np.count_nonzero(side.noise <= TELLS)) >= max(_ENOUGH * count, min(_FEWEST, count))


def _flat(side: Side) -> float | None:
    """The logarithm that all channels share; None where they do not, or too few of them tell anything."""
    tells = side.noise <= TELLS
    if not _tells(side) or (side.signs[tells] < 0).any():
        return None
    logs = side.logs[tells]
    level = _middle(logs, side.noise[tells])
    return level if (np.abs(logs - level) <= _NEAR + SIGMAS * side.noise[tells]).all() else None
