"""Variants made in this process, and what they compute."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

from pytest_qparity.case.data import Feeds
from pytest_qparity.case.precision_spec import PrecisionSpec
from pytest_qparity.precision.choosing import recipe_for
from pytest_qparity.precision.graph import float_graph
from pytest_qparity.precision.jobs import Calibration
from pytest_qparity.precision.recipes import Recipe
from pytest_qparity.quantmath import sqnr_db
from tests.models import save
from tests.precision.graphs import model_file, samples_for


def recipe(base: str = "int8", *, keep_float: tuple[str, ...] = (), types=(), **spec: Any) -> Recipe:
    return recipe_for(base, PrecisionSpec(**spec), "ort", keep_float, types)


def made_from(path: Path, how: Recipe, feeds: Feeds | None = None) -> tuple[onnx.ModelProto, tuple[str, ...]]:
    """What a calibrated recipe makes of a file, and its notes; 8 samples unless told otherwise."""
    calibration = Calibration(float_graph(path), how)
    more = True
    while more:
        for feed in samples_for(model_file(path), 8) if feeds is None else feeds:
            if not calibration.take(feed.arrays, feed.count):
                break
        more = calibration.turn()
    return calibration.made()


def made(model: onnx.ModelProto, folder: Path, how: Recipe | None = None, feeds: Feeds | None = None, **spec: Any):
    return made_from(save(model, folder / "float.onnx"), how or recipe(**spec), feeds)


def array(model: onnx.ModelProto, name: str) -> np.ndarray:
    return numpy_helper.to_array(next(tensor for tensor in model.graph.initializer if tensor.name == name))


def node(model: onnx.ModelProto, name: str) -> onnx.NodeProto:
    return next(each for each in model.graph.node if each.name == name)


def makers(model: onnx.ModelProto) -> dict[str, onnx.NodeProto]:
    """The node that makes each tensor."""
    return {output: each for each in model.graph.node for output in each.output}


def dequantized(model: onnx.ModelProto, name: str) -> list[bool]:
    """Whether each input of a node comes from a DequantizeLinear."""
    by_output = makers(model)
    return [each in by_output and by_output[each].op_type == "DequantizeLinear" for each in node(model, name).input]


def outputs_of(model: onnx.ModelProto, feed: dict[str, np.ndarray], *, optimized: bool = True) -> list[np.ndarray]:
    """What ONNX Runtime gives, all its optimizers on or off."""
    settings = onnxruntime.SessionOptions()
    levels = onnxruntime.GraphOptimizationLevel
    settings.graph_optimization_level = levels.ORT_ENABLE_ALL if optimized else levels.ORT_DISABLE_ALL
    settings.log_severity_level = 4
    settings.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), settings, providers=["CPUExecutionProvider"])
    return session.run(None, feed)


def least_sqnr_db(exact: list[np.ndarray], other: list[np.ndarray]) -> float:
    """Of the outputs, the least 10 · log10(Σ exact² / Σ (other − exact)²); infinite where they are equal."""
    pairs = [(one.astype(np.float64), two.astype(np.float64)) for one, two in zip(exact, other, strict=True)]
    return min(sqnr_db(float((one**2).sum()), float(((two - one) ** 2).sum())) for one, two in pairs)
