"""What is lowered gives quantmath's values for every type and layout, on every engine here; altered, it is caught."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from pytest_qparity.precision.emulation import integers, layouts, lowered, rounding
from pytest_qparity.precision.emulation.emitter import Emitter
from pytest_qparity.precision.emulation.layouts import Grouping
from pytest_qparity.quantmath import affine, blocks, floats, strategies
from pytest_qparity.quantmath import layout as layouts_of
from pytest_qparity.quantmath.blocks import ScaleRule
from pytest_qparity.quantmath.floats import E2M1, E4M3FN, FloatFormat
from pytest_qparity.quantmath.integers import INTEGER_TYPES, IntegerType
from pytest_qparity.quantmath.layout import Blocked, PerAxis, PerTensor
from tests.precision.emulation.models import (
    ENGINES,
    FOREIGN,
    TYPES,
    Array,
    differing,
    model,
    on_onnxruntime,
    quantize_dequantize,
)

PROFILE = settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],  # what fails is small as it is, and shrinking it would compile it a thousand times
)
FLOATS = [format_ for format_ in floats.FLOAT_FORMATS.values() if format_.signed and format_.bits in (4, 8)]
INTEGERS = [type_ for type_ in INTEGER_TYPES.values() if type_.bits <= 16]
LAYOUTS = [PerTensor, PerAxis, Blocked]
SMALLEST_NORMAL = np.float32(2.0**-126)


def require_same(engine: str, original: onnx.ModelProto, types: set[int], x: Array, wanted: Array) -> None:
    made, counts = lowered(original, types)
    assert counts
    (got,) = ENGINES[engine](made)({"x": x})
    wrong = differing(got, wanted)
    assert not wrong.any(), f"{x[wrong][:3]} gave {got[wrong][:3]}, should be {wanted[wrong][:3]}"


def for_engine(engine: str, x: Array) -> Array:
    """OpenVINO flushes some subnormals."""
    return np.where(np.abs(x) < SMALLEST_NORMAL, np.float32(0), x) if engine == "openvino" else x


def quotient(engine: str, x: Array, divisor: Array) -> Array:
    """x / divisor in float32. OpenVINO's is x · (1 / divisor), whatever the model does: two roundings."""
    with np.errstate(all="ignore"):
        return x * (np.float32(1) / divisor) if engine == "openvino" else x / divisor


def is_normal(x: Array) -> bool:
    return bool(((x == 0) | (np.abs(x) >= SMALLEST_NORMAL) | np.isnan(x)).all())


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", LAYOUTS)
@pytest.mark.parametrize("type_", INTEGERS, ids=lambda type_: type_.name)
def test_integers_are_quantmaths(engine: str, kind: Any, type_: IntegerType) -> None:
    @PROFILE
    @given(
        strategies.laid_out(kind, None).flatmap(
            lambda drawn: strategies.quantizations(type_, shape=drawn[0], kind=kind, finite=False)
        )
    )
    def check(drawn: strategies.Quantization) -> None:
        x = for_engine(engine, np.where(np.isnan(drawn.values), np.float32(0), drawn.values))
        if x.size == 0:
            return
        original = quantize_dequantize(x.shape, drawn.scale, type_, drawn.layout, drawn.zero_point)
        codes = affine.quantize(x, drawn.scale, drawn.zero_point, type_, drawn.layout)
        if engine == "openvino":
            divided = quotient(engine, x, layouts_of.spread(drawn.scale, x.shape, drawn.layout))
            codes = affine.quantize(divided, np.ones_like(drawn.scale), drawn.zero_point, type_, drawn.layout)
        wanted = affine.dequantize(codes, drawn.scale, drawn.zero_point, drawn.layout)
        require_same(engine, original, {TYPES[type_.name]}, x, wanted)

    check()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", LAYOUTS)
