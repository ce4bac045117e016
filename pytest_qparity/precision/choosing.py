"""From what a case says of a precision to the recipe that makes it: defaults, and what contradicts itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_qparity.precision.recipes import (
    BlockRecipe,
    CastRecipe,
    DynamicRecipe,
    Recipe,
    StaticRecipe,
    WeightOnlyRecipe,
)
from pytest_qparity.precision.table import PRECISIONS

if TYPE_CHECKING:
    from pytest_qparity.case.precision_spec import PrecisionSpec

__all__ = ["Contradiction", "contradictions", "method_of", "recipe_for", "target_of"]

# What a case may say beside each method; everything else there would have no effect.
_COMMON = frozenset({"base", "recipe", "caught_by", "min_quantized"})
_NODES = frozenset({"keep_float", "only", "edges_float"})
_EXTEND = frozenset({"extend"})
_KEYS: Mapping[str, frozenset[str]] = {
    "float-model": _COMMON,
    "given": _COMMON | {"file"},
    "command": _COMMON | {"command", "command_version"},
    "cast": _COMMON | _NODES,
    "static": _COMMON
    | _NODES
    | _EXTEND
    | {
        "activation",
        "bias",
        "calibration",
        "format",
        "granularity",
        "percentile",
        "ranges",
        "reduce_range",
        "symmetric",
        "target",
        "types",
        "weight",
    },
    "dynamic": _COMMON | _NODES | _EXTEND | {"granularity", "operators", "reduce_range", "weight"},
    "weight-only": _COMMON | _NODES | _EXTEND | {"algorithm", "block", "format", "symmetric", "weight"},
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


def method_of(base: str, spec: PrecisionSpec) -> str:
    """How the variant comes to be: given, made by a command from outside, or by a recipe."""
    if spec.file is not None:
        return "given"
    if spec.command is not None:
        return "command"
    return spec.recipe or PRECISIONS[base].made.method


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
    if spec.percentile is not None and spec.calibration != "percentile" and method == "static":
        yield Contradiction(
            "percentile",
            f'percentile beside calibration = "{spec.calibration}"',
            'none, or calibration = "percentile"',
            'say calibration = "percentile", or remove percentile',
        )
    if spec.ranges is not None and "calibration" in spec.model_fields_set:
        yield Contradiction(
            "ranges", "ranges beside calibration", "one of both: ranges take its place", "remove one of them"
        )
    if spec.reduce_range and (spec.weight or PRECISIONS[base].made.weight) not in ("int8", "uint8", None):
        yield Contradiction("reduce_range", "true", "false: weights have no 8 bits", "remove reduce_range")


def _possible(base: str) -> tuple[str, ...]:
    possible = _METHODS[PRECISIONS[base].made.method]
    return (*possible, "dynamic") if base in _DYNAMIC else possible


def _named(method: str) -> str:
    return {"float-model": "the float model itself", "given": "file", "command": "command"}.get(
        method, f'recipe = "{method}"'
    )


def target_of(spec: PrecisionSpec, family: str) -> str:
    """The engine that the file is made for; `family`: the one whose rules the backend follows."""
    return family if spec.target == "backend" else spec.target


def recipe_for(
    base: str,
    spec: PrecisionSpec,
    family: str,
    keep_float: tuple[str, ...],
    types: tuple[tuple[str, str], ...] = (),
    ranges: str | None = None,
) -> Recipe:
    """The recipe of a variant that is made here. `keep_float`, `types`: names of nodes; `ranges`: a file's SHA-256."""
    return _MAKERS[method_of(base, spec)](base, spec, family, keep_float, types, ranges)


_Pairs = tuple[tuple[str, str], ...]


def _cast(base: str, spec: PrecisionSpec, _: str, keep_float: tuple[str, ...], __: _Pairs, ___: str | None) -> Recipe:
    return CastRecipe(keep_float, to=base)


def _static(
    base: str, spec: PrecisionSpec, family: str, keep_float: tuple[str, ...], types: _Pairs, ranges: str | None
) -> Recipe:
    from pytest_qparity.precision.placement.targets import TARGETS

    made = PRECISIONS[base].made
    target = TARGETS[target_of(spec, family)]
    activation = spec.activation or made.activation or target.activation
    # No engine that wants zero points of 0 takes 16 bits: where they are free, what a Relu gives has all levels, and no
    # optimizer can take the Relu for redundant.
    fits = target.symmetric and "16" not in activation
    symmetric = fits if spec.symmetric is None else spec.symmetric
    bias = spec.bias or ("int32" if target.integer_bias and not activation.startswith("float") else "float")
    percentile = (spec.percentile or 99.99) if spec.calibration == "percentile" else None
    return StaticRecipe(
        keep_float,
        target=target.name,
        activation=activation,
        weight=spec.weight or made.weight or "int8",
        symmetric=symmetric or activation.startswith("float"),
        types=types,
        granularity=spec.granularity or "channel",
        bias=bias,
        weight_bits=7 if spec.reduce_range else 8,
        calibration=spec.calibration,
        percentile=percentile,
        ranges=ranges,
        format=spec.format,
        extend=spec.extend,
    )


def _dynamic(
    base: str, spec: PrecisionSpec, _: str, keep_float: tuple[str, ...], __: _Pairs, ___: str | None
) -> Recipe:
    return DynamicRecipe(
        keep_float,
        weight=spec.weight or "uint8",
        operators=spec.operators or ("Conv", "MatMul"),
        granularity=spec.granularity or "tensor",
        weight_bits=7 if spec.reduce_range else 8,
        extend=spec.extend,
    )


def _weight_only(
    base: str, spec: PrecisionSpec, _: str, keep_float: tuple[str, ...], __: _Pairs, ___: str | None
) -> Recipe:
    made = PRECISIONS[base].made
    return WeightOnlyRecipe(
        keep_float,
        weight=str(made.weight),
        block=spec.block or made.block or 32,
        symmetric=base == "int4" if spec.symmetric is None else spec.symmetric,
        algorithm=spec.algorithm,
        format=spec.format,
        extend=spec.extend,
    )


def _block(base: str, spec: PrecisionSpec, _: str, keep_float: tuple[str, ...], __: _Pairs, ___: str | None) -> Recipe:
    made = PRECISIONS[base].made
    return BlockRecipe(
        keep_float,
        activation=made.activation,
        weight=str(made.weight),
        block=made.block or 32,
        scale="float8e4m3fn" if base == "nvfp4" else "float8e8m0",
        # Both sides of a product alike: dynamic quantization of MXFP8 rounds up, so that nothing saturates.
        scale_rule=spec.scale_rule or ("up" if base == "mxfp8" else "floor"),
        extend=spec.extend,
    )


_MAKERS: Mapping[str, Callable[..., Recipe]] = {
    "cast": _cast,
    "static": _static,
    "dynamic": _dynamic,
    "weight-only": _weight_only,
    "block": _block,
}
