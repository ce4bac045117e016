"""What a worker says of a variant's weights beside the float model's: `precision.weights.found.WeightsFound`."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_qparity.precision.pairs.expanding import expanded
from pytest_qparity.precision.pairs.light_model import LightModel
from pytest_qparity.precision.pairs.pairing import paired
from pytest_qparity.precision.weights.agreement import Kind, agreement
from pytest_qparity.precision.weights.beside import changed_factors
from pytest_qparity.precision.weights.compensation import uncompensated
from pytest_qparity.precision.weights.found import FewLevels, OtherWeight, WeightsFound
from pytest_qparity.precision.weights.levels import levels_of
from pytest_qparity.precision.weights.matching import UnreadWeight, changed_floats, quantized_weights

if TYPE_CHECKING:
    from pytest_qparity.precision.pairs.pairing import Pairing
    from pytest_qparity.precision.weights.agreement import Agreement
    from pytest_qparity.precision.weights.compensation import Uncompensated

__all__ = ["examine", "weights_in"]

_NAMED = 3  # channels


def examine(
    held: dict[str, Any], arguments: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
) -> tuple[dict[str, Any], Mapping[str, np.ndarray]]:
    """A worker's call: `weights_in` of the files `reference` and `variant`."""
    return asdict(weights_in(Path(arguments["reference"]), Path(arguments["variant"]))), {}


def weights_in(reference: Path, variant: Path) -> WeightsFound:
    """Raises CannotJudge where weights lie in a file that cannot be read."""
    with tempfile.TemporaryDirectory(prefix="qparity-") as scratch:
        theirs = LightModel(variant, Path(scratch), "variant", expanded)
        mine = LightModel(reference, Path(scratch), "reference")
        return _found(mine, theirs)


def _found(mine: LightModel, theirs: LightModel) -> WeightsFound:
    agreements: dict[str, Agreement] = {}
    few: list[FewLevels] = []
    quantized, unknown = 0, []
    pairing = paired(mine, theirs)
    for each in quantized_weights(mine, theirs, pairing):
        quantized += 1
        if isinstance(each, UnreadWeight):
            unknown.append(each.name)
            continue
        if each.weight is None:
            unknown.append(each.name)
        else:
            agreements[each.name] = agreement(
                each.weight, each.rounded, each.channel_axis, each.input_axis, each.groups
            )
        levels = levels_of(each.rounded.codes, each.weight) if each.rounded.bits >= 8 else None
        if levels is not None:
            few.append(FewLevels(each.name, levels.levels, levels.elements, each.rounded.bits))
    alone = _uncompensated(mine, theirs, pairing, agreements)
    others = [
        _other(name, found, alone.get(name))
        for name, found in agreements.items()
        if found.kind is Kind.OTHER or name in alone
    ]
    medians = [found.median_steps for found in agreements.values()]
    counts = Counter(found.kind for found in agreements.values())
    return WeightsFound(
        quantized=quantized,
        compared=len(agreements),
        rounded=counts[Kind.ROUNDED],
        near=counts[Kind.NEAR],
        scaled=counts[Kind.SCALED] - len(alone),
        others=tuple(sorted(others, key=lambda other: -max(other.off_share, other.clipped_share))),
        few_levels=tuple(few),
        not_compared=tuple(unknown),
        median_steps=float(np.median(medians)) if medians else None,
        largest_steps=max((found.largest_steps for found in agreements.values()), default=None),
    )


def _uncompensated(
    mine: LightModel, theirs: LightModel, pairing: Pairing, agreements: Mapping[str, Agreement]
) -> Mapping[str, Uncompensated]:
    """Of those that are `scaled`: partners may be weights of few bits, and weights that stayed floats."""
    scaled = {name for name, found in agreements.items() if found.kind is Kind.SCALED}
    if not scaled:
        return {}
    factors = {name: found.factors for name, found in agreements.items() if found.factors is not None}
    for each in changed_floats(mine, theirs, pairing):
        if each.weight is not None:
            found = agreement(each.weight, each.rounded, each.channel_axis, each.input_axis, each.groups)
            factors |= {} if found.factors is None else {each.name: found.factors}
    alone = uncompensated(factors, *changed_factors(mine, theirs))
    return {name: each for name, each in alone.items() if name in scaled}


def _other(name: str, found: Agreement, alone: Uncompensated | None) -> OtherWeight:
    return OtherWeight(
        name,
        found.off_share,
        found.largest_steps,
        found.clipped_share,
        found.cosine,
        found.channel,
        is_scaled=alone is not None,
        factor=None if alone is None else alone.factor,
        zeroed=len(found.zeroed_outputs) + len(found.zeroed_inputs),
        zeroed_outputs=found.zeroed_outputs[:_NAMED],
        zeroed_inputs=found.zeroed_inputs[:_NAMED],
    )