@pytest.mark.parametrize("format_", FLOATS, ids=lambda format_: format_.name)
def test_floats_are_quantmaths(engine: str, kind: Any, format_: FloatFormat) -> None:
    @PROFILE
    @given(st.data())
    def check(data: st.DataObject) -> None:
        shape, layout = data.draw(strategies.laid_out(kind))
        if 0 in shape:
            return
        scale = data.draw(strategies.scales(np.float32, layouts_of.parameter_shape(shape, layout)))
        spread = layouts_of.spread(scale, shape, layout)
        drawn = data.draw(strategies.format_tensors(format_, np.float32, shape, scale=spread))
        x = for_engine(engine, np.where(np.isnan(drawn), np.float32(0), drawn) if format_.nan == "none" else drawn)
        codes = floats.quantize_float(x, scale, format_, layout=layout)
        if engine == "openvino":
            codes = floats.cast(quotient(engine, x, spread), format_)
        wanted = floats.dequantize_float(codes, scale, layout)
        if engine == "openvino" and not is_normal(wanted):
            return
        require_same(engine, quantize_dequantize(shape, scale, format_, layout), {TYPES[format_.name]}, x, wanted)

    check()


def mx(element: FloatFormat, shape: tuple[int | str, ...]) -> onnx.ModelProto:
    """TensorRT's dynamic quantization with power-of-two scales, on the last axis, and its inverse."""
    if element is E4M3FN:
        nodes = [
            helper.make_node(
                "TRT_MXFP8DynamicQuantize", ["x"], ["q", "s"], "quantize", domain=FOREIGN, axis=-1, block_size=32
            ),
            helper.make_node(
                "TRT_MXFP8DequantizeLinear", ["q", "s"], ["y"], "dequantize", domain=FOREIGN, axis=-1, block_size=32
            ),
        ]
        return model(nodes, {"x": (TensorProto.FLOAT, shape)}, {"y": TensorProto.FLOAT}, opset=17)
    types = {"scale_type": TensorProto.FLOAT8E8M0, "output_type": TensorProto.FLOAT4E2M1}
    block_shape = [1] * (len(shape) - 1) + [32]
    nodes = [
        helper.make_node(
            "TRT_DynamicQuantize", ["x"], ["q", "s"], "quantize", domain=FOREIGN, block_shape=block_shape, **types
        ),
        helper.make_node("DequantizeLinear", ["q", "s"], ["y"], "dequantize", axis=-1, block_size=32),
    ]
    return model(nodes, {"x": (TensorProto.FLOAT, shape)}, {"y": TensorProto.FLOAT})


def nvfp4(shape: tuple[int | str, ...], tensor_scale: np.float32, axis: int, opset: int = 23) -> onnx.ModelProto:
    """NVIDIA ModelOpt's export of a dynamic NVFP4 quantizer: the block scales dequantized first."""
    nodes = [
        helper.make_node(
            "TRT_FP4DynamicQuantize", ["x", "t"], ["q", "s"], "quantize", domain=FOREIGN, axis=axis, block_size=16
        ),
        helper.make_node("DequantizeLinear", ["s", "t"], ["scales"], "dequantize_scales"),
        helper.make_node("DequantizeLinear", ["q", "scales"], ["y"], "dequantize", axis=axis, block_size=16),
    ]
    constants = {"t": np.array(tensor_scale, np.float32)}
    return model(nodes, {"x": (TensorProto.FLOAT, shape)}, {"y": TensorProto.FLOAT}, constants, opset)


