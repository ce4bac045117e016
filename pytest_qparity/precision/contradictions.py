"""What a precision's table says that cannot hold: keys without an effect, values that its recipe does not have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_qparity.case.plan_file import is_plan
from pytest_qparity.precision.table import FLOATS, PRECISIONS, method_of

if TYPE_CHECKING:
    from pytest_qparity.case.precision_spec import PrecisionSpec

__all__ = ["Contradiction", "contradictions"]

# What a case may say beside each method; everything else there would have no effect.
_COMMON = frozenset({"base", "recipe", "caught_by", "min_quantized"})
_NODES = frozenset({"keep_float", "only", "edges_float"})
_EXTEND = frozenset({"extend"})
_BALANCE = frozenset({"equalize", "smooth", "smooth_mul"})
_KEYS: Mapping[str, frozenset[str]] = {
    "float-model": _COMMON,
    "given": _COMMON | {"file", "keep_float", "weights"},
    "command": _COMMON | {"command", "command_version", "maker", "weights"},
    "cast": _COMMON | _NODES,
    "static": _COMMON
    | _NODES
    | _EXTEND
    | {
        "activation",
        "bias",
        "bias_correction",
        "calibration",
        "equalize",
        "format",
        "granularity",
        "percentile",
        "ranges",
        "reduce_range",
        "smooth",
        "smooth_mul",
        "symmetric",
        "target",
        "types",
        "weight",
    },
    "dynamic": _COMMON | _NODES | _EXTEND | _BALANCE | {"granularity", "operators", "reduce_range", "weight"},
    "weight-only": _COMMON | _NODES | _EXTEND | _BALANCE | {"algorithm", "block", "format", "symmetric", "weight"},
    "block": _COMMON | _NODES | _EXTEND | {"scale_rule"},
}
_METHODS: Mapping[str, tuple[str, ...]] = {  # by the method of the table: those a case may choose
    "float-model": ("float-model",),
    "cast": ("cast",),
    "static": ("static",),
    "weight-only": ("weight-only",),
    "block": ("block",),
}
_DYNAMIC = frozenset({"int8", "uint8"})  # precisions whose activations ONNX Runtime quantizes at run time
_WEIGHTS: Mapping[str, tuple[str, ...]] = {  # element types that a precision's weights may have, its default first
    "int16": ("int8", "int16"),
    "int8": ("int8", "uint8"),
    "uint8": ("uint8", "int8"),
}
_ACTIVATIONS: Mapping[str, tuple[str, ...]] = {
    "int16": ("int16", "uint16"),
    "int8": ("int8", "uint8"),
    "uint8": ("uint8",),
}


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A key of a precision's table that cannot hold: what it is, what it should be, what to do."""

    key: str
    got: str
    should: str
    remedy: str


def contradictions(base: str, spec: PrecisionSpec) -> Iterator[Contradiction]:
    """Keys that a precision's table has and its recipe does not take; values that the precision does not have."""
    method = method_of(base, spec)
    possible = _possible(base)
    if spec.recipe is not None and spec.recipe not in possible:
        named = " or ".join(f'"{each}"' for each in possible)
        yield Contradiction("recipe", f'"{spec.recipe}"', f"{named} for {base}", "remove recipe, or name another base")
        return
    for key in sorted(spec.model_fields_set - _KEYS[method]):
        takers = [f'"{each}"' for each in possible if key in _KEYS[each]]
        instead = f"say recipe = {' or '.join(takers)}, or " if takers else ""
        yield Contradiction(
            key, f"{key} beside {_named(method)}", "none: it would have no effect", f"{instead}remove {key}"
        )
    for key, table in (("weight", _WEIGHTS), ("activation", _ACTIVATIONS)):
        value = getattr(spec, key)
        types = table.get(base, ())
        if value is not None and key in _KEYS[method] and value not in types:
            should = " or ".join(f'"{each}"' for each in types) or "left out"
            yield Contradiction(key, f'"{value}"', f"{should} for {base}", f"correct {key}, or name another base")
    yield from _without_effect(base, method, spec)
    if spec.percentile is not None and spec.calibration not in (None, "percentile") and method == "static":
        yield Contradiction(
            "percentile",
            f'percentile beside calibration = "{spec.calibration}"',
            'none, or calibration = "percentile"',
            'say calibration = "percentile", or remove percentile',
        )
    for key in ("calibration", "percentile"):
        if spec.ranges is not None and key in spec.model_fields_set:
            yield Contradiction(
                "ranges", f"ranges beside {key}", "one of both: ranges take its place", "remove one of them"
            )
    yield from _of_balance(spec)
    if spec.reduce_range and (spec.weight or PRECISIONS[base].made.weight) not in ("int8", "uint8", None):
        yield Contradiction("reduce_range", "true", "false: weights have no 8 bits", "remove reduce_range")


