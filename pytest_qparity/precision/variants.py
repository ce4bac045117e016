"""A case's variant at a precision: the float model itself, a given file, or one made by a recipe through the cache."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_qparity.case.model import ModelFile, read_model_file
from pytest_qparity.case.plan_file import is_plan, read_plan_file
from pytest_qparity.digest import file_digest
from pytest_qparity.precision.calibration_data import require_range
from pytest_qparity.precision.choosing import activation_of, recipe_for
from pytest_qparity.precision.command import command_recipe, make_by_command
from pytest_qparity.precision.contradictions import contradictions
from pytest_qparity.precision.recipes import MixedRecipe, Recipe, as_json, is_calibrated
from pytest_qparity.precision.table import method_of
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from pytest_qparity.case.feeding import FeedSource
    from pytest_qparity.case.precision_spec import PrecisionSpec
    from pytest_qparity.precision.cache import VariantCache
    from pytest_qparity.precision.recipes import CommandRecipe
    from pytest_qparity.worker.protocol import Worker

MAKERS = ("numpy", "ml_dtypes", "onnx", "onnx-ir", "onnxruntime", "onnxruntime-gpu", "pytest-qparity")
_CALLS = "pytest_qparity.precision.making"


@dataclass(frozen=True, slots=True)
class Variant:
    """An ONNX file at a precision, or an engine that somebody built. `digest`: SHA-256 of the file, and of its external
    data where it has such. `float_model`: the one that its layers are to be held against, where that is not the case's:
    a recipe rewrote it before it was quantized."""

    path: Path
    digest: str
    precision: str
    base: str
    given: bool
    recipe: Mapping[str, Any]
    external: tuple[str, ...] = ()  # places of external data, in the file's folder
    float_model: Path | None = None
    origin: str = field(default="", compare=False)  # of a made one: see `cache.CachedFile`

    @property
    def is_plan(self) -> bool:
        """Whether it is a built engine, which no one reads but the engine itself."""
        return is_plan(self.path)

    @property
    def calibrated(self) -> bool:
        """Whether the case's calibration data decided upon its bytes."""
        return self.recipe.get("calibration_data") is not None


