"""What the operators' strategies share: how types reach an engine that takes only some, and traits of elements."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np
from hypothesis import strategies as st

from pytest_qparity.checks.conformance.example import Array, Example, Expected, Node
from pytest_qparity.checks.conformance.rounding import float_spacing
from pytest_qparity.quantmath import floats, strategies
from pytest_qparity.quantmath import layout as layouts
from pytest_qparity.quantmath.layout import Blocked, Layout, PerAxis, PerTensor

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_qparity.quantmath.integers import IntegerType
    from pytest_qparity.quantmath.strategies import Quantization

__all__ = [
    "FLOATS",
    "KINDS",
    "WITHOUT_CHANGE",
    "Graph",
    "element_traits",
    "floats_expected",
    "integers_expected",
    "layout_attributes",
    "scales_between",
    "shape_traits",
    "subnormal_traits",
    "types_at",
]

FLOATS: Mapping[str, np.dtype[Any]] = {
    "fp32": np.dtype(np.float32),
    "fp16": np.dtype(np.float16),
    "bf16": np.dtype(ml_dtypes.bfloat16),
}
KINDS: Mapping[str, type[Layout]] = {"per_tensor": PerTensor, "per_axis": PerAxis, "blocked": Blocked}
# Opsets at which QuantizeLinear and DequantizeLinear are those of a lower one: engines choose a kernel by version.
WITHOUT_CHANGE = (15, 18, 20, 22)
_OVERFLOW = 2.0**31


class Graph:
    """Nodes in the making. Engines take and give NumPy's own types; every other type crosses the border inside the
    graph: float types as float32 (of which each of them is a part), integers of fewer than 8 bits as 8 bits."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.inputs: dict[str, Array] = {}
        self.constants: dict[str, Array] = {}
        self.expected: dict[str, Expected] = {}

    def node(self, operator: str, inputs: tuple[str, ...], output: str, domain: str = "", **attributes: Any) -> str:
        self.nodes.append(Node(operator, inputs, (output,), attributes, domain))
        return output

    def feed(self, name: str, array: Array) -> str:
        """An input of the graph; of a type that NumPy lacks, its values as float32 and a Cast behind."""
        if array.dtype.isbuiltin == 1:
            self.inputs[name] = array
            return name
        self.inputs[f"{name}_fed"] = array.astype(np.float32)
        return self.cast(f"{name}_fed", array.dtype, name)

    def constant(self, name: str, array: Array) -> str:
        self.constants[name] = array
        return name

    def cast(self, name: str, dtype: np.dtype[Any], output: str, **attributes: Any) -> str:
        from onnx import helper

        return self.node("Cast", (name,), output, to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), **attributes)

    def output(self, name: str, expected: Expected) -> None:
        """An output of the graph; of a type that NumPy lacks, cast to one that holds all of its values."""
        if expected.dtype.isbuiltin != 1:
            wide = _wide(expected.dtype)
            name = self.cast(name, wide, f"{name}_wide")
            instead = {
                trait: tuple(replace(other, dtype=wide) for other in others)
                for trait, others in expected.instead.items()
            }
            expected = replace(expected, dtype=wide, instead=instead)
        self.expected[name] = expected

    def example(self, *traits: str) -> Example:
        return Example(tuple(self.nodes), self.inputs, self.constants, self.expected, frozenset(traits))


def _wide(dtype: np.dtype[Any]) -> np.dtype[Any]:
    if "float" in dtype.name:
        return np.dtype(np.float32)
    return np.dtype(np.uint8 if dtype.name.startswith("u") else np.int8)


def layout_attributes(layout: Layout) -> dict[str, Any]:
    """The attributes `axis` and `block_size` of QuantizeLinear and DequantizeLinear."""
    if isinstance(layout, Blocked):
        return {"axis": layout.axis, "block_size": layout.block}
    return {"axis": layout.axis} if isinstance(layout, PerAxis) else {}


