"""What a worker does for recipes: everything that opens a float model or writes a variant."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx

from pytest_qparity.case.data import Feeds
from pytest_qparity.precision.cast import make_fp16
from pytest_qparity.precision.graph import float_graph, nodes_to_keep
from pytest_qparity.precision.integer import make_int8
from pytest_qparity.precision.recipes import CastRecipe, IntegerRecipe, give_it
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from onnx import ModelProto

    Held = dict[str, Any]
    Arguments = Mapping[str, Any]
    Arrays = Mapping[str, np.ndarray]
    Result = tuple[Any, Arrays]

LARGEST_FILE = 2**31 - 1  # bytes: protobuf's limit; made variants have no external data
REASON_LENGTH = 200
RECIPES = {"cast": CastRecipe, "static": IntegerRecipe}  # by the `method` that a recipe states


def kept_nodes(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    """Names of the nodes that the patterns keep float."""
    with _Border(arguments["precision"]):
        graph = float_graph(Path(arguments["model"]))
        return list(nodes_to_keep(graph, tuple(arguments["patterns"]), arguments["place"])), {}


def make(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    """Write the variant that a recipe makes of a model to `target`; the maker's notes. `arrays`: calibration data."""
    model, target = Path(arguments["model"]), Path(arguments["target"])
    recipe = _recipe(arguments["recipe"])
    with _Border(arguments["precision"]):
        if isinstance(recipe, IntegerRecipe):
            made, notes = make_int8(float_graph(model), recipe, Feeds(arrays, **arguments["layout"]), target.parent)
        else:
            made, notes = make_fp16(float_graph(model), recipe)
        _save(made, target, arguments["precision"])
        _check(target, model)
    return list(notes), {}


def _recipe(stated: Mapping[str, Any]) -> CastRecipe | IntegerRecipe:
    kind = RECIPES[stated["method"]]
    recipe: CastRecipe | IntegerRecipe = kind(**{**stated, "keep_float": tuple(stated["keep_float"])})
    return recipe


def _save(model: ModelProto, target: Path, precision: str) -> None:
    size = model.ByteSize()
    if size > LARGEST_FILE:
        sentence = f"{precision}: got a file of {size / 1e9:.1f} GB, should be below {LARGEST_FILE / 1e9:.1f} GB."
        raise CannotJudge(Failure(Code.VARIANT_RECIPE, sentence, give_it(precision)))
    onnx.save(model, target)


def _check(target: Path, float_model: Path) -> None:
    """Check the made file, with its inferred types and shapes where the float model itself stands up to that."""
    onnx.checker.check_model(target)
    try:
        onnx.checker.check_model(float_model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError):
        return
    onnx.checker.check_model(target, full_check=True)


class _Border:
    """The border to quantizers and converters, which raise whatever a model makes them raise: one failure."""

    def __init__(self, precision: str) -> None:
        self._precision = precision

    def __enter__(self) -> None: ...

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if not isinstance(error, Exception) or isinstance(error, CannotJudge):
            return
        first = (str(error).strip().splitlines() or ["no reason"])[0][:REASON_LENGTH]
        sentence = f"{self._precision}: got {type(error).__name__} ({first}) from its recipe, should be a variant."
        raise CannotJudge(Failure(Code.VARIANT_RECIPE, sentence, give_it(self._precision))) from error
