"""An example: a few ONNX nodes with their inputs, and what each output may be by the operators' specification."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["TRAITS", "Array", "Example", "Expected", "Node"]

# What may be special about an element of an output, or about an example: known deviations are stated of these.
TRAITS = frozenset(
    [
        "tie",
        "near_tie",
        "saturated",
        "overflow",
        "nan",
        "infinite",
        "negative",
        "negative_zero",
        "subnormal",
        "subnormal_input",
        "extreme_scale",
        "zero_point",
        "rounding_alone",
        "twice_rounded",
        "empty",
        "scalar",
        "one_scale",
        "tiny_scale",
        "partial_block",
        "several_scales",
        "several_zero_points",
        "one_window",
        "not_transposed",
        "vector",
        "constant",
        "k_zero",
        "weight_zero_point",
        "no_range",
        "in_company",
        "int8_activations",
        "float_activations",
        "first_gain",
        "unscaled_epsilon",
        "scales_of_inputs",
        "state_as_input",
        "unrounded",
        "zero_point_apart",
        "truncated",
    ]
)

Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"


@dataclass(frozen=True, slots=True)
class Node:
    """One ONNX node; `domain` is empty for ONNX's own operators. An input named "" is left out."""

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    domain: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Expected:
    """What an output may be: every value from `lowest` to `highest`, elementwise and inclusive.

    Both are float64 of the output's shape, which holds every integer of up to 32 bits; NaN stands for NaN. `unit` is
    the size of one LSB at each element (1 for integers, the spacing of the format for floating point). Where `free`,
    the specification leaves the value open. Where `signed`, a zero must have the sign of `lowest`.
    `traits` name what is special about elements ("tie", "nan"): known deviations are stated of them. `instead` has
    what an engine that is known to compute another thing would give, by the trait of elements that are that: one of
    several where it does it in several ways.
    """

    lowest: Array
    highest: Array
    unit: Array
    dtype: np.dtype[Any]
    free: Array | None = None
    signed: bool = False
    traits: Mapping[str, Array] = field(default_factory=dict)
    instead: Mapping[str, tuple[Expected, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shape = self.lowest.shape
        arrays = {"highest": self.highest, "unit": self.unit, "free": self.free, **self.traits}
        for name, array in arrays.items():
            if array is not None and array.shape != shape:
                raise ValueError(f"got {name} of shape {array.shape}, should be {shape} as lowest")

    @property
    def elements(self) -> int:
        """How many it does not leave open."""
        return int(self.lowest.size if self.free is None else np.count_nonzero(~self.free))

    def traits_of(self, got: Array) -> Mapping[str, Array]:
        """What is special about the elements of an output, by what they should be and by what they are."""
        return _Traits(self, got)

    def fits(self, got: Array) -> bool:
        """Whether an output has the shape and type that it should have."""
        return got.shape == self.lowest.shape and got.dtype == self.dtype

    def beyond(self, got: Array) -> Array:
        """How far each element is outside of what it may be, in LSB: 0.0 inside, +inf where NaN is only one of both, or
        a zero has the wrong sign. Raises ValueError where shape or dtype is another."""
        if not self.fits(got):
            raise ValueError(
                f"got {got.dtype} of shape {got.shape}, should be {self.dtype} of shape {self.lowest.shape}"
            )
        with np.errstate(invalid="ignore"):  # a signaling NaN
            values = got.astype(np.float64)
        with np.errstate(invalid="ignore", over="ignore"):
            distance = np.maximum(np.maximum(self.lowest - values, values - self.highest), 0.0) / self.unit
        # ∞ − ∞ is NaN, and equal all the same.
        distance = np.where((values == self.lowest) | (values == self.highest), 0.0, distance)
        is_nan, wants_nan = np.isnan(values), np.isnan(self.lowest)
        distance = np.where(is_nan | wants_nan, np.where(is_nan & wants_nan, 0.0, np.inf), distance)
        if self.signed:
            zeros = (values == 0) & (self.lowest == 0) & (self.highest == 0)
            distance = np.where(zeros & (np.signbit(values) != np.signbit(self.lowest)), np.inf, distance)
        if self.free is not None:
            distance = np.where(self.free, 0.0, distance)
        return distance


@dataclass(frozen=True, slots=True, eq=False)
class _Traits(Mapping[str, Array]):
    """Those of what an element is are found out when they are asked for: of most outputs nobody does."""

    expected: Expected
    got: Array

    def __getitem__(self, trait: str) -> Array:
        if trait in self.expected.traits:
            return self.expected.traits[trait]
        is_other = np.zeros(self.got.shape, bool)
        for other in self.expected.instead[trait]:
            is_other |= other.beyond(self.got) == 0.0
        return is_other

    def __contains__(self, trait: object) -> bool:
        return trait in self.expected.traits or trait in self.expected.instead

    def __iter__(self) -> Iterator[str]:
        return iter({**self.expected.traits, **self.expected.instead})

    def __len__(self) -> int:
        return len(self.expected.traits.keys() | self.expected.instead.keys())


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """`inputs` are fed, `constants` are initializers of the graph; `expected` has the outputs by name, in order.

    `traits` are of the example as a whole ("empty", "k_zero").
    """

    nodes: tuple[Node, ...]
    inputs: Mapping[str, Array]
    constants: Mapping[str, Array]
    expected: Mapping[str, Expected]
    traits: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        """Short: hypothesis writes the representation of what fails, and arrays take longer than the engine does."""
        return f"Example({', '.join(node.operator for node in self.nodes)}; {self.elements} elements)"

    @property
    def elements(self) -> int:
        """Elements of its outputs that the specification says something of."""
        return sum(expected.elements for expected in self.expected.values())
