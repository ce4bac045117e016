"""Whether integer codes are a float weight, rounded: in steps, so that one rule holds for every scale.

    r = (q − z) − w / s

lies within ½ of every element that is rounded to the nearest, but for those beyond the codes' ends, which are clipped.
Makers that round otherwise on purpose (AdaRound, Nagel et al. 2020: up or down) stay within 1; those that move scales
between channels (cross-layer equalization, Nagel et al. 2019; SmoothQuant, Xiao et al. 2023) hold
(q − z) · s = aₒ · bᵢ · w for output channels o and input channels i: then what takes aₒ and bᵢ back is looked for
(`compensation`). What is none of these is another weight.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_qparity.precision.weights.factors import fitted
from pytest_qparity.precision.weights.zeroed import zeroed_channels

if TYPE_CHECKING:
    from pytest_qparity.precision.weights.factors import Factors
    from pytest_qparity.precision.weights.zeroed import Zeroed

    Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["Agreement", "Kind", "Rounded", "agreement"]

_SLACK, _SLACK_OF_CODE = 0.01, 0.001  # a scale that was rounded to float16 after the codes were made moves q by 2⁻¹¹·q
_FEW = 0.001  # of elements that may lie beyond half a step: ties, sums in another order
_MOST_OFF = 0.01  # of elements that may lie beyond one step
_CHANNEL_OFF, _FEWEST_OFF = 0.5, 4  # a channel is off where half of its elements are, and no fewer than these
_MOVED = 0.02  # a factor this far from 1 is one
_FARTHEST = 8.0  # steps that any element may be off: what AdaRound, GPTQ and a short QAT leave of 8 bits is less
_MOST_CLIPPED, _CHANNEL_CLIPPED = 0.02, 0.25  # of elements: percentiles and least squares clip a few of 8 bits
_LARGEST = 1 << 24  # elements: of a larger weight some input channels are looked at
_UNLIKE = {4: 0.5, 2: 0.3}  # cosines, of few bits; GPTQ on networks of random weights was seen at 0.67 with 4


class Kind(StrEnum):
    """How codes and a float weight are related."""

    ROUNDED = "rounded"  # to the nearest
    NEAR = "near"  # within one step
    SCALED = "scaled"  # rounded after factors of channels
    OTHER = "other"


@dataclass(frozen=True, slots=True, eq=False)
class Rounded:
    """A weight's codes, and what they stand for: (codes − zeros) · steps. All of one shape; `steps` float64, not 0.

    `bits`: of the type of the codes.
    """

    codes: Array
    zeros: Array
    steps: Array
    bits: int

    @property
    def values(self) -> Array:
        made: Array = (self.codes.astype(np.float64) - self.zeros) * self.steps
        return made


@dataclass(frozen=True, slots=True)
class Agreement:
    """`elements`: compared (of large weights not all). `median_steps`, `largest_steps`: of |r|, clipped elements left
    out. `off_share`: of elements beyond one step. `clipped_share`: of elements beyond the codes' ends. `channel`: the
    output channel that alone is off, or scaled; None where it is not one. `cosine`: of both. `factors`: of what is
    `scaled`, and of few bits that are not `rounded`. `zeroed_outputs`, `zeroed_inputs`: channels set to zero."""

    kind: Kind
    elements: int
    median_steps: float
    largest_steps: float
    off_share: float
    clipped_share: float
    cosine: float
    channel: int | None = None
    factors: Factors | None = None
    zeroed_outputs: tuple[int, ...] = ()
    zeroed_inputs: tuple[int, ...] = ()


def agreement(weight: Array, rounded: Rounded, channel_axis: int, input_axis: int | None, groups: int = 1) -> Agreement:
    """How `rounded` stands to the float `weight` of the same shape. ValueError where it holds no element.

    `channel_axis`: of output channels; `input_axis`: of input channels, None where the weight has none. `groups`: of a
    convolution.
    """
    if weight.shape != rounded.codes.shape or not weight.size:
        raise ValueError(f"got codes of {rounded.codes.shape} for a weight of {weight.shape}, should be of one shape")
    sight = _Sight(weight, rounded, channel_axis, input_axis, groups)
    r, kept = sight.residuals(1.0)
    kind, channel = sight.kind_of(r, kept), sight.only_channel(r, kept)
    factors: Factors | None = None
    zeroed = sight.zeroed(r, kept, kind is Kind.OTHER, rounded.bits)
    if zeroed is not None:
        kind, channel, factors = Kind.OTHER, None, sight.factors_beside(zeroed)
    elif kind is Kind.OTHER and rounded.bits >= 8:
        kind, channel, factors = sight.kind_with_factors(channel)
    elif kind is Kind.OTHER:
        factors = sight.any_factors()
    if (
        zeroed is None
        and kind is Kind.OTHER
        and rounded.bits < 8
        and sight.cosine >= _UNLIKE[4 if rounded.bits > 2 else 2]
    ):
        kind = Kind.NEAR  # of a few bits errors fed forward (GPTQ) reach further than another checkpoint's
    sizes = np.abs(r[kept])
    return Agreement(
        kind=kind,
        elements=int(sight.w.size),
        median_steps=float(np.median(sizes)) if sizes.size else 0.0,
        largest_steps=float(sizes.max()) if sizes.size else 0.0,
        off_share=float((sizes > 1 + sight.slack[kept]).mean()) if sizes.size else 0.0,
        clipped_share=float(sight.clipped(r, kept).mean()),
        cosine=sight.cosine,
        channel=channel if kind in (Kind.OTHER, Kind.SCALED) else None,
        factors=factors,
        zeroed_outputs=() if zeroed is None else tuple(np.flatnonzero(zeroed.outputs).tolist()),
        zeroed_inputs=() if zeroed is None else tuple(np.flatnonzero(zeroed.inputs).tolist()),
    )


class _Sight:
    """Both as (output channels, input channels, rest), float64."""

    def __init__(self, weight: Array, rounded: Rounded, channel_axis: int, input_axis: int | None, groups: int) -> None:
        self.groups = groups

        def laid_out(array: Array) -> Array:
            front = [channel_axis] if input_axis is None else [channel_axis, input_axis]
            moved = np.moveaxis(array, front, range(len(front)))
            some = moved[:, :: -(-array.size // _LARGEST)] if moved.ndim > 1 else moved
            return some.astype(np.float64).reshape(*some.shape[: len(front)], *([1] if input_axis is None else []), -1)

        self.w, self.codes, self.steps = laid_out(weight), laid_out(rounded.codes), laid_out(rounded.steps)
        self.q = self.codes - laid_out(rounded.zeros)
        self.slack = _SLACK + _SLACK_OF_CODE * np.abs(self.q)
        values = self.q * self.steps
        length = math.sqrt(float(np.sum(self.w**2)) * float(np.sum(values**2)))
        both_zero = not self.w.any() and not values.any()
        self.cosine = float(np.sum(self.w * values)) / length if length else float(both_zero)

    def residuals(self, factor: Array | float) -> tuple[Array, Array]:
        """r against factor · w, and which elements are not clipped: at an end of the codes and less far out."""
        exact = factor * self.w / self.steps
        r = self.q - exact
        low, high = self.codes.min(), self.codes.max()
        is_clipped = ((self.codes == low) & (r > 0)) | ((self.codes == high) & (r < 0))
        return r, ~is_clipped if low < high else np.ones(r.shape, bool)

    def clipped(self, r: Array, kept: Array) -> Array:
        found: Array = ~kept & (np.abs(r) > 0.5 + self.slack)
        return found

    def kind_of(self, r: Array, kept: Array) -> Kind:
        size, clipped = np.abs(r), self.clipped(r, kept)
        if clipped.mean() > _MOST_CLIPPED or self._channels_off(clipped, _CHANNEL_CLIPPED).any():
            return Kind.OTHER
        if (kept & (size > _FARTHEST + self.slack)).any():
            return Kind.OTHER
        if np.count_nonzero(kept & (size > 0.5 + self.slack)) <= _FEW * r.size:
            return Kind.ROUNDED
        off = kept & (size > 1 + self.slack)
        if off.mean() > _MOST_OFF or self._channels_off(off).any():
            return Kind.OTHER
        return Kind.NEAR

    def zeroed(self, r: Array, kept: Array, is_off: bool, bits: int) -> Zeroed | None:
        """Channels that were set to zero: certainly, or beside others that are rounded as they are. Where those were
        moved too, a channel may have been moved to zero."""
        found = zeroed_channels(self.w, self.q, self.steps, bits, self.groups, is_off)
        if found is None or found.is_certain:
            return found
        rest = self.kind_of(np.where(found.elements, 0.0, r), kept | found.elements)
        return None if rest is Kind.OTHER else found

    def only_channel(self, r: Array, kept: Array) -> int | None:
        off = kept & (np.abs(r) > 1 + self.slack)
        channels = np.flatnonzero(self._channels_off(off))
        return int(channels[0]) if len(channels) == 1 and not np.delete(off, channels[0], axis=0).any() else None

    def kind_with_factors(self, channel: int | None) -> tuple[Kind, int | None, Factors | None]:
        """Scaled, where one factor an output and an input channel leaves no more than rounding. Whether something takes
        the factors back is `compensation`'s question."""
        fit = fitted(self.q, self.w / self.steps, self.groups)
        if fit is None:
            return Kind.OTHER, channel, None
        r, kept = self.residuals(fit.products)
        if self.kind_of(r, kept) is Kind.OTHER:
            return Kind.OTHER, channel, None
        moved = np.flatnonzero(np.abs(fit.outputs - 1) > _MOVED)
        is_alone = len(moved) == 1 and not (np.abs(fit.inputs - 1) > _MOVED).any()
        return Kind.SCALED, int(moved[0]) if is_alone else channel, fit.factors

    def factors_beside(self, zeroed: Zeroed) -> Factors | None:
        factors = self.any_factors()
        if factors is None:
            return None
        counts = (int(np.count_nonzero(each)) for each in (zeroed.outputs, zeroed.inputs))
        sides = zip((factors.outputs, factors.inputs), counts, strict=True)
        outputs, inputs = (replace(side, zeroed=count) for side, count in sides)
        return replace(factors, outputs=outputs, inputs=inputs)

    def any_factors(self) -> Factors | None:
        fit = fitted(self.q, self.w / self.steps, self.groups)
        return None if fit is None else fit.factors

    @staticmethod
    def _channels_off(off: Array, share: float = _CHANNEL_OFF) -> Array:
        counts, size = off.sum(axis=(1, 2)), off[0].size
        channels: Array = (counts >= _FEWEST_OFF) & (counts > share * size)
        return channels