def integers_expected(
    candidates: list[Array], dtype: np.dtype[Any], traits: Mapping[str, Array], free: Array | None = None
) -> Expected:
    """Integers from the lowest to the highest of the candidates."""
    wide = [candidate.astype(np.float64) for candidate in candidates]
    lowest = np.minimum.reduce(wide)
    return Expected(lowest, np.maximum.reduce(wide), np.ones(lowest.shape), dtype, free, traits=traits)


def floats_expected(
    exact: Array, dtype: np.dtype[Any], traits: Mapping[str, Array], free: Array | None = None
) -> Expected:
    """These values of a float type and no others, zeros with their sign."""
    return Expected(exact, exact, float_spacing(exact, dtype), dtype, free, signed=True, traits=traits)


def element_traits(drawn: Quantization) -> dict[str, Array]:
    """What is special about the elements of a tensor that is to be quantized."""
    shape = drawn.values.shape
    values = drawn.values.astype(np.float64)
    scale = layouts.spread(drawn.scale.astype(np.float64), shape, drawn.layout)
    zero_point = layouts.spread(drawn.zero_point.astype(np.int64), shape, drawn.layout)
    with np.errstate(all="ignore"):
        # A tie is what the type's own division makes one.
        quotient = (drawn.values / scale.astype(drawn.values.dtype)).astype(np.float64)
        exact = values / scale
        return {
            "nan": np.isnan(values),
            "infinite": np.isinf(values),
            "tie": np.abs(quotient - np.floor(quotient)) == 0.5,
            "near_tie": np.abs(np.abs(exact - np.floor(exact)) - 0.5) <= 2.0**-10 * np.maximum(np.abs(exact), 1.0),
            "overflow": np.abs(quotient) >= _OVERFLOW,
            "saturated": (quotient + zero_point < drawn.type.lowest) | (quotient + zero_point > drawn.type.highest),
            "negative": values < 0,
            "zero_point": zero_point != 0,
            "rounding_alone": np.full(shape, bool((scale == 1.0).all() and (zero_point == 0).all())),
        }


def subnormal_traits(values: Array, scale: Array) -> dict[str, Array]:
    """Where what is divided is subnormal in float32, or a scale or its reciprocal is: some engines take these for 0."""
    smallest = float(np.finfo(np.float32).smallest_normal)
    wide, size = scale.astype(np.float64), np.abs(values.astype(np.float64))
    return {
        "extreme_scale": (wide < smallest) | (wide > 1.0 / smallest),
        "subnormal_input": (size > 0.0) & (size < smallest),
    }


def shape_traits(shape: tuple[int, ...], layout: Layout | None = None) -> Iterator[str]:
    """What is special about the whole of an example."""
    if 0 in shape:
        yield "empty"
    if shape == ():
        yield "scalar"
    if isinstance(layout, Blocked):
        if math.prod(layouts.parameter_shape(shape, layout)) == 1:
            yield "one_scale"
        if shape[layout.axis] % layout.block:
            yield "partial_block"


@st.composite
def scales_between(draw: st.DrawFn, named: str, through: np.dtype[Any], shape: tuple[int, ...]) -> Array:
    """Scales of a type of FLOATS, or of float8e8m0, that stay positive and finite where they are rounded to a type."""
    narrow = through == np.float16
    if named == floats.E8M0.name:
        powers = draw(strategies.exponent_scales(shape))
        return np.clip(powers.view(np.uint8), 127 - 14, 127 + 15).view(powers.dtype) if narrow else powers
    dtype = FLOATS[named]
    if not narrow or dtype == through:
        return draw(strategies.scales(dtype, shape))
    scale = draw(strategies.scales(through, shape)).astype(dtype)
    between = draw(st.booleans())  # those of the narrow type, or beside them
    return scale * np.asarray(1.0 + 2.0**-13, dtype) if between else scale


def types_at(opset: int) -> tuple[IntegerType, ...]:
    """Integer types that QuantizeLinear and DequantizeLinear take at an opset. Opset 24 brought no integer type."""
    from pytest_qparity.quantmath.integers import INTEGER_TYPES

    names = ["int8", "uint8"]
    if opset >= 21:
        names += ["int16", "uint16", "int4", "uint4"]
    if opset >= 25:
        names += ["int2", "uint2"]
    return tuple(INTEGER_TYPES[name] for name in names)
