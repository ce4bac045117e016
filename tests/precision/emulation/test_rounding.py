"""Rounding by float32 operators is that of quantmath, on every engine here, bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from hypothesis import HealthCheck, given, settings

from pytest_qparity.precision.emulation import rounding
from pytest_qparity.precision.emulation.emitter import Emitter
from pytest_qparity.quantmath import blocks, e8m0, floats, strategies
from pytest_qparity.quantmath.blocks import ScaleRule
from pytest_qparity.quantmath.floats import FloatFormat, Saturation
from tests.precision.emulation.models import ENGINES, Array, Run, differing

PROFILE = settings(
    max_examples=30, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
LENGTH = 256
Make = Callable[[Emitter, ir.Value], ir.Value]

SIGNED = [format_ for format_ in floats.FLOAT_FORMATS.values() if format_.signed]
CASES = [
    pytest.param(format_, saturation, id=f"{format_.name}-{saturation.name}")
    for format_ in SIGNED
    for saturation in (Saturation if format_.bits == 8 else [Saturation.ON])
]
SMALLEST_NORMAL = np.float32(2.0**-126)


def fragment(make: Make) -> onnx.ModelProto:
    """x → what `make` makes of it → y."""
    x = ir.Value(name="x", type=ir.TensorType(ir.DataType.FLOAT), shape=ir.Shape(["n"]))
    identity = ir.node("Identity", [x])
    identity.outputs[0].name = "y"
    identity.outputs[0].dtype, identity.outputs[0].shape = ir.DataType.FLOAT, ir.Shape(["n"])
    graph = ir.Graph([x], identity.outputs, nodes=[identity], opset_imports={"": 17}, name="fragment")
    model = ir.Model(graph, ir_version=10)
    emit = Emitter(model)
    made = make(emit, x)
    emit.place(identity)
    identity.replace_input_with(0, made)
    proto = ir.to_proto(model)
    onnx.checker.check_model(proto, full_check=True)
    return proto


@cache
def session(engine: str, format_: FloatFormat, saturation: Saturation) -> Run:
    return ENGINES[engine](fragment(lambda emit, x: rounding.round_to(emit, x, format_, saturation)))


def expected(x: Array, format_: FloatFormat, saturation: Saturation) -> Array:
    """quantmath's values; NaN where the format has none to keep it, for which quantmath has no answer."""
    if format_.nan != "none":
        return floats.cast(x, format_, saturation).astype(np.float32)
    known = floats.cast(np.where(np.isnan(x), np.float32(0), x), format_, saturation).astype(np.float32)
    return np.where(np.isnan(x), x, known)


def without_subnormals(engine: str, x: Array) -> Array:
    """OpenVINO's products flush subnormal results to zero: not all of them, so nothing is said of these inputs."""
    return np.where(np.abs(x) < SMALLEST_NORMAL, np.float32(0), x) if engine == "openvino" else x


def every_binade() -> Array:
    """Powers of two, their neighbours, halves between bfloat16 neighbours and what is next to them, both signs."""
    powers = np.exp2(np.arange(-149, 128.0)).astype(np.float32)
    codes = np.arange(0x8000, 0x7F80_0000, 0x1_0000, dtype=np.uint32).view(np.float32)
    around = [np.nextafter(each, np.float32(end)) for each in (powers, codes) for end in (0.0, np.inf)]
    values = np.concatenate(
        [powers, codes, *around, np.float32([0, np.inf, np.nan, 464, 65519.996, 65520, 3.4028235e38])]
    )
    return np.concatenate([values, -values])


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("format_", "saturation"), CASES)
def test_rounding_is_quantmaths_in_every_binade(engine: str, format_: FloatFormat, saturation: Saturation) -> None:
    x = without_subnormals(engine, every_binade())

    (got,) = session(engine, format_, saturation)({"x": x})

    wrong = differing(got, expected(x, format_, saturation))
    assert not wrong.any(), f"{x[wrong][:3]} gave {got[wrong][:3]}"


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("format_", "saturation"), CASES)
def test_rounding_is_quantmaths_for_what_is_drawn(engine: str, format_: FloatFormat, saturation: Saturation) -> None:
    run = session(engine, format_, saturation)

    @PROFILE
    @given(strategies.format_tensors(format_, shape=(LENGTH,)))
    def check(drawn: Array) -> None:
        x = without_subnormals(engine, drawn)
        (got,) = run({"x": x})
        wrong = differing(got, expected(x, format_, saturation))
        assert not wrong.any(), f"{x[wrong][:3]} gave {got[wrong][:3]}"

    check()


@pytest.mark.parametrize("engine", ENGINES)
def test_tf32_keeps_ten_bits_of_the_mantissa(engine: str) -> None:
    x = without_subnormals(engine, every_binade())
    bits = x.view(np.uint32).astype(np.uint64)
    to_even = ((bits + 0xFFF + ((bits >> 13) & 1)) >> 13 << 13).astype(np.uint32).view(np.float32)

    (got,) = ENGINES[engine](fragment(lambda emit, value: rounding.round_to(emit, value, rounding.TF32)))({"x": x})

    assert not differing(got, np.where(np.isnan(x), x, to_even)).any()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("saturation", Saturation)
@pytest.mark.parametrize("direction", e8m0.Rounding)
def test_casts_to_e8m0_are_quantmaths(engine: str, saturation: Saturation, direction: e8m0.Rounding) -> None:
    x = without_subnormals(engine, np.abs(every_binade()))
    run = ENGINES[engine](fragment(lambda emit, value: rounding.cast_to_e8m0(emit, value, direction, saturation)))

    (got,) = run({"x": x})

    assert not differing(got, e8m0.cast(x, direction, saturation).astype(np.float32)).any()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("rule", ScaleRule)
@pytest.mark.parametrize("element", blocks.MX_FORMATS, ids=lambda element: element.name)
def test_mx_scales_are_quantmaths(engine: str, rule: ScaleRule, element: FloatFormat) -> None:
    x = without_subnormals(engine, np.abs(every_binade()))
    x = x[np.isfinite(x)]
    run = ENGINES[engine](fragment(lambda emit, value: rounding.mx_scale(emit, value, element, rule)))

    (got,) = run({"x": x})

    assert not differing(got, blocks.mx_scale(x, element, rule).astype(np.float32)).any()


@pytest.mark.parametrize("format_", [each for each in SIGNED if each.bits <= 8], ids=lambda each: each.name)
def test_a_fragment_takes_no_logarithm_and_no_table(format_: FloatFormat) -> None:
    model = fragment(lambda emit, x: rounding.round_to(emit, x, format_))

    assert {node.op_type for node in model.graph.node} <= {
        *("Abs", "Add", "Cast", "Clip", "Div", "Equal", "Identity", "Max", "Mul", "ReduceSum", "Round", "Sub")
    }