def nvfp4_expected(engine: str, x: Array, tensor_scale: np.float32, axis: int) -> Array:
    """The definition with each operation in float32, of quantmath's parts; `quantize_nvfp4` divides in float64."""
    factor = np.asarray(tensor_scale, np.float32)
    maximum = np.maximum.reduceat(np.abs(x), np.arange(0, x.shape[axis], 16), axis=axis)
    share = quotient(engine, quotient(engine, maximum, np.float32(6)), factor)
    scale = floats.dequantize_float(floats.cast(share, E4M3FN), factor)
    spread = layouts_of.spread(scale, x.shape, Blocked(axis, 16))
    divided = np.where(spread > 0, quotient(engine, x, np.where(spread > 0, spread, np.float32(1))), x * np.float32(0))
    return floats.dequantize_float(floats.cast(divided, E2M1), np.float32(1)) * spread


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("known", [(2, 3, 64), ("n", 3, 64), ("n", "m", 64)], ids=str)
@pytest.mark.parametrize("element", [E4M3FN, E2M1], ids=lambda element: element.name)
def test_dynamic_mx_is_quantmaths(engine: str, element: FloatFormat, known: tuple[int | str, ...]) -> None:
    types = {TensorProto.FLOAT8E4M3FN, TensorProto.FLOAT4E2M1}

    @PROFILE
    @given(strategies.format_tensors(element, shape=(2, 3, 64)), strategies.scales(shape=(2, 3, 1)))
    def check(drawn: Array, scale: Array) -> None:
        with np.errstate(over="ignore"):
            spread = drawn * scale
        x = for_engine(engine, np.where(np.isfinite(spread), spread, np.float32(1)))
        wanted = blocks.dequantize_mx(blocks.quantize_mx(x, element, ScaleRule.CEIL))
        if engine == "openvino" and not is_normal(wanted):
            return
        require_same(engine, mx(element, known), types, x, wanted)

    check()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("known", "axis"), [((2, 32, 48), -1), ((2, 32, 48), 1), (("n", "m", 48), -1)], ids=str)
def test_dynamic_nvfp4_is_quantmaths_in_float32(engine: str, known: tuple[int | str, ...], axis: int) -> None:
    types = {TensorProto.FLOAT8E4M3FN, TensorProto.FLOAT4E2M1}

    @PROFILE
    @given(strategies.tensors(shape=(64,), finite=True), st.integers(0, 2**32 - 1))
    def check(drawn: Array, seed: int) -> None:
        x = np.random.default_rng(seed).standard_normal((2, 32, 48)).astype(np.float32)
        x.flat[:64] = np.where(np.abs(drawn) < 2.0**40, drawn, np.float32(0))
        x[1, :16, :16] = 0
        x = for_engine(engine, x)
        tensor_scale = blocks.nvfp4_tensor_scale(float(np.abs(x).max()))
        wanted = nvfp4_expected(engine, x, tensor_scale, axis)
        if engine == "openvino" and not is_normal(wanted):
            return
        require_same(engine, nvfp4(known, tensor_scale, axis), types, x, wanted)

    check()


@pytest.mark.parametrize("type_", [INTEGER_TYPES["int8"], INTEGER_TYPES["uint8"]], ids=lambda type_: type_.name)
@pytest.mark.parametrize("kind", [PerTensor, PerAxis])
def test_lowered_int8_is_what_onnxruntimes_own_kernels_give(kind: Any, type_: IntegerType) -> None:
    @PROFILE
    @given(strategies.quantizations(type_, kind=kind, finite=True))
    def check(drawn: strategies.Quantization) -> None:
        if drawn.values.size == 0:
            return
        layout = drawn.layout
        original = quantize_dequantize(drawn.values.shape, drawn.scale, type_, layout, drawn.zero_point)
        original.opset_import[0].version = 19
        del next(node for node in original.graph.node if node.op_type == "QuantizeLinear").attribute[1:]
        made, _ = lowered(original, {TYPES[type_.name]})

        feeds = {"x": drawn.values}
        (native,) = on_onnxruntime(original, optimized=False)(feeds)
        (emulated,) = on_onnxruntime(made, optimized=False)(feeds)

        assert np.array_equal(native, emulated)

    check()


X = np.random.default_rng(5).standard_normal((2, 32, 64)).astype(np.float32) * np.float32(3)
X[0, :, :4] = np.float32([2.5, -0.5, 1.0, 1000.0])  # at scale 1: two ties, a power of two, one to saturate
X[0, :, 4:8] = np.float32([0.125, 1.0625, 4.0, 5.0])  # 1.0625: a tie of E4M3


