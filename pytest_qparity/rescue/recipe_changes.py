"""What a recipe can do otherwise before a node is given up: every product still runs quantized."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from pytest_qparity.precision.calibration.cutting import cuts_peaks
from pytest_qparity.precision.choosing import PERCENTILE
from pytest_qparity.precision.table import method_of

if TYPE_CHECKING:
    from pytest_qparity.case.precision_spec import PrecisionSpec

__all__ = ["balancing_changes", "dynamic_changes", "recipe_changes"]

Changes = tuple[tuple[str, str | float | None], ...]
STRENGTH = 0.5  # of the migration: the value of the paper for most models
DYNAMIC = frozenset({"int8", "uint8"})  # precisions whose activations ONNX Runtime can quantize at run time
OF_STATIC = (  # keys that `recipe = "dynamic"` does not have
    "activation",
    "bias",
    "bias_correction",
    "calibration",
    "format",
    "percentile",
    "ranges",
    "symmetric",
    "target",
    "types",
)
METHODS = ("entropy", "mse", "minmax", "percentile")


def recipe_changes(base: str, stated: PrecisionSpec, notes: Iterable[str] = ()) -> Iterator[Changes]:
    """Keys of the precision's table with other values, those that most often help first. None for a given file, a
    command, and ranges that come from a file: what they hold is somebody else's choice.

    notes: of the variant as it is. Where they say that its ranges cut peaks off, the method that cuts none is first.
    """
    method = method_of(base, stated)
    if method == "static" and stated.ranges is None:
        granularity: Changes = (("granularity", None),) if stated.granularity == "tensor" else ()
        if granularity:
            yield granularity
        default = "minmax" if base in ("int16",) or base.startswith("fp8") else "percentile"
        now = stated.calibration or ("percentile" if stated.percentile is not None else default)
        methods = sorted(METHODS, key=lambda name: name != "minmax") if cuts_peaks(notes) else METHODS
        for calibration in methods:
            cut = calibration == now == "percentile" and (stated.percentile or PERCENTILE) < PERCENTILE
            if calibration != now or cut:
                yield (*granularity, ("calibration", calibration), ("percentile", None))
    elif method == "dynamic" and stated.granularity in (None, "tensor"):
        yield (("granularity", "channel"),)
    elif method == "weight-only" and stated.algorithm == "rtn" and stated.format == "qdq":
        yield (("algorithm", "mse"),)
        if (stated.block or 32) > 16:
            yield ("algorithm", "mse"), ("block", 16)


def balancing_changes(base: str, stated: PrecisionSpec) -> Iterator[Changes]:
    """Keys that leave types and methods as they are: each is tried on top of the nearest recipe so far. What a stated
    file of ranges stands beside, is another model's."""
    method = method_of(base, stated)
    if stated.ranges is not None:
        return
    if method == "static" and stated.format == "qdq" and not stated.bias_correction:
        yield (("bias_correction", True),)
    if method in ("static", "dynamic") and not stated.equalize:
        yield (("equalize", True),)
    if method in ("static", "dynamic", "weight-only") and stated.smooth is None:
        yield (("smooth", STRENGTH),)


def dynamic_changes(base: str, stated: PrecisionSpec, backend: str) -> Iterator[Changes]:
    """Ranges of activations from each call, one scale for each weight, then for each of its channels. On ONNX Runtime's
    CPU alone, which has the kernels (MatMulInteger, ConvInteger). The last to be tried: a call is slower, and what a
    sample gives depends on those that are beside it in the batch."""
    if method_of(base, stated) != "static" or base not in DYNAMIC or backend != "ort":
        return
    gone: Changes = tuple((key, None) for key in OF_STATIC if key in stated.model_fields_set)
    dynamic: Changes = (("recipe", "dynamic"), *gone)
    if stated.granularity != "channel":
        yield dynamic
    yield dynamic if stated.granularity == "channel" else (*dynamic, ("granularity", "channel"))