def _of_balance(spec: PrecisionSpec) -> Iterator[Contradiction]:
    """What rewrites the float model leaves no tensor the range that it had."""
    for key in ("equalize", "smooth"):
        if spec.ranges is not None and getattr(spec, key) not in (False, None):
            should = "one of both: tensors of the rewritten model have other ranges, and are calibrated"
            yield Contradiction("ranges", f"ranges beside {key}", should, "remove one of them")
    if spec.smooth_mul and spec.smooth is None:
        got, should = "smooth_mul without smooth", "smooth beside it: alone it has no effect"
        yield Contradiction("smooth_mul", got, should, "say smooth = 0.5, or remove smooth_mul")


_QOPERATOR = frozenset({"int8", "uint8"})  # of ONNX Runtime's quantizer


def _without_effect(base: str, method: str, spec: PrecisionSpec) -> Iterator[Contradiction]:
    """Values that each are possible, and not together."""
    if method == "given" and spec.keep_float and (is_plan(str(spec.file)) or base in FLOATS):
        what = "a built engine" if is_plan(str(spec.file)) else f"a file of {base}"
        should = "none: nodes are float again where Q/DQ nodes stand before them"
        yield Contradiction("keep_float", f"keep_float beside {what}", should, "remove keep_float")
    if method == "static" and spec.format == "qoperator":
        if base not in _QOPERATOR:
            yield Contradiction("format", f'"qoperator" for {base}', '"qdq"', "remove format: operators take 8 bits")
        if spec.target in ("trt", "openvino"):
            got, should = f'"{spec.target}" beside format = "qoperator"', '"ort", "any" or "backend"'
            yield Contradiction("target", got, should, "remove format: these engines take Q/DQ nodes alone")
        for key in sorted({"types", "bias", "bias_correction"} & spec.model_fields_set):
            yield Contradiction(
                key, f'{key} beside format = "qoperator"', "none: it would have no effect", f"remove {key}"
            )
    if method == "weight-only":
        packed = spec.format == "qoperator"
        if spec.algorithm == "mse" and packed:
            yield Contradiction("algorithm", '"mse" beside format = "qoperator"', 'format = "qdq"', "remove format")
        if packed and spec.block is not None and spec.block & (spec.block - 1):
            should = "a power of two: MatMulNBits has no other blocks"
            yield Contradiction(
                "block", f'{spec.block} beside format = "qoperator"', should, "remove format, or correct block"
            )
        if spec.algorithm in ("hqq", "gptq") and not packed:
            got = f'"{spec.algorithm}" beside format = "qdq"'
            yield Contradiction("algorithm", got, 'format = "qoperator"', 'say format = "qoperator"')
        if spec.algorithm in ("hqq", "gptq") and spec.symmetric is not None:
            got = f'symmetric beside algorithm = "{spec.algorithm}"'
            yield Contradiction("symmetric", got, "none: it would have no effect", "remove symmetric")
    if method == "static" and base.startswith("fp8") and spec.symmetric is False:
        yield Contradiction("symmetric", "false", "left out: float8 has no zero points", "remove symmetric")
    if method == "static" and base.startswith("fp8") and spec.bias == "int32":
        yield Contradiction("bias", '"int32"', '"float": sums of float8 products are floats', "remove bias")
    if method == "block" and base == "nvfp4" and spec.scale_rule is not None:
        got = f'"{spec.scale_rule}"'
        yield Contradiction("scale_rule", got, "left out: scales of nvfp4 are float8", "remove scale_rule")
    if method == "static" and spec.target == "trt":
        yield from _refused_by_tensorrt(base, spec)


def _refused_by_tensorrt(base: str, spec: PrecisionSpec) -> Iterator[Contradiction]:
    """What TensorRT's importer does not take, where the case asks for its placement."""
    remedy = 'remove it, or say target = "any"'
    if base in ("uint8", "int16"):
        yield Contradiction("target", f'"trt" for {base}', "another: TensorRT takes int8 alone", "name another target")
    if spec.symmetric is False:
        yield Contradiction("symmetric", 'false beside target = "trt"', "true: zero points are 0", remedy)
    if spec.bias == "int32":
        yield Contradiction("bias", '"int32" beside target = "trt"', '"float"', remedy)
    unsigned = {spec.activation, spec.weight, *spec.types.values()} - {None, "int8"}
    if unsigned and base == "int8":
        key = (
            "types"
            if set(spec.types.values()) & unsigned
            else "activation"
            if spec.activation in unsigned
            else "weight"
        )
        yield Contradiction(key, f'"{min(map(str, unsigned))}" beside target = "trt"', '"int8"', remedy)


def _possible(base: str) -> tuple[str, ...]:
    possible = _METHODS[PRECISIONS[base].made.method]
    return (*possible, "dynamic") if base in _DYNAMIC else possible


def _named(method: str) -> str:
    return {"float-model": "the float model itself", "given": "file", "command": "command"}.get(
        method, f'recipe = "{method}"'
    )
