"""Recipes: how variants are made, as values. Imports nothing that opens a model.

A field that changes the file must be in its recipe: the cache knows recipes by their fields. `keep_float` and `types`
hold names of nodes, resolved from the patterns of the case; with `extend` the model may be quantized already. `version`
is raised when the code makes another file from the same fields.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pytest_qparity.precision.balancing.balance import Balance

if TYPE_CHECKING:
    from pytest_qparity.precision.calibration.method import MethodName

__all__ = [
    "BlockRecipe",
    "CastRecipe",
    "CommandRecipe",
    "DynamicRecipe",
    "MixedRecipe",
    "Recipe",
    "StaticRecipe",
    "WeightOnlyRecipe",
    "as_json",
    "balance_of",
    "give_it",
    "is_calibrated",
    "recipe_of",
]


@dataclass(frozen=True, slots=True)
class CastRecipe:
    """A typed graph of 16-bit floats whose inputs and outputs stay float32.

    In fp16, weights above `largest` are clipped to it (attention masks of −3.4e38 are), those nearer to zero than
    `smallest`, a float16 subnormal, are raised to it: no weight changes its sign or becomes infinite or zero. In bf16,
    which has float32's exponents, they are rounded to nearest, and to no infinity.
    """

    keep_float: tuple[str, ...]
    to: str = "fp16"
    smallest: float = 5.96e-8
    largest: float = 65504.0
    interface: str = "float32"
    method: str = "cast"
    version: int = 3


@dataclass(frozen=True, slots=True)
class StaticRecipe:
    """Weights and activations quantized with ranges that calibration found.

    `activation`, `weight`: element types. `types`: (node, activation type) where it is another. `symmetric`: zero
    points of activations are 0. `granularity` of weights: "channel" or "tensor". `bias`: "int32" or "float".
    `calibration`: the method, `percentile` its share in percent; `ranges`: SHA-256 of the file they come from instead.
    `format`: "qdq" or "qoperator". `weight_bits`: 7 where `reduce_range` leaves room for sums in 16 bits.
    `equalize`, `smooth`, `smooth_mul`: what is done to the float model before (`Balance`); `bias_correction`: whether
    means go into biases after.
    """

    keep_float: tuple[str, ...]
    target: str
    activation: str
    weight: str
    symmetric: bool
    types: tuple[tuple[str, str], ...] = ()
    granularity: str = "channel"
    bias: str = "float"
    weight_bits: int = 8
    calibration: MethodName = "minmax"
    percentile: float | None = None
    ranges: str | None = None
    format: str = "qdq"
    equalize: bool = False
    smooth: float | None = None
    smooth_mul: bool = False
    bias_correction: bool = False
    extend: bool = False
    method: str = "static"
    version: int = 6


@dataclass(frozen=True, slots=True)
class DynamicRecipe:
    """Weights quantized ahead, activations at run time with the range of each batch, by ONNX Runtime's quantizer."""

    keep_float: tuple[str, ...]
    weight: str = "uint8"
    operators: tuple[str, ...] = ("Conv", "MatMul")
    granularity: str = "tensor"
    weight_bits: int = 8
    equalize: bool = False
    smooth: float | None = None
    smooth_mul: bool = False
    extend: bool = False
    method: str = "dynamic"
    version: int = 4


@dataclass(frozen=True, slots=True)
class WeightOnlyRecipe:
    """Weights of products in blocks along the axis of summation, activations float.

    `algorithm`: "rtn" (round to nearest), "mse" (the clipping of least squared error, block by block), "hqq"
    (ONNX Runtime's) or "gptq". `format`: "qdq" (DequantizeLinear, opset 21) or "qoperator" (com.microsoft MatMulNBits).
    `symmetric`: no zero points; those of hqq and gptq have some. `whole_blocks`: the engine takes no shorter block at
    the end of an axis.
    """

    keep_float: tuple[str, ...]
    weight: str
    block: int = 32
    symmetric: bool = True
    algorithm: str = "rtn"
    format: str = "qdq"
    whole_blocks: bool = False
    equalize: bool = False
    smooth: float | None = None
    smooth_mul: bool = False
    extend: bool = False
    method: str = "weight-only"
    version: int = 4

    @property
    def is_packed(self) -> bool:
        """Whether its weights are packed for ONNX Runtime's MatMulNBits."""
        return self.format == "qoperator" or self.algorithm in ("hqq", "gptq")


