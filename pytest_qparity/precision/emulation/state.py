"""What a lowering knows while it goes through a model: which types are emulated, and which values hold them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import onnx_ir as ir

from pytest_qparity.precision.emulation.constants import constant_of
from pytest_qparity.precision.emulation.emitter import Emitter, attributes_of
from pytest_qparity.precision.emulation.layouts import Grouping
from pytest_qparity.quantmath import floats, integers

STANDARD = ("", "ai.onnx")
QUANTIZERS = (*STANDARD, "com.microsoft", "trt")

COMPUTED = frozenset({ir.DataType.BFLOAT16, ir.DataType.FLOAT16})
# Types that carry other data than quantized tensors too, such as pictures: only what a quantizer made is emulated.
SHARED = frozenset(
    {ir.DataType.INT8, ir.DataType.UINT8, ir.DataType.INT16, ir.DataType.UINT16, ir.DataType.INT32, ir.DataType.UINT32}
)
_FORMATS = {ir.DataType[name.upper()]: format_ for name, format_ in floats.FLOAT_FORMATS.items() if "6" not in name[:6]}
FORMATS = {
    **_FORMATS,
    ir.DataType.FLOAT16: floats.FP16,
    ir.DataType.BFLOAT16: floats.BF16,
}
INTEGERS = {ir.DataType[name.upper()]: type_ for name, type_ in integers.INTEGER_TYPES.items()}


@dataclass(slots=True)
class State:
    """`emulates` tells types that are emulated, `blocked` those emulated where their scales are blocked.

    A value that is held has its ONNX type still, as long as the lowering runs, but is a float32 tensor of the values
    of its codes: 2.0 for the int4 code 2, 0.5 for the float4e2m1 code 1. `counts`: lowered nodes by type.
    """

    emit: Emitter
    emulates: Callable[[ir.DataType], bool]
    blocked: frozenset[ir.DataType]
    counts: Counter[str] = field(default_factory=Counter)
    _held: set[ir.Value] = field(default_factory=set)

    def is_held(self, value: ir.Value | None) -> bool:
        if value is None or value.dtype is None or not self.emulates(value.dtype):
            return False
        return value.dtype not in SHARED or value in self._held

    def hold(self, value: ir.Value, dtype: ir.DataType) -> ir.Value:
        value.dtype = dtype
        self._held.add(value)
        return value

    def count(self, dtype: ir.DataType) -> None:
        self.counts[dtype.name.lower()] += 1

    def as_float(self, value: ir.Value) -> ir.Value:
        """`value` in float32: itself where it is held, or float32 already."""
        if self.is_held(value) or value.dtype in (ir.DataType.FLOAT, None):
            return value
        constant = constant_of(value)
        if constant is not None and constant.dtype.kind in "iufV":
            return self.emit.constant(constant.astype("float32"))
        return self.emit.op("Cast", value, to=ir.DataType.FLOAT, shape=value.shape)

    def as_type(self, values: ir.Value, dtype: ir.DataType) -> ir.Value:
        """float32 `values` of a type: held where that is emulated, otherwise cast to it, which is exact."""
        if self.emulates(dtype):
            return self.hold(values, dtype)
        if dtype == ir.DataType.FLOAT:
            return values
        return self.emit.op("Cast", values, to=dtype, dtype=dtype, shape=values.shape)


def grouping_of(node: ir.Node) -> Grouping:
    attributes = attributes_of(node)
    return Grouping(attributes.get("axis", 1), attributes.get("block_size", 0))


def input_of(node: ir.Node, index: int) -> ir.Value | None:
    return node.inputs[index] if index < len(node.inputs) else None