def _agrees(original: onnx.ModelProto, types: set[int], wanted: Array) -> bool:
    made, _ = lowered(original, types)
    (got,) = on_onnxruntime(made, optimized=False)({"x": X})
    return np.array_equal(got, wanted, equal_nan=True)


def float8_holds() -> bool:
    scale = np.array(1.0, np.float32)
    wanted = floats.dequantize_float(floats.quantize_float(X, scale, E4M3FN), scale)
    return _agrees(quantize_dequantize(X.shape, scale, E4M3FN, PerTensor()), {TYPES["float8e4m3fn"]}, wanted)


def int4_holds() -> bool:
    layout, type_ = Blocked(1, 16), INTEGER_TYPES["int4"]
    scale = np.linspace(0.5, 2, 2 * 2 * 64, dtype=np.float32).reshape(2, 2, 64)
    scale[0, :, :8] = 1
    zero_point = np.full(scale.shape, 1, type_.dtype)
    wanted = affine.dequantize(affine.quantize(X, scale, zero_point, type_, layout), scale, zero_point, layout)
    return _agrees(quantize_dequantize(X.shape, scale, type_, layout, zero_point), {TYPES["int4"]}, wanted)


def mx_holds() -> bool:
    wanted = blocks.dequantize_mx(blocks.quantize_mx(X, E4M3FN, ScaleRule.CEIL))
    return _agrees(mx(E4M3FN, X.shape), {TYPES["float8e4m3fn"]}, wanted)


def _instead_of_round(make: Callable[[Emitter, ir.Value], ir.Value]) -> Callable[..., ir.Value]:
    op = Emitter.op

    def altered(self: Emitter, op_type: str, *inputs: ir.Value | None, **options: Any) -> ir.Value:
        if op_type == "Round":
            assert inputs[0] is not None
            return make(self, inputs[0])
        return op(self, op_type, *inputs, **options)

    return altered


def _half_up(emit: Emitter, x: ir.Value) -> ir.Value:
    return emit.op("Floor", emit.op("Add", x, emit.constant(0.5), shape=x.shape), shape=x.shape)


_BLOCKED = layouts._blocked


def _on_another_axis(emit: Emitter, parameter: ir.Value, like: ir.Value, grouping: Grouping) -> ir.Value:
    spread = emit.op("Transpose", _BLOCKED(emit, parameter, like, grouping), perm=[0, 2, 1])
    return emit.op("Reshape", spread, emit.constant(list(X.shape), np.int64), shape=like.shape)


