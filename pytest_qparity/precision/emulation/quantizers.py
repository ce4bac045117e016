"""QuantizeLinear, DequantizeLinear and Cast as float32 operators."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from pytest_qparity.precision.emulation import constants, integers, layouts, rounding
from pytest_qparity.precision.emulation.constants import constant_of
from pytest_qparity.precision.emulation.emitter import attributes_of, refused
from pytest_qparity.precision.emulation.inference import quantized_type
from pytest_qparity.precision.emulation.state import COMPUTED, FORMATS, INTEGERS, State, grouping_of, input_of
from pytest_qparity.quantmath.e8m0 import Rounding
from pytest_qparity.quantmath.floats import E8M0, Saturation

if TYPE_CHECKING:
    from pytest_qparity.precision.emulation.emitter import Array

FLOAT = ir.DataType.FLOAT
WIDE = (FLOAT, *COMPUTED)


def concerns(state: State, node: ir.Node) -> bool:
    """Whether a Q/DQ node has to be lowered: its type, its scale's, or that of its input or output is emulated."""
    type_, scale = quantized_type(node), input_of(node, 1)
    if type_ is None or scale is None:
        return False
    if state.emulates(type_) or (type_ in state.blocked and layouts.is_blocked(scale, grouping_of(node))):
        return True
    return any(state.is_held(value) for value in (*node.inputs[:2], *node.outputs))


def lower_quantize(state: State, node: ir.Node) -> ir.Value:
    """The codes' values for x: as `quantmath.affine.quantize` and `quantmath.floats.quantize_float` have them."""
    x, scale = node.inputs[0], node.inputs[1]
    type_ = quantized_type(node)
    assert x is not None
    assert scale is not None
    assert type_ is not None
    state.count(type_)
    precision = _division_type(state, node, x, scale)
    folded = _folded_codes(state, node, type_, precision)
    if folded is not None:
        return state.as_type(state.emit.constant(folded), type_)

    real = state.as_float(x)
    if precision != FLOAT and x.dtype != precision:
        real = rounding.round_to(state.emit, real, FORMATS[precision])
    divisor = layouts.spread(state.emit, state.emit.opaque(state.as_float(scale)), real, grouping_of(node))
    quotient = state.emit.op("Div", real, divisor, shape=real.shape)
    if precision != FLOAT:
        quotient = rounding.round_to(state.emit, quotient, FORMATS[precision])
    return state.as_type(_nearest_codes(state, node, quotient, real, type_), type_)


def lower_dequantize(state: State, node: ir.Node) -> ir.Value:
    """(code − zero_point) · scale, rounded to the scale's type and then to the output's, where that is another."""
    code, scale = node.inputs[0], node.inputs[1]
    assert code is not None
    assert scale is not None
    type_ = quantized_type(node)
    assert type_ is not None
    state.count(type_)
    output = _output_type(node, scale)
    folded = _folded_values(state, node, output)
    if folded is not None:
        return folded

    values = state.as_float(code)
    factor = layouts.spread(state.emit, state.emit.opaque(state.as_float(scale)), values, grouping_of(node))
    zero_point = _zero_point(state, node, values, type_)
    product = integers.values(state.emit, values, factor, zero_point)
    if state.emulates(output):
        product = rounding.round_to(state.emit, product, FORMATS[output])
    return state.as_type(product, output)


def lower_cast(state: State, node: ir.Node, to: ir.DataType) -> ir.Value:
    """Cast to or from an emulated type: `quantmath.floats.cast`, `quantmath.e8m0.cast`; from it, the value."""
    x = node.inputs[0]
    assert x is not None
    state.count(to if state.emulates(to) else x.dtype or to)
    real = state.as_float(x)
    if to in INTEGERS and state.emulates(to) and x.dtype != to:
        raise refused(f"Cast {node.name!r} to {to.name}", "a QuantizeLinear")
    if x.dtype == to or not state.emulates(to):
        if to != FLOAT:
            return state.as_type(state.emit.op("Identity", real, shape=real.shape), to)
        return state.emit.op("Identity", real, shape=real.shape)
    attributes = attributes_of(node)
    saturation = Saturation(attributes.get("saturate", 1))
    if FORMATS[to] is E8M0:
        rounded = rounding.cast_to_e8m0(state.emit, real, Rounding(attributes.get("round_mode", "up")), saturation)
    else:
        rounded = rounding.round_to(state.emit, real, FORMATS[to], saturation)
    return state.as_type(rounded, to)


