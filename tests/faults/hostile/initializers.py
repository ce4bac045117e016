"""Weights whose bytes are not what their header says."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto

from tests.faults.hostile.building import BOOL, FLOAT, INT8, added, array, ints, model, node, to_float
from tests.faults.hostile.entry import of_model

_entry = partial(of_model, "initializers")
_INFINITY = float("inf")
_NAN = float("nan")


def _add(data_type: int = FLOAT, dims: tuple[int, ...] = (4,), **held: Any) -> ModelProto:
    return added(TensorProto(name="w", data_type=data_type, dims=dims, **held))


def _add_cast(data_type: int, dims: tuple[int, ...] = (4,), **held: Any) -> ModelProto:
    """x + float(w): what the types between declare is right, only w's bytes are not."""
    weight = TensorProto(name="w", data_type=data_type, dims=dims, **held)
    return model([node("Cast", "w", "w_float", to=FLOAT), node("Add", "x w_float", "y")], weight)


def _dequantized(weight: TensorProto) -> ModelProto:
    return model(
        [node("DequantizeLinear", "w scale", "v"), node("Add", "x v", "y")], weight, array("scale", 0.5), opset=25
    )


def _four_bit(data_type: int, count: int, held: int) -> ModelProto:
    """`count` four-bit values in `held` bytes, where two should share one."""
    return _dequantized(TensorProto(name="w", data_type=data_type, dims=(count,), raw_data=bytes([0x71] * held)))


def _matmul(values: list[float]) -> ModelProto:
    return model([node("MatMul", "x w", "y")], array("w", np.resize(values, (4, 4))))


def _boolean(*raw: int) -> ModelProto:
    """Where picks by a condition whose bytes are neither 0 nor 1."""
    condition = TensorProto(name="condition", data_type=BOOL, dims=(4,), raw_data=bytes(raw))
    return model([node("Where", "condition x zero", "y")], condition, array("zero", [0.0] * 4))


def _string_scale() -> ModelProto:
    return model(
        [node("QuantizeLinear", "x scale", "q"), to_float("q")],
        TensorProto(name="scale", data_type=TensorProto.STRING, string_data=[b"0.5"]),
    )


def _segment() -> ModelProto:
    weight = array("w", [1.0] * 4)
    weight.segment.begin, weight.segment.end = 0, 1 << 40
    return added(weight)


DATA = (
    _entry("raw-absent", "w (4) holds no data.", _add),
    _entry("raw-short", "w (4) holds 15 bytes.", lambda: _add(raw_data=bytes(15))),
    _entry("raw-one-byte", "w (4) holds 1 byte.", lambda: _add(raw_data=b"\1")),
    _entry("raw-long", "w (4) holds 17 bytes.", lambda: _add(raw_data=bytes(17))),
    _entry("raw-much-longer", "w (4) holds 64,000 bytes.", lambda: _add(raw_data=bytes(64_000))),
    _entry("float-data-short", "w (4) holds 3 floats.", lambda: _add(float_data=[1.0] * 3)),
    _entry("float-data-long", "w (4) holds 9 floats.", lambda: _add(float_data=[1.0] * 9)),
    _entry(
        "data-twice",
        "w holds raw data and float_data, which differ.",
        lambda: _add(raw_data=bytes(16), float_data=[1.0] * 4),
    ),
    _entry("data-of-another-field", "w is float and holds int64_data.", lambda: _add(int64_data=[1] * 4)),
    _entry("data-of-int32-field", "w is float and holds int32_data.", lambda: _add(int32_data=[1] * 4)),
    _entry("data-segment", "w says that it is a segment of 2⁴⁰ values.", _segment),
    _entry(
        "data-int8-out-of-range",
        "w is int8 and holds 300 and −300.",
        lambda: _add_cast(INT8, int32_data=[300, -300, 1, 1]),
    ),
    _entry(
        "data-float16-negative",
        "w is float16 and int32_data holds −1.",
        lambda: _add_cast(TensorProto.FLOAT16, int32_data=[-1] * 4),
    ),
    _entry("data-bool-2", "A bool tensor's bytes are 2, 255, 0, 1.", lambda: _boolean(2, 255, 0, 1)),
    _entry("data-nan", "The weights are NaN.", lambda: _matmul([_NAN])),
    _entry("data-one-nan", "One weight in 16 is NaN.", lambda: _matmul([_NAN, *[1.0] * 15])),
    _entry("data-infinite", "One weight is +∞ and one −∞.", lambda: _matmul([_INFINITY, -_INFINITY, 1.0, 1.0])),
    _entry("data-denormal", "The weights are 10⁻⁴⁰.", lambda: _matmul([1e-40])),
    _entry("data-overflowing", "The weights are 3·10³⁸.", lambda: _matmul([3e38])),
)