@pytest.mark.parametrize(
    ("place", "name", "altered", "holds"),
    [
        (Emitter, "op", _instead_of_round(_half_up), float8_holds),
        (Emitter, "op", _instead_of_round(_half_up), int4_holds),
        (Emitter, "op", _instead_of_round(lambda emit, x: emit.op("Floor", x, shape=x.shape)), float8_holds),
        (rounding, "bounded", lambda emit, x, low, high: x, float8_holds),
        (integers, "bounded", lambda emit, x, low, high: x, int4_holds),
        (rounding, "ABOVE", 0.6 * 2.0**-24, float8_holds),
        (rounding, "ABOVE", 2.1 * 2.0**-24, float8_holds),
        (rounding, "MANTISSA_BITS", 22, float8_holds),
        (layouts, "_blocked", _on_another_axis, int4_holds),
        (ScaleRule, "FLOOR", ScaleRule.CEIL, mx_holds),
    ],
    ids=[
        *("half up", "half up, int4", "floor", "no clip", "no clip, int4", "step 0 at powers of two", "step twice"),
        *("one bit less", "wrong block axis", "scales rounded down"),
    ],
)
def test_an_alteration_is_caught(
    monkeypatch: pytest.MonkeyPatch, place: Any, name: str, altered: Any, holds: Callable[[], bool]
) -> None:
    assert holds()

    if place is ScaleRule:
        original = rounding.mx_scale
        monkeypatch.setattr(
            rounding, "mx_scale", lambda emit, x, element, rule: original(emit, x, element, ScaleRule.FLOOR)
        )
    else:
        monkeypatch.setattr(place, name, altered)

    assert not holds()


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
@pytest.mark.parametrize("dtype", [np.float16, floats.BF16.dtype], ids=["float16", "bfloat16"])
@pytest.mark.parametrize("name", ["int4", "int8", "float8e4m3fn", "float8e5m2"])
def test_narrow_scales_divide_in_their_own_precision(engine: str, dtype: Any, name: str) -> None:
    """With float16 and bfloat16 emulated too, so that the file is float32 and fed with what these types hold."""
    type_ = INTEGER_TYPES.get(name) or floats.FLOAT_FORMATS[name]
    narrow = TensorProto.FLOAT16 if dtype is np.float16 else TensorProto.BFLOAT16

    @PROFILE
    @given(st.integers(0, 2**32 - 1))
    def check(seed: int) -> None:
        generator = np.random.default_rng(seed)
        x = (generator.standard_normal((4, 32)) * 8).astype(dtype)
        scale = np.exp2(generator.integers(-3, 3, 4)).astype(dtype)
        if engine != "openvino":  # its quotients are rounded twice
            scale = generator.uniform(0.1, 2, 4).astype(dtype)
        original = quantize_dequantize(x.shape, scale, type_, PerAxis(0))
        for value in (*original.graph.input, *original.graph.output):
            value.type.tensor_type.elem_type = narrow
        if isinstance(type_, FloatFormat):
            codes = floats.quantize_float(x, scale, type_, layout=PerAxis(0))
            wanted = floats.dequantize_float(codes, scale, PerAxis(0))
        else:
            codes = affine.quantize(x, scale, 0, type_, PerAxis(0))
            wanted = affine.dequantize(codes, scale, 0, PerAxis(0))

        made, _ = lowered(original, {TYPES[name], narrow})

        (got,) = ENGINES[engine](made)({"x": x.astype(np.float32)})
        assert np.array_equal(got, wanted.astype(np.float32))

    check()


@pytest.mark.parametrize("engine", ENGINES)
def test_no_code_is_a_negative_zero(engine: str) -> None:
    x = np.array([-0.1, 0.1, -0.0], np.float32)
    original = quantize_dequantize(x.shape, np.array(1, np.float32), INTEGER_TYPES["int8"], PerTensor())

    require_same(engine, original, {TensorProto.INT8}, x, np.zeros(3, np.float32))


@pytest.mark.parametrize("name", ["int4", "float8e4m3fn", "float4e2m1"])
def test_a_float16_graph_stays_one_around_what_is_lowered(name: str) -> None:
    type_ = INTEGER_TYPES.get(name) or floats.FLOAT_FORMATS[name]
    x = (np.random.default_rng(9).standard_normal((4, 32)) * 8).astype(np.float16)
    scale = np.linspace(0.2, 2, 4).astype(np.float16)
    original = quantize_dequantize(x.shape, scale, type_, PerAxis(0))
    for value in (*original.graph.input, *original.graph.output):
        value.type.tensor_type.elem_type = TensorProto.FLOAT16

    made, _ = lowered(original, {TYPES[name]})

    (got,) = on_onnxruntime(made, optimized=True)({"x": x})
    if isinstance(type_, FloatFormat):
        wanted = floats.dequantize_float(floats.quantize_float(x, scale, type_, layout=PerAxis(0)), scale, PerAxis(0))
    else:
        wanted = affine.dequantize(affine.quantize(x, scale, 0, type_, PerAxis(0)), scale, 0, PerAxis(0))
    assert got.dtype == np.float16
    assert np.array_equal(got, wanted)
