"""From what a case says of a precision to the recipe that makes it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

from pytest_qparity.case.plan_file import is_plan
from pytest_qparity.precision.recipes import (
    BlockRecipe,
    CastRecipe,
    DynamicRecipe,
    Recipe,
    StaticRecipe,
    WeightOnlyRecipe,
)
from pytest_qparity.precision.table import PRECISIONS, method_of

if TYPE_CHECKING:
    from pytest_qparity.case.precision_spec import PrecisionSpec
    from pytest_qparity.precision.calibration.method import MethodName

__all__ = ["activation_of", "is_emulated", "recipe_for", "target_of"]

PERCENTILE = 99.999  # never below min-max, to 5.9 dB above (docs/calibration.md, "Which method"); ONNX Runtime's own


def is_emulated(base: str, spec: PrecisionSpec, emulated: Collection[str]) -> bool:
    """Whether a backend that does not compute in the `emulated` precisions lowers the variant: of one of them, or made
    with an element type of one. A built engine computes in what it was built for."""
    if spec.file is not None and is_plan(spec.file):
        return False
    stated = {spec.activation, spec.weight, *spec.types.values()}
    return base in emulated or ("int16" in emulated and bool(stated & {"int16", "uint16"}))


def target_of(spec: PrecisionSpec, family: str) -> str:
    """The engine that the file is made for; `family`: the one whose rules the backend follows."""
    return family if spec.target == "backend" else spec.target


def activation_of(base: str, spec: PrecisionSpec, family: str) -> str:
    """The element type of activations of a static recipe, where `types` says nothing of a node."""
    from pytest_qparity.precision.placement.targets import TARGETS

    return spec.activation or PRECISIONS[base].made.activation or TARGETS[target_of(spec, family)].activation


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


_WHOLE_BLOCKS = frozenset({"openvino", "trt"})  # families of engines that take no shorter block at the end of an axis
_Pairs = tuple[tuple[str, str], ...]


def _cast(base: str, spec: PrecisionSpec, _: str, keep_float: tuple[str, ...], __: _Pairs, ___: str | None) -> Recipe:
    return CastRecipe(keep_float, to=base)


def _static(
    base: str, spec: PrecisionSpec, family: str, keep_float: tuple[str, ...], types: _Pairs, ranges: str | None
) -> Recipe:
    from pytest_qparity.precision.placement.targets import TARGETS

    made = PRECISIONS[base].made
    target = TARGETS[target_of(spec, family)]
    activation = activation_of(base, spec, family)
    # No engine that wants zero points of 0 takes 16 bits: where they are free, what a Relu gives has all levels, and no
    # optimizer can take the Relu for redundant.
    fits = target.symmetric and "16" not in activation
    symmetric = fits if spec.symmetric is None else spec.symmetric
    bias = spec.bias or ("int32" if target.integer_bias and not activation.startswith("float") else "float")
    calibration: MethodName = (
        "given" if ranges is not None else _calibration(spec, {activation, *(name for _, name in types)})
    )
    percentile = (spec.percentile or PERCENTILE) if calibration == "percentile" else None
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
        calibration=calibration,
        percentile=percentile,
        ranges=ranges,
        format=spec.format,
        equalize=spec.equalize,
        smooth=spec.smooth,
        smooth_mul=spec.smooth_mul,
        bias_correction=spec.bias_correction,
        extend=spec.extend,
    )


def _calibration(spec: PrecisionSpec, activations: Collection[str]) -> MethodName:
    """Outliers cost 8-bit integers their resolution; 16 bits and float8 have enough of it, and lose by a cut alone."""
    if spec.calibration is not None:
        return spec.calibration
    return "percentile" if spec.percentile is not None or not any(map(_is_wide, activations)) else "minmax"


def _is_wide(element: str) -> bool:
    return "16" in element or element.startswith("float")


def _dynamic(
    base: str, spec: PrecisionSpec, _: str, keep_float: tuple[str, ...], __: _Pairs, ___: str | None
) -> Recipe:
    return DynamicRecipe(
        keep_float,
        weight=spec.weight or "uint8",
        operators=spec.operators or ("Conv", "MatMul"),
        granularity=spec.granularity or "tensor",
        weight_bits=7 if spec.reduce_range else 8,
        equalize=spec.equalize,
        smooth=spec.smooth,
        smooth_mul=spec.smooth_mul,
        extend=spec.extend,
    )


def _weight_only(
    base: str, spec: PrecisionSpec, family: str, keep_float: tuple[str, ...], _: _Pairs, __: str | None
) -> Recipe:
    made = PRECISIONS[base].made
    return WeightOnlyRecipe(
        keep_float,
        weight=str(made.weight),
        block=spec.block or made.block or 32,
        symmetric=_symmetric_weights(base, spec),
        algorithm=spec.algorithm,
        format=spec.format,
        whole_blocks=spec.format == "qdq" and family in _WHOLE_BLOCKS,
        equalize=spec.equalize,
        smooth=spec.smooth,
        smooth_mul=spec.smooth_mul,
        extend=spec.extend,
    )


def _symmetric_weights(base: str, spec: PrecisionSpec) -> bool:
    """hqq and gptq have zero points."""
    if spec.algorithm in ("hqq", "gptq"):
        return False
    return base == "int4" if spec.symmetric is None else spec.symmetric


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
