"""A case's variant at a precision: the float model itself, a given file, or one made by a recipe through the cache."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from pytest_qparity.case.model import ModelFile, read_model_file
from pytest_qparity.digest import arrays_digest
from pytest_qparity.precision.recipes import CastRecipe, IntegerRecipe, give_it
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from pytest_qparity.case.data import Feeds
    from pytest_qparity.case.schema import PrecisionSpec
    from pytest_qparity.precision.cache import VariantCache
    from pytest_qparity.worker.protocol import Worker

MAKERS = ("numpy", "onnx", "onnx-ir", "onnxruntime", "onnxruntime-gpu")
UNCALIBRATED = ("fp32", "fp16")
_CALLS = "pytest_qparity.precision.making"


@dataclass(frozen=True, slots=True)
class Variant:
    """An ONNX file at a precision. `digest`: SHA-256 of the file, and of its external data where it has such."""

    path: Path
    digest: str
    precision: str
    base: str
    given: bool
    recipe: Mapping[str, Any]
    external: tuple[str, ...] = ()  # places of external data, in the file's folder


@dataclass(frozen=True, slots=True)
class VariantRequest:
    """What is asked for: `model` at `precision` (a `base` of the table), as `spec` in the case file says.

    `activation`: the 8-bit activation type the backend is fastest with. `where`: file and line of the spec's
    keep_float, "cases/x.toml:13", for messages.
    """

    model: ModelFile
    precision: str
    base: str
    spec: PrecisionSpec
    folder: Path
    activation: Literal["uint8", "int8"]
    where: str = ""

    @property
    def keep_float_place(self) -> str:
        """How a sentence about the patterns begins: `cases/x.toml:13: keep_float of int8`."""
        return f"{self.where}: keep_float of {self.precision}" if self.where else f"keep_float of {self.precision}"


class Recipe(Protocol):
    def as_json(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where variants are made and kept; models are opened in `worker` alone."""

    worker: Worker
    cache: VariantCache


def variant_for(request: VariantRequest, calibration: Callable[[], Feeds], workshop: Workshop) -> Variant:
    """Take or make the variant; `calibration` is asked for its feeds only where the recipe needs them.

    Raises CannotJudge where the recipe fails.
    """
    if request.spec.file is not None:
        given = read_model_file(request.folder / request.spec.file, workshop.worker)
        return Variant(
            given.path, given.digest, request.precision, request.base, True, {"method": "given"}, given.external
        )
    if request.base in UNCALIBRATED and "calibration" in request.spec.model_fields_set:
        sentence = f"{request.precision}: got calibration, should have none: {request.base} is made without."
        raise CannotJudge(Failure(Code.VARIANT_RECIPE, sentence, "remove calibration"))
    if request.base == "fp32":
        return _float_model(request)
    if request.base == "fp16":
        return _cast(request, workshop)
    if request.base == "int8":
        return _quantized(request, calibration(), workshop)
    sentence = f"{request.precision}: got no file, should be given one: no recipe makes {request.base}."
    raise CannotJudge(Failure(Code.VARIANT_RECIPE, sentence, give_it(request.precision)))


def variant_key(model_digest: str, recipe: Recipe, calibration_digest: str | None) -> dict[str, Any]:
    """All that decides which bytes a recipe makes: the only place that says so."""
    return {
        "model": model_digest,
        "recipe": recipe.as_json(),
        "calibration": calibration_digest,
        "makers": _versions(),
    }


def calibration_digest(feeds: Feeds) -> str:
    """SHA-256 of calibration data as they are fed: a batch is seen as a whole by some operators."""
    layout = f"{feeds.batch}{'-stacked' if feeds.stacked else ''}"
    return f"{arrays_digest(feeds.arrays)}-{layout}"


def _float_model(request: VariantRequest) -> Variant:
    if request.spec.keep_float:
        patterns = ", ".join(request.spec.keep_float)
        sentence = f'{request.keep_float_place}: got "{patterns}", should be none: every node of fp32 is float.'
        raise CannotJudge(Failure(Code.VARIANT_DEAD_PATTERN, sentence, "remove keep_float"))
    model = request.model
    return Variant(
        model.path, model.digest, request.precision, request.base, False, {"method": "float model"}, model.external
    )


def _cast(request: VariantRequest, workshop: Workshop) -> Variant:
    recipe = CastRecipe(keep_float=_kept(request, workshop))
    return _through(workshop, request, recipe, None)


def _quantized(request: VariantRequest, feeds: Feeds, workshop: Workshop) -> Variant:
    recipe = IntegerRecipe(
        keep_float=_kept(request, workshop), activation=request.activation, calibration=request.spec.calibration
    )
    return _through(workshop, request, recipe, feeds)


def _kept(request: VariantRequest, workshop: Workshop) -> tuple[str, ...]:
    """Names of the nodes that the case keeps float. A model without such patterns is not opened for them."""
    if not request.spec.keep_float:
        return ()
    arguments = {
        "model": str(request.model.path.absolute()),
        "precision": request.precision,
        "patterns": list(request.spec.keep_float),
        "place": request.keep_float_place,
    }
    answer = workshop.worker.call(
        f"{_CALLS}:kept_nodes", arguments, {}, f"Reading {request.model.path.name}", workshop.worker.limits.load
    )
    return tuple(answer.value)


def _through(workshop: Workshop, request: VariantRequest, recipe: Recipe, feeds: Feeds | None) -> Variant:
    key = variant_key(request.model.digest, recipe, None if feeds is None else calibration_digest(feeds))

    def write(target: Path) -> tuple[str, ...]:
        layout = {} if feeds is None else {"samples": feeds.samples, "batch": feeds.batch, "stacked": feeds.stacked}
        arguments = {
            "model": str(request.model.path.absolute()),
            "target": str(target.absolute()),
            "precision": request.precision,
            "recipe": recipe.as_json(),
            "layout": layout,
        }
        arrays = {} if feeds is None else feeds.arrays
        work = f"Making {request.precision} of {request.model.path.name}"
        answer = workshop.worker.call(f"{_CALLS}:make", arguments, arrays, work, workshop.worker.limits.calibration)
        return tuple(answer.value)

    cached = workshop.cache.get_or_make(key, write)
    stated = {"base": request.base, **key["recipe"], "calibration_data": key["calibration"], "makers": key["makers"]}
    if cached.notes:
        stated["notes"] = list(cached.notes)
    return Variant(cached.path, cached.digest, request.precision, request.base, False, stated)


def _versions() -> dict[str, str]:
    installed = {}
    for library in MAKERS:
        try:
            installed[library] = importlib.metadata.version(library)
        except importlib.metadata.PackageNotFoundError:
            continue  # one of onnxruntime and onnxruntime-gpu is there, and which says what made the file
    return installed