TYPES = (
    _entry("type-undefined", "w is of type UNDEFINED.", lambda: _add(0, raw_data=bytes(16))),
    _entry("type-999", "w is of type 999.", lambda: _add(999, raw_data=bytes(16))),
    _entry("type-negative", "w is of type −1.", lambda: _add(-1, raw_data=bytes(16))),
    _entry("type-int64", "x float + w int64.", lambda: added(ints("w", 1, 1, 1, 1))),
    _entry("type-double", "x float + w double.", lambda: added(array("w", [1.0] * 4, np.float64))),
    _entry("type-string-raw", "w holds strings as raw data.", lambda: _add(TensorProto.STRING, raw_data=b"abcd")),
    _entry("type-string", "x + strings.", lambda: _add(TensorProto.STRING, string_data=[b"a"] * 4)),
    _entry(
        "type-string-invalid-utf8",
        "w holds strings that are no UTF-8, cast to float.",
        lambda: _add_cast(TensorProto.STRING, string_data=[b"\xff\xfe"] * 4),
    ),
    _entry(
        "type-string-no-number",
        "w holds strings that are no numbers, cast to float.",
        lambda: _add_cast(TensorProto.STRING, string_data=[b"1e999", b"", b"nine", b"0x1p-2"]),
    ),
    _entry("type-string-scale", "The scale is a string.", _string_scale),
    _entry("type-complex", "x + complex.", lambda: _add(TensorProto.COMPLEX64, raw_data=bytes(32))),
    _entry(
        "type-complex-cast", "complex128 cast to float.", lambda: _add_cast(TensorProto.COMPLEX128, raw_data=bytes(64))
    ),
    _entry(
        "type-bfloat16-short",
        "w is bfloat16 (4) and holds 7 bytes.",
        lambda: _add_cast(TensorProto.BFLOAT16, raw_data=bytes(7)),
    ),
    _entry(
        "type-float8-short",
        "w is float8 (4) and holds 3 bytes.",
        lambda: _add_cast(TensorProto.FLOAT8E4M3FN, raw_data=bytes(3)),
    ),
    _entry(
        "int4-odd-count",
        "int4 (3) does not fit x (1, 4), and its last byte is half full.",
        lambda: _four_bit(TensorProto.INT4, 3, 2),
    ),
    _entry("int4-byte-each", "int4 (4) in 4 bytes: one a value.", lambda: _four_bit(TensorProto.INT4, 4, 4)),
    _entry("int4-short", "int4 (4) in 1 byte.", lambda: _four_bit(TensorProto.INT4, 4, 1)),
    _entry("uint4-absent", "uint4 (4) without data.", lambda: _four_bit(TensorProto.UINT4, 4, 0)),
    _entry("int4-huge", "int4 (2⁴⁰) in 2 bytes.", lambda: _four_bit(TensorProto.INT4, 1 << 40, 2)),
    _entry("fp4-byte-each", "float4e2m1 (4) in 4 bytes: one a value.", lambda: _four_bit(TensorProto.FLOAT4E2M1, 4, 4)),
    _entry("int2-short", "int2 (8) in 1 byte.", lambda: _four_bit(TensorProto.INT2, 8, 1)),
)

ENTRIES = (*DATA, *TYPES)