@dataclass(frozen=True, slots=True)
class VariantRequest:
    """What is asked for: `model` at `precision` (a `base` of the table), as `spec` in the case file says.

    `family`: the engine whose placement rules the backend follows; `loads_plans`: whether it takes built engines.
    `where`: file and line of the precision's table, "cases/x.toml:13", for messages.
    """

    model: ModelFile
    precision: str
    base: str
    spec: PrecisionSpec
    folder: Path
    family: str
    where: str = ""
    loads_plans: bool = False

    @property
    def place(self) -> str:
        """How a sentence about the patterns begins: `cases/x.toml:13: int8`."""
        return f"{self.where}: {self.precision}" if self.where else self.precision


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where variants are made and kept; models are opened in `worker` alone."""

    worker: Worker
    cache: VariantCache


def variant_for(request: VariantRequest, calibration: Callable[[], FeedSource], workshop: Workshop) -> Variant:
    """Take or make the variant; `calibration` is asked for its feeds only where the recipe needs them.

    Raises CannotJudge where the recipe fails.
    """
    for wrong in contradictions(request.base, request.spec):
        sentence = f"{request.place}: got {wrong.got}, should be {wrong.should}."
        raise CannotJudge(Failure(Code.VARIANT_RECIPE, sentence, wrong.remedy))
    method = method_of(request.base, request.spec)
    if method == "given":
        return _given(request, workshop)
    if method == "float-model":
        return _float_model(request)
    if method == "command":
        return _commanded(request, calibration, workshop)
    return _made(request, calibration, workshop)


def variant_key(model_digest: str, recipe: Recipe | CommandRecipe, calibration_digest: str | None) -> dict[str, Any]:
    """All that decides which bytes a recipe makes: the only place that says so."""
    return {
        "model": model_digest,
        "recipe": as_json(recipe),
        "calibration": calibration_digest,
        "makers": versions(),
    }


def calibration_digest(feeds: FeedSource) -> str:
    """SHA-256 of calibration data as they are fed: a batch is seen as a whole by some operators."""
    layout = f"{feeds.batch}{'-stacked' if feeds.stacked else ''}"
    return f"{feeds.data_digest}-{layout}"


def _given(request: VariantRequest, workshop: Workshop) -> Variant:
    path, recipe = request.folder / str(request.spec.file), {"method": "given"}
    if is_plan(path):
        if not request.loads_plans:
            raise _no_plans(path, request)
        return Variant(path, read_plan_file(path).digest, request.precision, request.base, True, recipe)
    given = read_model_file(path, workshop.worker)
    if request.spec.keep_float:
        return _mixed(request, given, workshop)
    return Variant(given.path, given.digest, request.precision, request.base, True, recipe, given.external)


def _mixed(request: VariantRequest, given: ModelFile, workshop: Workshop) -> Variant:
    """A given file with nodes that are float again: made, and kept in the cache as every made file is."""
    keep_float, _ = _chosen(request, workshop)
    recipe = MixedRecipe(keep_float, file=given.digest)

    def write(target: Path) -> tuple[str, ...]:
        arguments = {
            "model": str(request.model.path.absolute()),
            "given": str(given.path.absolute()),
            "target": str(target.absolute()),
            "precision": request.precision,
            "recipe": as_json(recipe),
        }
        work, limits = f"Making {request.precision} of {given.path.name}", workshop.worker.limits
        return tuple(workshop.worker.call(f"{_CALLS}:make", arguments, {}, work, limits.calibration).value)

    return _cached(request, recipe, None, write, workshop)


def _no_plans(path: Path, request: VariantRequest) -> CannotJudge:
    return CannotJudge(
        Failure(
            Code.VARIANT_PLAN,
            f"{request.place}: got {path.name}, an engine that TensorRT built, should be an ONNX file: "
            "this backend loads no other.",
            "judge the engine on trt, and give this backend the ONNX file under a precision of its own; or waive it "
            f'with codes = ["{Code.VARIANT_PLAN.code}"]',
        )
    )


def _float_model(request: VariantRequest) -> Variant:
    model, recipe = request.model, {"method": "float model"}
    return Variant(model.path, model.digest, request.precision, request.base, False, recipe, model.external)


def _made(request: VariantRequest, calibration: Callable[[], FeedSource], workshop: Workshop) -> Variant:
    ranges = None if request.spec.ranges is None else request.folder / request.spec.ranges
    keep_float, types = _chosen(request, workshop)
    digest = None if ranges is None else _digest_of_ranges(ranges, request)
    recipe = recipe_for(request.base, request.spec, request.family, keep_float, types, digest)
    feeds = calibration() if is_calibrated(recipe) else None

    def write(target: Path) -> tuple[str, ...]:
        work, limits = f"Making {request.precision} of {request.model.path.name}", workshop.worker.limits
        arguments = {
            "model": str(request.model.path.absolute()),
            "model_digest": request.model.digest,
            "target": str(target.absolute()),
            "precision": request.precision,
            "recipe": as_json(recipe),
            "ranges": None if ranges is None else str(ranges.absolute()),
            "data_digest": None if feeds is None else calibration_digest(feeds),
            "samples_in_all": 0 if feeds is None else feeds.samples,
        }
        if feeds is not None:
            require_range(feeds)
            workshop.worker.call(f"{_CALLS}:begin", arguments, {}, work, limits.calibration)
            more = True
            while more:
                for feed in feeds:  # one by one, so that the worker's memory does not grow with the data
                    counted = arguments | {"samples": feed.count}
                    told = workshop.worker.call(f"{_CALLS}:observe", counted, feed.arrays, work, limits.calibration)
                    if not told.value:
                        break
                more = workshop.worker.call(f"{_CALLS}:turn", arguments, {}, work, limits.calibration).value
        answer = workshop.worker.call(f"{_CALLS}:make", arguments, {}, work, limits.calibration)
        return tuple(answer.value)

    return _cached(request, recipe, feeds, write, workshop)


def _commanded(request: VariantRequest, calibration: Callable[[], FeedSource], workshop: Workshop) -> Variant:
    recipe = command_recipe(request.spec, request.folder, request.place, workshop.worker)
    feeds = calibration() if recipe.is_calibrated else None

    def write(target: Path) -> tuple[str, ...]:
        worker = workshop.worker
        return make_by_command(recipe, request.model.path, feeds, target, request.folder, request.place, worker)

    return _cached(request, recipe, feeds, write, workshop)


def _chosen(request: VariantRequest, workshop: Workshop) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Nodes that stay float, and types of nodes. A model of which the case says nothing is not opened for them."""
    spec = request.spec
    if not (spec.keep_float or spec.only or spec.edges_float or spec.types):
        return (), ()
    choice = {
        "keep_float": list(spec.keep_float),
        "only": list(spec.only),
        "edges_float": spec.edges_float,
        "types": dict(spec.types),
        "activation": _activation_everywhere(request) if spec.types else None,
        "place": request.place,
        "weighted_only": method_of(request.base, spec) not in ("cast", "dynamic", "given"),
    }
    arguments = {"model": str(request.model.path.absolute()), "precision": request.precision, "choice": choice}
    work = f"Reading {request.model.path.name}"
    found = workshop.worker.call(f"{_CALLS}:chosen", arguments, {}, work, workshop.worker.limits.load).value
    return tuple(found["keep_float"]), tuple((name, element) for name, element in found["types"])


def _activation_everywhere(request: VariantRequest) -> str | None:
    """What activations are where `types` says nothing; None where that is another thing for each backend, so that a
    type without an effect for one has its effect for another."""
    spec = request.spec
    return None if spec.target == "backend" else activation_of(request.base, spec, request.family)


def _digest_of_ranges(path: Path, request: VariantRequest) -> str:
    try:
        return file_digest(path)
    except OSError as error:
        sentence = f"{request.place}: got {error.strerror} for ranges {request.spec.ranges}, should be a file."
        raise CannotJudge(Failure(Code.VARIANT_RECIPE, sentence, "correct the path, or remove ranges")) from None


def _cached(
    request: VariantRequest,
    recipe: Recipe | CommandRecipe,
    feeds: FeedSource | None,
    write: Callable[[Path], tuple[str, ...]],
    workshop: Workshop,
) -> Variant:
    key = variant_key(request.model.digest, recipe, None if feeds is None else calibration_digest(feeds))
    cached = workshop.cache.get_or_make(key, write)
    stated = {"base": request.base, **key["recipe"], "calibration_data": key["calibration"], "makers": key["makers"]}
    if cached.notes:
        stated["notes"] = list(cached.notes)
    base, external, source = request.base, cached.external, cached.float_model
    return Variant(cached.path, cached.digest, request.precision, base, False, stated, external, source, cached.origin)


def versions() -> dict[str, str]:
    installed = {}
    for library in MAKERS:
        try:
            installed[library] = importlib.metadata.version(library)
        except importlib.metadata.PackageNotFoundError:
            continue  # one of onnxruntime and onnxruntime-gpu is there, and which says what made the file
    return installed
