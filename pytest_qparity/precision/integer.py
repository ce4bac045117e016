"""int8: static Q/DQ quantization with per-channel weights, through ONNX Runtime's quantizer."""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import version_converter

from pytest_qparity.precision.graph import in_order, node_names
from pytest_qparity.verdict import CannotJudge, Code, Failure
from pytest_qparity.worker.arena import aligned

if TYPE_CHECKING:
    from onnx import ModelProto

    from pytest_qparity.case.data import Feeds
    from pytest_qparity.precision.recipes import IntegerRecipe

PER_CHANNEL_OPSET = 13  # DequantizeLinear has its axis from here on: below, ONNX Runtime writes files that do not load


def make_int8(
    model: ModelProto, recipe: IntegerRecipe, calibration: Feeds, scratch: Path
) -> tuple[ModelProto, tuple[str, ...]]:
    """`model` with Q/DQ nodes, ranges by min-max over `calibration`, and notes for a reader of its verdict.

    Works in a folder of its own inside `scratch`. Raises CannotJudge where the calibration data have no range.
    """
    from onnxruntime import quantization

    require_range(calibration)
    model, notes = _with_per_channel(model, recipe)
    # The quantizer writes `<stem>-inferred.onnx` beside its input, where two jobs on one model would meet.
    with tempfile.TemporaryDirectory(prefix="int8-", dir=scratch) as folder, _quiet():
        source = Path(folder) / "float.onnx"
        made = Path(folder) / "int8.onnx"
        onnx.save(model, source)
        quantization.quantize_static(
            source,
            made,
            _Reader(calibration),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            activation_type=quantization.QuantType.QInt8 if recipe.symmetric else quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            nodes_to_exclude=list(recipe.keep_float),
            calibrate_method=quantization.CalibrationMethod.MinMax,
            extra_options={"ActivationSymmetric": recipe.symmetric, "QuantizeBias": not recipe.symmetric},
        )
        # The quantizer appends nodes where it finds a place: not always in order.
        return in_order(onnx.load(made)), notes


def require_range(calibration: Feeds) -> None:
    """Raises CannotJudge where there are no feeds, or every float input is zero in every feed."""
    if not len(calibration):
        raise CannotJudge(
            Failure(Code.DATA_EMPTY, "The calibration data: got 0 samples, should be 1 or more.", "add some")
        )
    floats = False
    for feed in calibration:
        for array in feed.arrays.values():
            if array.dtype.kind == "f":
                floats = True
                if np.any(array):
                    return
    if floats:
        raise CannotJudge(
            Failure(
                Code.CALIBRATION_ZEROS,
                f"The calibration data: got zeros in every float input ({calibration.samples} samples), "
                "should have the range of the test data.",
                "prepare calibration data as the test data are",
                likely="a preprocessing step that was left out, or done twice",
            )
        )


def _with_per_channel(model: ModelProto, recipe: IntegerRecipe) -> tuple[ModelProto, tuple[str, ...]]:
    """The model at an opset in which DequantizeLinear has an axis."""
    opset = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    if opset >= PER_CHANNEL_OPSET:
        return model, ()
    converted = version_converter.convert_version(model, recipe.opset)
    lost = set(recipe.keep_float) - node_names(converted)
    if lost:  # the quantizer passes over names that it does not find, and would quantize these nodes
        named = ", ".join(sorted(lost))
        raise CannotJudge(
            Failure(
                Code.VARIANT_RECIPE,
                f"Converting the model from opset {opset} to {recipe.opset}: got a model without {named}, "
                "should have every node of keep_float.",
                f"convert the float model to opset {recipe.opset} yourself and name its nodes in keep_float",
            )
        )
    return converted, (f"converted from opset {opset} to {recipe.opset} before quantization",)


class _Reader:
    """Feeds as ONNX Runtime's calibrator asks for them."""

    def __init__(self, feeds: Feeds) -> None:
        self._feeds = iter(feeds)

    def get_next(self) -> dict[str, Any] | None:
        feed = next(self._feeds, None)
        return None if feed is None else {name: aligned(array) for name, array in feed.arrays.items()}


@contextmanager
def _quiet() -> Iterator[None]:
    """The quantizer logs advice to the root logger, which belongs to the user's own run."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        root.setLevel(level)
