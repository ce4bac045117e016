"""The precisions: which are made by a recipe here, and how near to FP32 each is expected to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_qparity.case.precision_spec import PrecisionSpec


@dataclass(frozen=True, slots=True)
class Points:
    """A margin in percentage points, whatever the float model reaches."""

    value: float

    def at(self, float_percent: float) -> float:
        return self.value

    def __str__(self) -> str:
        return f"{self.value:g}"


@dataclass(frozen=True, slots=True)
class Share:
    """A margin as a share, in percent, of what the float model reaches."""

    percent: float

    def at(self, float_percent: float) -> float:
        return self.percent * float_percent / 100.0

    def __str__(self) -> str:
        return f"{self.percent:g} % of FP32"


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What a sound variant keeps: SQNR (dB), cosine, top-1 agreement (0 to 1), and how much accuracy it may lose."""

    sqnr_db: float
    cosine: float
    top1_agreement: float
    margin: Points | Share


@dataclass(frozen=True, slots=True)
class Made:
    """The recipe that makes a precision, and the element types it has where a case says nothing of them.

    `activation` None: what the target takes (`placement.targets`); activations stay float where `method` is
    "weight-only" or "cast". `block`: elements that share a scale, along the axis of summation.
    """

    method: str
    activation: str | None = None
    weight: str | None = None
    block: int | None = None


@dataclass(frozen=True, slots=True)
class Precision:
    """A precision by name, and how it is made.

    `implausible_sqnr_db`: at and above it outputs are not those of the precision. A cast of Gaussian data alone leaves
    41 dB in 8 bits and 20 dB in 4; 90 dB leave room for models of which little is quantized.
    """

    name: str
    made: Made
    tolerance: Tolerance
    transformer_tolerance: Tolerance | None = None
    implausible_sqnr_db: float | None = None


IMPLAUSIBLE = 90.0
HALVES = frozenset({"fp16", "bf16"})
FLOATS = HALVES | {"fp32", "tf32"}  # of these nothing runs quantized

_FP8 = Tolerance(20.0, 0.995, 0.98, Points(0.5))
_INT8 = Tolerance(20.0, 0.995, 0.97, Points(0.5))
_INT8_TRANSFORMER = Tolerance(15.0, 0.984, 0.96, Share(1.0))
_INT4 = Tolerance(13.0, 0.975, 0.95, Share(1.0))
_FP4 = Tolerance(10.0, 0.953, 0.92, Share(2.0))

_TABLE = (
    Precision("fp32", Made("float-model"), Tolerance(80.0, 0.999999, 1.0, Points(0.1))),
    # No type of a file: engines round float32 operands of products to 10 bits where they are allowed to.
    Precision("tf32", Made("float-model"), Tolerance(60.0, 0.99999, 0.998, Points(0.1))),
    Precision("fp16", Made("cast"), Tolerance(50.0, 0.9999, 0.995, Points(0.2))),
    Precision("bf16", Made("cast"), Tolerance(34.0, 0.9995, 0.99, Points(0.3))),
    Precision("int16", Made("static", "int16", "int8"), Tolerance(40.0, 0.9999, 0.995, Points(0.2))),
    Precision("int8", Made("static", None, "int8"), _INT8, _INT8_TRANSFORMER, IMPLAUSIBLE),
    Precision("uint8", Made("static", "uint8", "uint8"), _INT8, _INT8_TRANSFORMER, IMPLAUSIBLE),
    Precision("fp8", Made("static", "float8e4m3fn", "float8e4m3fn"), _FP8, implausible_sqnr_db=IMPLAUSIBLE),
    Precision("fp8-e4m3", Made("static", "float8e4m3fn", "float8e4m3fn"), _FP8, implausible_sqnr_db=IMPLAUSIBLE),
    Precision("fp8-e5m2", Made("static", "float8e5m2", "float8e5m2"), _FP8, implausible_sqnr_db=IMPLAUSIBLE),
    Precision("mxfp8", Made("block", "float8e4m3fn", "float8e4m3fn", 32), _FP8, implausible_sqnr_db=IMPLAUSIBLE),
    Precision("int4", Made("weight-only", None, "int4", 32), _INT4, implausible_sqnr_db=IMPLAUSIBLE),
    Precision("uint4", Made("weight-only", None, "uint4", 32), _INT4, implausible_sqnr_db=IMPLAUSIBLE),
    Precision("nvfp4", Made("block", "float4e2m1", "float4e2m1", 16), _FP4, implausible_sqnr_db=IMPLAUSIBLE),
    Precision("mxfp4", Made("block", None, "float4e2m1", 32), _FP4, implausible_sqnr_db=IMPLAUSIBLE),
)

PRECISIONS: Mapping[str, Precision] = MappingProxyType({precision.name: precision for precision in _TABLE})


def base_of(name: str, declared_base: str | None) -> str | None:
    """The precision that a case's name stands for: the declared base, else the longest known name that it is or that
    stands before one of its "-".

    None where that is no known precision.
    """
    if declared_base is not None:
        return declared_base if declared_base in PRECISIONS else None
    parts = name.split("-")
    stems = ("-".join(parts[:count]) for count in range(len(parts), 0, -1))
    return next((stem for stem in stems if stem in PRECISIONS), None)


def method_of(base: str, spec: PrecisionSpec) -> str:
    """How the variant comes to be: given, made by a command from outside, or by a recipe."""
    if spec.file is not None:
        return "given"
    if spec.command is not None or spec.maker is not None:
        return "command"
    return spec.recipe or PRECISIONS[base].made.method
