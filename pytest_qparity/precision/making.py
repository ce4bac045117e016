"""What a worker does for recipes: everything that opens a float model or writes a variant.

Makers that rewrite graphs are imported where a recipe needs them: what they rest on takes a second to import.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_never

import onnx

from pytest_qparity.case.tensors import external_places
from pytest_qparity.precision.cache import float_beside, ranges_beside
from pytest_qparity.precision.calibration.formats.ranges_json import write as write_ranges
from pytest_qparity.precision.calibration.formats.reading import read_ranges
from pytest_qparity.precision.calibration.given import changed_in_use, entries_for, entries_notes
from pytest_qparity.precision.calibration.ranges import stale
from pytest_qparity.precision.called import graph_with_file_names
from pytest_qparity.precision.cast import make_fp16
from pytest_qparity.precision.graph import float_graph, float_structure, require_float
from pytest_qparity.precision.kept import require_kept
from pytest_qparity.precision.large import copied, save_whole, save_with_data_at
from pytest_qparity.precision.library import make_dynamic
from pytest_qparity.precision.node_patterns import NodeChoice, chosen_nodes, require_operators
from pytest_qparity.precision.packed import make_packed
from pytest_qparity.precision.recipes import (
    BlockRecipe,
    CastRecipe,
    DynamicRecipe,
    MixedRecipe,
    Recipe,
    StaticRecipe,
    WeightOnlyRecipe,
    balance_of,
    give_it,
    is_calibrated,
    recipe_of,
)
from pytest_qparity.precision.values import load_graph
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from onnx import ModelProto

    from pytest_qparity.precision.jobs import Calibration, Job
    from pytest_qparity.quantmath import Range

    Held = dict[str, Any]
    Arguments = Mapping[str, Any]
    Arrays = Mapping[str, np.ndarray]
    Result = tuple[Any, Arrays]

REASON_LENGTH = 200
_CALIBRATION = "calibration"  # what a worker holds from `begin` to `make`


def chosen(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    """Names of the nodes that stay float, and of those whose activations have a type of their own."""
    with Border(arguments["precision"]):
        graph = graph_with_file_names(Path(arguments["model"]))
        found = chosen_nodes(graph, NodeChoice.from_json(arguments["choice"]))
        return {"keep_float": list(found.keep_float), "types": [list(each) for each in found.types]}, {}


def begin(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    """Prepare the float model for calibration: `observe` feeds it, `make` writes what it found."""
    from pytest_qparity.precision.jobs import Calibration

    held.pop(_CALIBRATION, None)
    with Border(arguments["precision"]):
        recipe = recipe_of(arguments["recipe"])
        given = None if arguments.get("ranges") is None else partial(_given_ranges, arguments)
        held[_CALIBRATION] = Calibration(_graph(arguments), recipe, given, arguments["samples_in_all"])
    return None, {}


def observe(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    """One feed of calibration data; whether more is wanted."""
    with Border(arguments["precision"]):
        wants_more = held[_CALIBRATION].take(arrays, arguments["samples"])
    return wants_more, {}


def turn(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    """The calibration data are through, or as much as was wanted: whether they are gone through once more."""
    with Border(arguments["precision"]):
        return held[_CALIBRATION].turn(), {}


def ranges_use(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    """Names of the tensors in a file of ranges: which a recipe takes for a model, and which it does not."""
    from pytest_qparity.precision.jobs import job_for

    with Border(arguments["precision"]):
        recipe = recipe_of(arguments["recipe"])
        assert isinstance(recipe, StaticRecipe | BlockRecipe)
        job = job_for(_graph(arguments), recipe)
        ranges = read_ranges(Path(arguments["ranges"]))
        found = ranges.of(entries_for(ranges, job.observed, job.moved).values(), job.optional)
    return {"used": list(found), "unused": list(ranges.unused(found))}, {}


def ranges_stated(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    """What a file of ranges says: the digest of its calibration data (None where it does not), and the ends of those of
    the tensors `names` that it has."""
    with Border(arguments["precision"]):
        ranges = read_ranges(Path(arguments["ranges"]))
        wholes = {name: ranges.tensors[name].whole for name in arguments["names"] if name in ranges.tensors}
    return {"data": ranges.data, "ends": {name: [each.low, each.high] for name, each in wholes.items()}}, {}


def make(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    """Write the variant that a recipe makes of a model to `target`; the maker's notes."""
    model, target, precision = Path(arguments["model"]), Path(arguments["target"]), arguments["precision"]
    with Border(precision):
        recipe = recipe_of(arguments["recipe"])
        calibration: Calibration | None = held.pop(_CALIBRATION, None)
        if not is_calibrated(recipe):
            calibration = None  # one that broke off belongs to another recipe
        if calibration is not None:
            found = calibration.ranges(arguments["model_digest"], arguments["data_digest"])
            if found is not None:
                write_ranges(ranges_beside(target), found)
            if calibration.rewritten is not None:
                save_whole(copied(calibration.rewritten), float_beside(target))
        made, notes = _made(arguments, recipe, calibration, target.parent)
        if recipe.keep_float:
            require_kept(made, float_structure(model), recipe.keep_float, precision)
        save_whole(made, target)
        _check(target, model)
    return list(notes), {}