@dataclass(frozen=True, slots=True)
class BlockRecipe:
    """Microscaling: weights in blocks ahead, activations in blocks at run time, by TensorRT's dynamic quantization.

    `activation`: None where activations stay float. `scale`: the type of the blocks' scales. `scale_rule`: how a power
    of two is chosen ("floor" as OCP MX v1.0, "up").
    """

    keep_float: tuple[str, ...]
    activation: str | None
    weight: str
    block: int
    scale: str
    scale_rule: str = "floor"
    extend: bool = False
    method: str = "block"
    version: int = 2


@dataclass(frozen=True, slots=True)
class MixedRecipe:
    """A given file in which the nodes `keep_float` are float again. `file`: its SHA-256, external data included."""

    keep_float: tuple[str, ...]
    file: str
    method: str = "mixed"
    version: int = 1


@dataclass(frozen=True, slots=True)
class CommandRecipe:
    """A maker from outside, in its own environment: its command line, and what it says of its version.

    `folder`: where it runs. `files`: (word, SHA-256) of each word of the command that is a file from there, as its
    scripts are; what these read in turn is not known. `maker`: the "module:function" that the command calls, where
    it is one; `files` are then the code of its package and what is installed.
    """

    command: tuple[str, ...]
    stated_version: str
    folder: str
    files: tuple[tuple[str, str], ...] = ()
    method: str = "command"
    version: int = 1
    maker: str = ""

    @property
    def who(self) -> str:
        """What messages call it."""
        return self.maker or self.command[0]

    @property
    def is_calibrated(self) -> bool:
        return any("{calibration}" in word for word in self.command)


Recipe = CastRecipe | StaticRecipe | DynamicRecipe | WeightOnlyRecipe | BlockRecipe | MixedRecipe
_KINDS: dict[str, type[Recipe]] = {
    "cast": CastRecipe,
    "static": StaticRecipe,
    "dynamic": DynamicRecipe,
    "weight-only": WeightOnlyRecipe,
    "block": BlockRecipe,
    "mixed": MixedRecipe,
}


def is_calibrated(recipe: Recipe) -> bool:
    """Whether it needs calibration data."""
    if isinstance(recipe, StaticRecipe):
        return recipe.ranges is None or recipe.bias_correction
    if isinstance(recipe, BlockRecipe):
        return recipe.activation is not None and recipe.scale != "float8e8m0"
    if balance_of(recipe).changes_model:
        return True
    return isinstance(recipe, WeightOnlyRecipe) and recipe.algorithm == "gptq"


def balance_of(recipe: Recipe) -> Balance:
    """What is done to the float model before it is quantized: to be found, or checked, with calibration data."""
    if isinstance(recipe, StaticRecipe | DynamicRecipe | WeightOnlyRecipe):
        return Balance(recipe.equalize, recipe.smooth, recipe.smooth_mul)
    return Balance()


def as_json(recipe: Recipe | CommandRecipe) -> dict[str, Any]:
    """The recipe in plain JSON values; `recipe_of` gives it back."""
    return {name: _plain(value) for name, value in asdict(recipe).items()}


def recipe_of(stated: dict[str, Any]) -> Recipe:
    return _KINDS[stated["method"]](**{name: _frozen(value) for name, value in stated.items()})


def _plain(value: Any) -> Any:
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


def _frozen(value: Any) -> Any:
    return tuple(_frozen(each) for each in value) if isinstance(value, list) else value


def give_it(precision: str) -> str:
    """The way out where no recipe makes it."""
    return f'make the file yourself and give it: [precisions.{precision}] file = "…"'
