"""Weights of a given file beside the float model's: what is said of them, and what cannot be let pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pytest_qparity.verdict import Code, Failure

if TYPE_CHECKING:
    from pytest_qparity.precision.weights.found import FewLevels, OtherWeight, WeightsFound

__all__ = ["weight_evidence", "weight_failures", "weight_notes"]

MOST_LISTED = 10
_FEW_CLIPPED = 0.001  # of elements
_UNLIKE = 0.9  # cosine below which a weight is no other checkpoint's, but another one altogether


def weight_evidence(found: WeightsFound | None) -> Mapping[str, object]:
    if found is None or not (found.quantized or found.broken):
        return {}
    if found.broken:
        return {"weights": {"broken": found.broken}}
    counts = {name: getattr(found, name) for name in ("quantized", "compared", "rounded", "near", "scaled")}
    others = [
        {
            "weight": each.name,
            "off_share": each.off_share,
            "clipped_share": each.clipped_share,
            "largest_steps": each.largest_steps,
            "channel": each.channel,
            "factor": each.factor,
            **({"zeroed": each.zeroed} if each.zeroed else {}),
        }
        for each in found.others[:MOST_LISTED]
    ]
    few = [{"weight": each.name, "levels": each.levels, "elements": each.elements} for each in found.few_levels]
    figures = {"median_steps": found.median_steps, "largest_steps": found.largest_steps}
    listed = {"others": others, "few_levels": few[:MOST_LISTED], "not_compared": list(found.not_compared[:MOST_LISTED])}
    kept = {name: value for name, value in listed.items() if value}
    return {"weights": {**counts, "other": len(found.others), **(figures if found.compared else {}), **kept}}


def weight_notes(found: WeightsFound | None, are_changed: bool) -> Iterator[str]:
    """are_changed: the case says that its maker changes weights, so that others are told and no failure."""
    if found is None:
        return
    if found.broken and are_changed:
        yield f'weights were not compared: {found.broken} (weights = "changed")'
    if found.not_compared:
        yield (
            f"{len(found.not_compared)} of {found.quantized} quantized weights were not compared: of none of the float "
            "model's is it known to be theirs, or their operator's codes are not read here "
            f'("{found.not_compared[0]}")'
        )
    if found.scaled:
        yield (
            f"{found.scaled} of {found.compared} weights are the float model's after factors of their channels that "
            "something takes back, as equalization, smoothing and folded norms leave them"
        )
    if found.others and are_changed:
        others = f"{len(found.others)} of {found.compared} weights"
        yield f'{others} are not the float model\'s, rounded (weights = "changed")'


def weight_failures(found: WeightsFound | None, are_changed: bool) -> Iterator[Failure]:
    if found is None:
        return
    if found.broken and not are_changed:
        yield Failure(
            Code.PREFLIGHT_WEIGHTS,
            found.broken,
            "report it with both files: the comparison has a defect, and says nothing of them; until it is mended, "
            'weights = "changed" at the precision (of a pair, --weights changed) leaves the comparison out',
        )
    if found.others and not are_changed:
        worst = found.others[0]
        yield Failure(
            Code.PREFLIGHT_WEIGHTS,
            f"{len(found.others)} of {found.compared} quantized weights are not the float model's, rounded: of "
            f'"{worst.name}" {_off(worst)}.',
            "quantize the float model that the case names, or name the one that was quantized; where the maker changes "
            'weights on purpose (QAT, GPTQ, rotations) state weights = "changed" at the precision (of a pair, '
            "--weights changed)",
            likely=_why(worst, found),
        )
    if found.few_levels:
        yield _too_few(found.few_levels, found)


def _off(worst: OtherWeight) -> str:
    if worst.zeroed:
        return f"all codes of {_channels(worst)} are zero, should be those of the float model, where they are not"
    if worst.clipped_share > max(worst.off_share, _FEW_CLIPPED):
        return f"{worst.clipped_share:.1%} of the elements are clipped to the ends of the codes, should be few"
    return (
        f"{worst.off_share:.1%} of the elements are more than a step off, up to {worst.largest_steps:.3g} steps, "
        "should be within half a step of it"
    )


def _channels(worst: OtherWeight) -> str:
    """Of one side: of both, outputs are told."""
    side, named = ("output", worst.zeroed_outputs) if worst.zeroed_outputs else ("input", worst.zeroed_inputs)
    numbers = ", ".join(map(str, named))
    return f"{side} channel {numbers}" if worst.zeroed == 1 else f"{worst.zeroed} channels ({side} {numbers}, …)"


def _why(worst: OtherWeight, found: WeightsFound) -> str | None:
    if any(each.name == worst.name for each in found.few_levels):
        return "it was rounded to 4 bits and stored in a wider type"
    if worst.zeroed:
        return "channels were pruned, or lost, when the file was made"
    if worst.channel is not None:
        return f"the scale of output channel {worst.channel} is wrong, or its codes are another channel's"
    if worst.factor is not None:
        return (
            f"each element is {worst.factor:.4g} times the float model's, which nothing takes back: its scale is "
            "wrong, or it is of another checkpoint"
        )
    if worst.is_scaled:
        return (
            "its channels have factors that no other weight, norm or Mul takes back: scales are wrong, or in each "
            "other's places"
        )
    if worst.clipped_share > max(worst.off_share, _FEW_CLIPPED):
        return "its scale is too small"
    if worst.cosine < _UNLIKE:
        return "it is a weight of another model, or its channels or its signs are not the float model's"
    if len(found.others) > found.compared / 2:
        return "the variant was made of another checkpoint than the float model beside it, or trained on since"
    return None


def _too_few(few: tuple[FewLevels, ...], found: WeightsFound) -> Failure:
    first = few[0]
    return Failure(
        Code.PREFLIGHT_FEW_LEVELS,
        f"{len(few)} of {found.quantized} quantized weights hold what fits into 4 bits: the {first.elements:,} "
        f'elements of "{first.name}" take {first.levels} levels, evenly apart, '
        f"should take more of the {2**first.bits:,} of their type.",
        "quantize these layers at the precision that the file is called, or call it what it is (int4); "
        "where it is meant so, state a waiver",
        likely="4-bit weights were stored in a wider type, or a scale is many times too large",
    )
