"""Q/DQ pairs that have one scale: what is wrong with it is wrong in all of them, and only together are they float."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_qparity.diagnose.causes.activations import activation_suspect
from pytest_qparity.diagnose.causes.cause import Cause, Suspect
from pytest_qparity.precision.pairs.splicing import Change

if TYPE_CHECKING:
    from pytest_qparity.diagnose.measures import ActivationMeasure, LayerMeasure, Measured

__all__ = ["range_suspects", "sharing"]

_LEAST = (Cause.OUTLIER_CHANNEL, Cause.ROUNDING)  # of causes, what the data do and no file does


def range_suspects(measured: Measured, operators: Mapping[str, str], precision: str) -> list[Suspect]:
    """One for each scale. Of pairs that share it the cause is that of the first that has one (its values are clipped
    there, and what goes on is already), and all are float again together: floated alone, what is behind would round
    as before, and what is ahead too."""
    found = []
    for group in sharing(measured.activations, measured.layers):
        reads = tuple(dict.fromkeys(name for each in group for name in each.reads))
        each_alone = [activation_suspect(each, operators, precision, reads) for each in group]
        chosen = min(each_alone, key=_weight)
        if len(group) > 1:
            tensors = [each.tensor for each in group]
            others = [f'"{name}"' for name in dict.fromkeys(tensors) if name != chosen.tensor]
            have = "have" if len(others) > 1 else "has"
            said = f"{chosen.sentence} {', '.join(others)} {have} the same scale." if others else chosen.sentence
            chosen = replace(
                chosen,
                numbers={**chosen.numbers, "read_by": list(reads), "one_scale": tensors},
                sentence=said,
                relative=max(each.relative for each in each_alone),
                change=Change(activations=tuple(each.name for each in group)),
            )
        found.append(chosen)
    return found


def sharing(
    activations: Sequence[ActivationMeasure], layers: Sequence[LayerMeasure]
) -> list[tuple[ActivationMeasure, ...]]:
    """Pairs in groups of one scale and zero point, in their order: of one tensor, or of what a node reads and makes, as
    a MaxPool, a Concat or a Reshape does. Equal scales far apart are chance, or a type's own (a Softmax's 1/255)."""
    places = list(range(len(activations)))

    def root(place: int) -> int:
        while places[place] != place:
            place = places[place]
        return place

    by_tensor: dict[str, list[int]] = {}
    for index, each in enumerate(activations):
        by_tensor.setdefault(each.tensor, []).append(index)
    made_of = _made_of(layers)
    for index, each in enumerate(activations):
        for tensor in (each.tensor, *_behind(each.tensor, made_of)):
            for other in by_tensor.get(tensor, ()):
                if (activations[other].scale, activations[other].zero_point) == (each.scale, each.zero_point):
                    first, second = sorted((root(index), root(other)))
                    places[second] = first
    groups: dict[int, list[ActivationMeasure]] = {}
    for index, each in enumerate(activations):
        groups.setdefault(root(index), []).append(each)
    return [tuple(group) for group in groups.values()]


def _made_of(layers: Sequence[LayerMeasure]) -> dict[str, list[tuple[str, bool]]]:
    """For each tensor what nodes make of it, and whether the variant passes the node by."""
    found: dict[str, list[tuple[str, bool]]] = {}
    for layer in layers:
        for name in layer.reads:
            found.setdefault(name, []).append((layer.tensor, layer.absent))
    return found


def _behind(tensor: str, made_of: Mapping[str, Sequence[tuple[str, bool]]]) -> Iterator[str]:
    """Tensors that are made of one by a node, and by nodes behind it that the variant passes by."""
    for name, _ in made_of.get(tensor, ()):
        yield name
        waiting = [name]
        while waiting:
            passed = [made for made, is_absent in made_of.get(waiting.pop(), ()) if is_absent]
            yield from passed
            waiting.extend(passed)


def _weight(suspect: Suspect) -> int:
    return 1 + _LEAST.index(suspect.cause) if suspect.cause in _LEAST else 0