def _nearest_codes(state: State, node: ir.Node, quotient: ir.Value, x: ir.Value, type_: ir.DataType) -> ir.Value:
    zero_point = _zero_point(state, node, x, type_)
    if type_ in FORMATS:
        return rounding.round_to(
            state.emit, quotient, FORMATS[type_], Saturation(attributes_of(node).get("saturate", 1))
        )
    return integers.codes(state.emit, quotient, zero_point, INTEGERS[type_])


def _division_type(state: State, node: ir.Node, x: ir.Value, scale: ir.Value) -> ir.DataType:
    """In what type x / scale is rounded: `precision`, else the scale's, else (power-of-two scales) that of x."""
    stated = ir.DataType(attributes_of(node).get("precision", 0))
    by_scale = scale.dtype if scale.dtype in WIDE else x.dtype
    type_ = stated if stated != ir.DataType.UNDEFINED else by_scale or FLOAT
    if type_ not in WIDE:
        type_ = FLOAT if type_ in INTEGERS else type_
    if type_ not in WIDE or (x.dtype == ir.DataType.DOUBLE):
        raise refused(f"{type_.name} in {node.op_type} {node.name!r}", "float32, float16 or bfloat16")
    return type_


def _output_type(node: ir.Node, scale: ir.Value) -> ir.DataType:
    stated = ir.DataType(attributes_of(node).get("output_dtype", 0))
    known = node.outputs[0].dtype
    if stated == ir.DataType.UNDEFINED:
        stated = scale.dtype if scale.dtype in WIDE else known or FLOAT
    if stated not in WIDE:
        raise refused(f"{stated.name} from {node.op_type} {node.name!r}", "float32, float16 or bfloat16")
    return stated


def _zero_point(state: State, node: ir.Node, like: ir.Value, type_: ir.DataType) -> ir.Value | None:
    zero_point = input_of(node, 2)
    if zero_point is None:
        return None
    constant = constant_of(zero_point)
    if constant is not None and not np.any(constant.astype(np.float32)):
        return None
    if type_ in FORMATS:
        raise refused(f"a zero point of {type_.name} in {node.op_type} {node.name!r}", "constant 0")
    if INTEGERS[type_].bits > integers.EXACT_BITS:
        raise refused(f"{type_.name} in {node.op_type} {node.name!r}", f"of at most {integers.EXACT_BITS} bits")
    known = state.as_float(zero_point) if constant is None else state.emit.constant(constant.astype(np.float32))
    return layouts.spread(state.emit, known, like, grouping_of(node))


def _folded_codes(state: State, node: ir.Node, type_: ir.DataType, precision: ir.DataType) -> Array | None:
    """The codes of a constant, in float32; None where something is no constant, or quantmath has no answer."""
    known = [constant_of(value) for value in node.inputs[:3]]
    if known[0] is None or known[1] is None or (len(known) > 2 and node.inputs[2] is not None and known[2] is None):
        return None
    to = FORMATS.get(type_) or INTEGERS[type_]
    x = known[0].astype(precision.numpy())
    scale = known[1].astype(precision.numpy())
    zero_point = known[2] if len(known) > 2 else None
    saturation = Saturation(attributes_of(node).get("saturate", 1))
    try:
        codes = constants.quantized(x, scale, zero_point, to, saturation, grouping_of(node))
    except ValueError:
        return None
    return constants.values_of(codes)


def _folded_values(state: State, node: ir.Node, output: ir.DataType) -> ir.Value | None:
    """An initializer with the values of constant codes; the same one where two nodes dequantize alike."""
    known = [constant_of(value) for value in node.inputs[:3]]
    if known[0] is None or known[1] is None or (len(known) > 2 and node.inputs[2] is not None and known[2] is None):
        return None
    if known[0].dtype == np.float32:  # already the values of codes
        return None
    zero_point = known[2] if len(known) > 2 else None
    try:
        values = constants.dequantized(known[0], known[1], zero_point, grouping_of(node), output)
    except ValueError as error:
        raise refused(f"{error} in {node.op_type} {node.name!r}", "what quantmath dequantizes") from error
    if state.emulates(output):
        values = values.astype(np.float32)
    folded = state.emit.constant(values, values.dtype)
    if state.emulates(output):
        state.hold(folded, output)
    return folded
