"""Recipes: how variants are made, as values. Imports nothing that opens a model."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class CastRecipe:
    """How an fp16 variant is made. A field that changes the file must be here: the cache knows recipes by their fields.

    Weights above `largest` are clipped to it (attention masks of −3.4e38 are), those nearer to zero than `smallest`, a
    float16 subnormal, are raised to it: no weight changes its sign or becomes infinite or zero.
    """

    keep_float: tuple[str, ...]
    smallest: float = 5.96e-8
    largest: float = 65504.0
    interface: str = "float32"
    method: str = "cast"
    version: int = 1  # raise it when the code below makes another file from the same fields

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"keep_float": list(self.keep_float)}


@dataclass(frozen=True, slots=True)
class IntegerRecipe:
    """How an int8 variant is made. A field that changes the file must be here: the cache knows recipes by their fields.

    "uint8" activations have zero points and int32 biases, as CPU kernels fuse them; "int8" ones are symmetric and
    biases stay float32, since TensorRT takes neither a zero point nor an int32 bias.
    """

    keep_float: tuple[str, ...]
    activation: Literal["uint8", "int8"]
    calibration: Literal["minmax"]
    weight: str = "int8"
    granularity: str = "per-channel"
    format: str = "qdq"
    opset: int = 17  # what a model below PER_CHANNEL_OPSET is converted to first
    method: str = "static"
    version: int = 1  # raise it when the code below makes another file from the same fields

    @property
    def symmetric(self) -> bool:
        return self.activation == "int8"

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"keep_float": list(self.keep_float)}


def give_it(precision: str) -> str:
    """The way out where no recipe makes it."""
    return f'make the file yourself and give it: [precisions.{precision}] file = "…"'
