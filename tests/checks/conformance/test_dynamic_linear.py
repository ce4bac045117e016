"""DynamicQuantizeLinear's examples have ranges of all kinds, and ties in y that are held to the specification's."""

from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np
import pytest

from pytest_qparity.checks.conformance import kernels_by_id
from pytest_qparity.checks.conformance.example import Array, Example
from pytest_qparity.checks.conformance.sampling import draw_examples
from pytest_qparity.quantmath import dynamic

KERNEL = "dynamic_quantize_linear-uint8-opset13"
EXAMPLES = 100
_ALMOST = 0.45  # of the range on the one side of 0, and so at least on the other: symmetric


@cache
def drawn() -> tuple[Example, ...]:
    return tuple(draw_examples(kernels_by_id()[KERNEL], EXAMPLES, 0))


def kind_of_range(x: Array) -> str:
    lowest, highest = float(x.min(initial=0.0)), float(x.max(initial=0.0))
    if lowest == highest == 0.0:
        return "none"
    smaller = min(-lowest, highest) / (highest - lowest)
    return "one-sided" if smaller == 0.0 else "symmetric" if smaller > _ALMOST else "asymmetric"


def test_most_ranges_are_asymmetric_and_all_kinds_are_there() -> None:
    kinds = Counter(kind_of_range(example.inputs["x"]) for example in drawn())

    assert kinds["asymmetric"] > EXAMPLES / 2
    assert kinds["one-sided"] > EXAMPLES / 20
    assert kinds["symmetric"] > 0


def rounded(x: Array, mode: str) -> Array:
    """y with another rounding of x / S, everything else as it is."""
    _, scale, zero = dynamic.dynamic_quantize_linear(x)
    steps = x.astype(np.float64) / np.float64(scale)
    whole = {"half up": np.floor(steps + 0.5), "half away": np.sign(steps) * np.floor(np.abs(steps) + 0.5)}
    whole |= {"half even": np.rint(steps), "down": np.floor(steps), "half even behind Z": np.rint(steps + zero) - zero}
    return np.clip(whole[mode] + zero, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("mode", "at_least"),
    [("half up", 25), ("half away", 25), ("half even behind Z", 4), ("down", 50), ("half even", 0)],
)
def test_another_rounding_is_seen_in_y(mode: str, at_least: int) -> None:
    examples = [example for example in drawn() if example.inputs["x"].any()]

    seen = sum(bool(each.expected["y"].beyond(rounded(each.inputs["x"], mode)).any()) for each in examples)

    assert seen >= at_least if at_least else seen == 0
