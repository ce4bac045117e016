"""ONNX's own expected outputs of Cast, QuantizeLinear and DequantizeLinear with small floats, bit for bit."""

from __future__ import annotations

import functools
import warnings

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from pytest_qparity.quantmath import e8m0, floats
from pytest_qparity.quantmath.layout import Blocked, PerAxis, PerTensor

FORMATS = {f.dtype: f for f in floats.FLOAT_FORMATS.values()}

# What ONNX publishes and the reference does not give: the element, by its flat index, with the reason.
DEVIATIONS = {
    # NaN has no code; ml_dtypes, which made the expected output, casts it to −0. The specification says nothing.
    "test_cast_FLOAT_to_FLOAT4E2M1": {8},
    "test_cast_FLOAT16_to_FLOAT4E2M1": {8},
    "test_castlike_FLOAT_to_FLOAT4E2M1": {8},
    "test_castlike_FLOAT16_to_FLOAT4E2M1": {8},
    # x is −0. The formula adds the zero point, and −0 + 0 is +0; the reference leaves it out and keeps the sign.
    "test_quantizelinear_float4e2m1": {8},
}


@functools.cache
def published():
    """{test name: (node, inputs, outputs)} of all cases with one of our formats on one side of the node."""
    from onnx.backend.test.loader import load_model_tests

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tests = load_model_tests(kind="node")
    found = {}
    for test in tests:
        node = test.model.graph.node[0]
        if node.op_type not in ("Cast", "CastLike", "QuantizeLinear", "DequantizeLinear") or "expanded" in test.name:
            continue
        inputs, outputs = ([as_array(v) for v in values] for values in test.data_sets[0])
        small = [v.dtype in FORMATS for v in (inputs[0], outputs[0])]
        types = (inputs[0].dtype, outputs[0].dtype)
        if any(small) and all(v in FORMATS or v in (np.float32, np.float64) for v in types):
            found[test.name] = (node, inputs, outputs)
    return found


def as_array(value):
    return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else np.asarray(value)


def test_there_are_as_many_published_cases_as_the_installed_onnx_should_have():
    names = published()
    casts = [n for n in names if n.startswith("test_cast_")]
    assert len(casts) >= 30
    assert {"test_quantizelinear_e4m3fn", "test_quantizelinear_e5m2", "test_quantizelinear_float4e2m1"} <= set(names)
    assert {"test_dequantizelinear_e4m3fn", "test_dequantizelinear_float4e2m1"} <= set(names)
    assert set(DEVIATIONS) <= set(names)


def test_the_reference_computes_what_onnx_published():
    failures = []
    for name, (node, inputs, outputs) in published().items():
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        keep = np.ones(inputs[0].size, bool)
        keep[list(DEVIATIONS.get(name, ()))] = False

        result = RUN[node.op_type](inputs, attributes, outputs[0].dtype, keep)

        expected = outputs[0].reshape(-1)[keep]
        if bits(result).tolist() != bits(expected).tolist():
            failures.append((name, result, expected))
    assert not failures


@pytest.mark.parametrize("name", [name for name in DEVIATIONS if "cast" in name])
def test_a_deviation_is_what_the_reference_refuses(name):
    _, inputs, _ = published()[name]
    for index in DEVIATIONS[name]:
        with pytest.raises(ValueError, match="without a code"):
            floats.cast(inputs[0].reshape(-1)[[index]], floats.E2M1)


def test_the_zero_point_of_the_formula_takes_the_sign_of_zero():
    _, inputs, outputs = published()["test_quantizelinear_float4e2m1"]
    (index,) = DEVIATIONS["test_quantizelinear_float4e2m1"]
    x, expected = inputs[0].reshape(-1)[[index]], outputs[0].reshape(-1)[[index]]

    without, with_zero_point = (floats.cast(v, floats.E2M1) for v in (x, x + np.float32(0.0)))

    assert without.view(np.uint8)[0] == 8
    assert with_zero_point.view(np.uint8)[0] == expected.view(np.uint8)[0] == 0


def bits(values):
    """Codes, with all NaNs of one sign as one: payloads of float32 NaNs are nobody's promise."""
    values = (
        np.where(np.isnan(values), np.asarray(np.nan, values.dtype), values) if values.dtype == np.float32 else values
    )
    return values.view(np.dtype(f"u{values.dtype.itemsize}"))


def cast(inputs, attributes, dtype, keep):
    x = inputs[0].reshape(-1)[keep]
    saturation = floats.Saturation(attributes.get("saturate", 1))
    if dtype == floats.E8M0.dtype:
        mode = e8m0.Rounding(attributes.get("round_mode", b"up").decode())
        return e8m0.cast(x, mode, saturation)
    if dtype in FORMATS:
        return floats.cast(x, FORMATS[dtype], saturation)
    decoded = FORMATS[x.dtype].decode(x.view(FORMATS[x.dtype].code_dtype))
    with np.errstate(over="ignore"):
        return decoded.astype(dtype)


def quantize(inputs, attributes, dtype, keep):
    x, scale = inputs[0], inputs[1]
    return floats.quantize_float(
        x, scale, FORMATS[dtype], floats.Saturation(attributes.get("saturate", 1)), layout_of(scale, attributes)
    ).reshape(-1)[keep]


def dequantize(inputs, attributes, dtype, keep):
    return floats.dequantize_float(inputs[0], inputs[1], layout_of(inputs[1], attributes)).reshape(-1)[keep]


def layout_of(scale, attributes):
    if scale.ndim == 0:
        return PerTensor()
    axis = attributes.get("axis", 1)
    return Blocked(axis, attributes["block_size"]) if attributes.get("block_size") else PerAxis(axis)


RUN = {"Cast": cast, "CastLike": cast, "QuantizeLinear": quantize, "DequantizeLinear": dequantize}


# `onnx.numpy_helper.to_float8e8m0` against the table of Cast-24: code that made published outputs, not a specification.
TO_FLOAT8E8M0 = {
    ("up", 1, np.inf): (255, 254),
    ("nearest", 0, 0.0): (0, 255),
    ("nearest", 0, 2.0**-130): (0, 255),
    ("nearest", 0, 1.25 * 2.0**127): (254, 255),
}


@pytest.mark.parametrize("case", TO_FLOAT8E8M0, ids=str)
def test_the_helper_of_onnx_does_not_follow_the_table_of_e8m0(case):
    mode, saturate, value = case
    x = np.array([value], np.float32)

    helper = numpy_helper.to_float8e8m0(x, bool(saturate), mode).view(np.uint8)[0]
    table = e8m0.cast(x, e8m0.Rounding(mode), floats.Saturation(saturate)).view(np.uint8)[0]

    assert (helper, table) == TO_FLOAT8E8M0[case]


@pytest.mark.parametrize("mode", ["up", "down", "nearest"])
def test_the_helper_of_onnx_rounds_normal_values_as_the_reference(mode):
    x = np.arange(0x00800000, 0x7F000000, 40_009, dtype=np.uint32).view(np.float32)
    exact = np.ldexp(np.float32(1.0), np.arange(-126, 127))
    x = np.concatenate([x, exact, exact * np.float32(1.5), np.nextafter(exact, np.float32(np.inf))])

    expected = numpy_helper.to_float8e8m0(x, True, mode).view(np.uint8)

    np.testing.assert_array_equal(e8m0.cast(x, e8m0.Rounding(mode)).view(np.uint8), expected)
