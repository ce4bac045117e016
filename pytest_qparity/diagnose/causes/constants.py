"""What is wrong with a constant operand: a channel turned, exchanged or scaled, a bias, another weight altogether."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_qparity.diagnose.causes.cause import Cause, Suspect
from pytest_qparity.diagnose.causes.keys import Key, keep_float
from pytest_qparity.precision.pairs.splicing import Change

if TYPE_CHECKING:
    from pytest_qparity.diagnose.measures import ConstantMeasure

__all__ = ["constant_suspect"]

FLIPPED = -0.5  # cosine of a channel and its own
GAIN = 0.2  # by which a channel's Σ v·w / Σ w² is off 1 where its scale is another's; int4 rounding stays within 0.05
ROUNDED = 0.5  # of a step, root mean square: rounding to the nearest leaves 0.29, with care for the products some more
OF_ANOTHER = 1.0  # step, likewise: no rounding goes past the nearest code on either side
LEAST_GAIN, STRAIGHT = 0.02, 0.999  # likewise of a channel that is more steps away than rounding leaves, and its cosine
WRONG = 0.05  # NRMSE² of a bias or weight: 13 dB, below what int4 gives
FEW_BITS = 0.01  # NRMSE² of one channel, 20 dB, where others are far better
SHOWN = 8

_Fault = tuple[Cause, dict[str, Any], str]  # what it is, its figures, the sentence
_Found = tuple[Cause, dict[str, Any], str, Key]


def constant_suspect(measure: ConstantMeasure, operators: Mapping[str, str], precision: str) -> Suspect:
    """The first that holds of: channels with their sign turned, channels in each other's place, channels (or all) with
    another scale, a bias or weight that is another, one scale for channels far apart; else plain rounding."""
    cause, numbers, sentence, key = _cause(measure, precision)
    return Suspect(
        node=measure.node,
        op_type=operators.get(measure.node, ""),
        tensor=measure.tensor,
        cause=cause,
        numbers={"relative_error": measure.relative, **numbers},
        sentence=sentence,
        key=key.lines,
        remedy=key.remedy,
        relative=measure.relative,
        change=Change(constants=((measure.node, measure.index),)),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Channels:
    """A weight's channels held against the float model's: float64 (channels,) each.

    `norms`: of both, multiplied. `steps`: √(Σ (v − w)² / Σ s²), 0 where no step is known. `another`: further away than
    any rounding.
    """

    golden: np.ndarray
    dot: np.ndarray
    norms: np.ndarray
    cosines: np.ndarray
    gains: np.ndarray
    relative: np.ndarray
    steps: np.ndarray
    another: np.ndarray


def _channels_of(measure: ConstantMeasure) -> _Channels:
    golden, output, dot = (np.asarray(each) for each in (measure.golden, measure.output, measure.dot))
    norms = np.sqrt(golden * output)
    with np.errstate(divide="ignore", invalid="ignore"):
        cosines = np.where(norms > 0, dot / norms, 1.0)
        gains = np.where(golden > 0, dot / golden, 1.0)
        relative = np.where(golden > 0, np.asarray(measure.error) / golden, 0.0)
    steps = _rms_steps(measure)
    return _Channels(golden, dot, norms, cosines, gains, relative, steps, steps > 2.0 * OF_ANOTHER)


def _rms_steps(measure: ConstantMeasure) -> np.ndarray:
    error, steps = np.asarray(measure.error), np.asarray(measure.steps)
    if not steps.size:
        return np.zeros(error.shape)
    found: np.ndarray = np.sqrt(np.divide(error, steps, out=np.zeros(error.shape), where=steps > 0))
    return found


def _cause(measure: ConstantMeasure, precision: str) -> _Found:
    floats = keep_float(precision, [measure.node])
    again = Key(floats, f"make the file again: its {measure.role} is not the float model's")
    if measure.role != "weight":
        return _of_no_weight(measure, floats, again)
    channels = _channels_of(measure)
    found = _turned_or_moved(measure, channels) or _scaled(channels) or _another(measure, channels)
    if found is not None:
        return *found, again
    return _outlier(channels, precision) or _rounded(measure.rms_steps, floats)


def _of_no_weight(measure: ConstantMeasure, floats: str, again: Key) -> _Found:
    if measure.relative <= WRONG:
        return Cause.ROUNDING, {}, f"Its {measure.role} is rounded.", Key(floats, "nothing is wrong with it")
    golden, output = np.asarray(measure.golden), np.asarray(measure.output)
    ratio = float(np.sqrt(output.sum() / golden.sum())) if golden.sum() else float("inf")
    cause = Cause.WRONG_BIAS if measure.role == "bias" else Cause.NODE_DIFFERS
    return cause, {"ratio": ratio}, f"Its {measure.role} is {ratio:.3g} times the float model's in norm.", again


def _turned_or_moved(measure: ConstantMeasure, channels: _Channels) -> _Fault | None:
    flipped, listed = np.flatnonzero(channels.cosines < FLIPPED), list(measure.nearest)
    if flipped.size:
        lowest = channels.cosines[flipped].min()
        said = f"{_named(flipped)} of the weight with the sign turned (cosine {lowest:.2f})."
        return Cause.FLIPPED_CHANNEL, {"channels": _first(flipped)}, said
    moved = np.flatnonzero(np.asarray(listed) != np.arange(len(listed))) if listed else np.zeros(0, int)
    if not moved.size:
        return None
    pairs = [[int(each), int(listed[each])] for each in moved[:SHOWN]]
    said = f"{_named(moved)} of the weight holds what is channel {pairs[0][1]} in the float model."
    return Cause.SWAPPED_CHANNELS, {"channels": pairs}, said


def _scaled(channels: _Channels) -> _Fault | None:
    golden, gains, cosines = channels.golden, channels.gains, channels.cosines
    is_longer = (np.abs(gains - 1.0) > GAIN) & (cosines > 0.8)
    is_longer |= channels.another & (np.abs(gains - 1.0) > LEAST_GAIN) & (cosines > STRAIGHT)
    scaled = np.flatnonzero(is_longer & (golden > 1e-9 * golden.max(initial=0.0)))
    if not scaled.size:
        return None
    worst = int(scaled[np.abs(np.log(gains[scaled])).argmax()])
    which = "All channels" if scaled.size == golden.size and scaled.size > 1 else _named(scaled)
    said = f"{which} of the weight is {gains[worst]:.3g} times the float model's."
    return Cause.WRONG_WEIGHT_SCALE, {"channels": _first(scaled), "gain": float(gains[worst])}, said


def _another(measure: ConstantMeasure, channels: _Channels) -> _Fault | None:
    steps, another = measure.rms_steps, channels.another
    if not (measure.relative > WRONG if steps is None else steps > OF_ANOTHER or another.any()):
        return None
    which = np.flatnonzero(another)
    cosine = float(channels.dot.sum() / max(channels.norms.sum(), 1e-300))
    said = f"The weight is another than the float model's (cosine {cosine:.4g})."
    if steps is not None:
        is_few = 0 < 2 * which.size < another.size
        who = f"{_named(which)} of the weight" if is_few else "The weight"
        most = float(channels.steps.max()) if is_few else steps
        said = (
            f"{who} is another than the float model's: {most:.3g} of its own steps away, root mean square, where "
            f"rounding leaves 0.29 (cosine {cosine:.4g})."
        )
    return Cause.WRONG_WEIGHT, {"cosine": cosine, "rms_steps": steps, "channels": _first(which)}, said


def _outlier(channels: _Channels, precision: str) -> _Found | None:
    relative = channels.relative
    if not (relative.size > 1 and relative.max() > FEW_BITS and relative.max() > 100.0 * np.median(relative)):
        return None
    channel, middle = int(relative.argmax()), float(np.median(relative))
    said = f"Channel {channel} of the weight: {_db(relative[channel])} dB, the median {_db(middle)} dB."
    key = Key(f'[precisions.{precision}]\ngranularity = "channel"', "give each channel a scale of its own")
    return Cause.OUTLIER_CHANNEL, {"channel": channel}, said, key


def _rounded(steps: float | None, floats: str) -> _Found:
    if steps is None:
        said, remedy = "The weight is rounded.", "keep the node float: nothing else is seen of its weight"
    else:
        said = f"The weight is rounded: {steps:.2g} of its steps, root mean square (to the nearest: 0.29)."
        is_nearest = steps <= ROUNDED
        remedy = (
            f"keep the node float: {'nothing is wrong with its weight' if is_nearest else 'or round to the nearest'}"
        )
    return Cause.ROUNDING, {"rms_steps": steps}, said, Key(floats, remedy)


def _named(indices: np.ndarray) -> str:
    listed = ", ".join(str(each) for each in indices[:SHOWN]) + (", …" if indices.size > SHOWN else "")
    return f"Channel{'s' if indices.size > 1 else ''} {listed}"


def _first(indices: np.ndarray) -> list[int]:
    return [int(each) for each in indices[:SHOWN]]


def _db(relative: float) -> str:
    return f"{-10.0 * np.log10(relative):.1f}" if relative > 0 else "inf"