def place(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    """Write a made file anew to `target`, with its weights in the file `data` beside it."""
    with Border(arguments["precision"]):
        save_with_data_at(Path(arguments["model"]), Path(arguments["target"]), arguments["data"])
    return None, {}


def gather(held: Held, arguments: Arguments, arrays: Arrays) -> Result:
    """Weights that a maker from outside put into files of its own go into the made file, or into the one beside it."""
    path = Path(arguments["model"])
    with Border(arguments["precision"]):
        if external_places(load_graph(path)):
            save_whole(onnx.load(path), path)
    return None, {}


def _made(
    arguments: Arguments, recipe: Recipe, calibration: Calibration | None, scratch: Path
) -> tuple[ModelProto, tuple[str, ...]]:
    if isinstance(recipe, StaticRecipe | BlockRecipe):
        if calibration is not None:
            return calibration.made()
        from pytest_qparity.precision.jobs import job_for

        job = job_for(_graph(arguments), recipe)
        if arguments["ranges"] is None:
            _require_nothing_observed(job.observed, arguments["precision"])
            return job.made({}), job.notes
        found, said = _given_ranges(arguments, job)
        made = job.made(found)
        return made, (*job.notes, *said)
    if isinstance(recipe, CastRecipe):
        if recipe.to == "fp16":
            return make_fp16(_graph(arguments), recipe)
        from pytest_qparity.precision.bfloat16 import make_bf16

        return make_bf16(_graph(arguments), recipe)
    if isinstance(recipe, DynamicRecipe):
        model, notes = _graph_or_rewritten(arguments, calibration)
        made = make_dynamic(model, recipe, scratch)  # which knows the operators that it can quantize
        if recipe.operators != DynamicRecipe(()).operators:
            require_operators(model, recipe.operators)
        return made, notes
    if isinstance(recipe, MixedRecipe):
        from pytest_qparity.precision.mixing import make_mixed

        return make_mixed(Path(arguments["model"]), Path(arguments["given"]), recipe.keep_float, arguments["precision"])
    if isinstance(recipe, WeightOnlyRecipe):
        if recipe.algorithm == "gptq":
            if calibration is None:
                raise _not_calibrated(arguments["precision"], "second moments of what its products take")
            return calibration.made()
        model, notes = _graph_or_rewritten(arguments, calibration)
        if recipe.is_packed:
            return make_packed(model, recipe), notes
        from pytest_qparity.precision.weight_only import make_weight_only

        made, said = make_weight_only(model, recipe)
        return made, (*notes, *said)
    assert_never(recipe)


def _given_ranges(arguments: Arguments, job: Job) -> tuple[Mapping[str, Range], tuple[str, ...]]:
    """Those of a file for the tensors that a job wants, and what is to be said of them."""
    ranges = read_ranges(Path(arguments["ranges"]))
    outdated = (f"the ranges: {reason}" for reason in stale(ranges, arguments["model_digest"], None))
    entries = entries_for(ranges, job.observed, job.moved)
    found = ranges.of(entries.values(), job.optional)
    entries = {name: entry for name, entry in entries.items() if entry in found}
    notes = (*ranges.notes, *outdated, *changed_in_use(ranges, found), *entries_notes(ranges, entries, job.moved))
    return {name: found[entry] for name, entry in entries.items()}, notes


def _graph_or_rewritten(arguments: Arguments, calibration: Calibration | None) -> tuple[ModelProto, tuple[str, ...]]:
    """The float model that is quantized, and what was done to it before."""
    if calibration is not None and calibration.rewritten is not None:
        return copied(calibration.rewritten), calibration.notes
    if balance_of(recipe_of(arguments["recipe"])).changes_model:
        raise _not_calibrated(arguments["precision"], "rewritten float model")
    return _graph(arguments), ()


def _require_nothing_observed(observed: Sequence[str], precision: str) -> None:
    """A recipe that is calibrated has its ranges from the calls before: they went with a worker that ended."""
    if observed:
        raise _not_calibrated(precision, f"ranges of {len(observed)} tensors")


def _not_calibrated(precision: str, lacking: str) -> CannotJudge:
    sentence = f"{precision}: got no {lacking}, should be those that calibration found."
    return CannotJudge(Failure(Code.VARIANT_RECIPE, sentence, "run it again: the worker ended while it calibrated"))


def _graph(arguments: Arguments) -> ModelProto:
    model = float_graph(Path(arguments["model"]))
    recipe = recipe_of(arguments["recipe"])
    if not isinstance(recipe, CastRecipe | MixedRecipe):
        require_float(model, recipe.extend)
    return model


def _check(target: Path, float_model: Path) -> None:
    """Check the made file, with its inferred types and shapes where the float model itself stands up to that."""
    onnx.checker.check_model(target)
    try:
        onnx.checker.check_model(float_model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError):
        return
    onnx.checker.check_model(target, full_check=True)


class Border:
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
