"""A case's variant at a precision: the float model itself, a given file, or one made by a recipe through the cache."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import onnx

from pytest_qparity.case.model import ModelFile, read_model_file
from pytest_qparity.digest import arrays_digest
from pytest_qparity.precision.cast import CastRecipe, make_fp16
from pytest_qparity.precision.graph import float_graph, nodes_to_keep
from pytest_qparity.precision.integer import IntegerRecipe, make_int8
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from onnx import ModelProto

    from pytest_qparity.case.data import Feeds
    from pytest_qparity.case.schema import PrecisionSpec
    from pytest_qparity.precision.cache import VariantCache

MAKERS = ("numpy", "onnx", "onnx-ir", "onnxruntime", "onnxruntime-gpu")
LARGEST_FILE = 2**31 - 1  # bytes: protobuf's limit; made variants have no external data
UNCALIBRATED = ("fp32", "fp16")
REASON_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Variant:
    """An ONNX file at a precision. `digest`: SHA-256 of the file, and of its external data where it has such."""

    path: Path
    digest: str
    precision: str
    base: str
    given: bool
    recipe: Mapping[str, Any]


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


def variant_for(request: VariantRequest, calibration: Callable[[], Feeds], cache: VariantCache) -> Variant:
    """Take or make the variant; `calibration` is asked for its feeds only where the recipe needs them.

    Raises CannotJudge where the recipe fails.
    """
    if request.spec.file is not None:
        given = read_model_file(request.folder / request.spec.file)
        return Variant(given.path, given.digest, request.precision, request.base, True, {"method": "given"})
    if request.base in UNCALIBRATED and "calibration" in request.spec.model_fields_set:
        sentence = f"{request.precision}: got calibration, should have none: {request.base} is made without."
        raise CannotJudge(Failure(Code.VARIANT_RECIPE, sentence, "remove calibration"))
    if request.base == "fp32":
        return _float_model(request)
    if request.base == "fp16":
        return _cast(request, cache)
    if request.base == "int8":
        return _quantized(request, calibration(), cache)
    sentence = f"{request.precision}: got no file, should be given one: no recipe makes {request.base}."
    raise CannotJudge(Failure(Code.VARIANT_RECIPE, sentence, _give_it(request)))


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
    return Variant(model.path, model.digest, request.precision, request.base, False, {"method": "float model"})


def _cast(request: VariantRequest, cache: VariantCache) -> Variant:
    recipe = CastRecipe(keep_float=_kept(request))
    key = variant_key(request.model.digest, recipe, None)
    return _through(cache, request, key, lambda _: make_fp16(float_graph(request.model.path), recipe))


def _quantized(request: VariantRequest, feeds: Feeds, cache: VariantCache) -> Variant:
    recipe = IntegerRecipe(
        keep_float=_kept(request), activation=request.activation, calibration=request.spec.calibration
    )
    key = variant_key(request.model.digest, recipe, calibration_digest(feeds))
    return _through(
        cache, request, key, lambda scratch: make_int8(float_graph(request.model.path), recipe, feeds, scratch)
    )


def _kept(request: VariantRequest) -> tuple[str, ...]:
    """Names of the nodes that the case keeps float. A model without such patterns is not opened for them."""
    if not request.spec.keep_float:
        return ()
    with _Border(request):
        return nodes_to_keep(float_graph(request.model.path), request.spec.keep_float, request.keep_float_place)


def _through(
    cache: VariantCache,
    request: VariantRequest,
    key: Mapping[str, Any],
    make: Callable[[Path], tuple[ModelProto, tuple[str, ...]]],
) -> Variant:
    def write(target: Path) -> tuple[str, ...]:
        with _Border(request):
            model, notes = make(target.parent)
            _save(model, target, request)
            _check(target, request.model.path)
        return notes

    cached = cache.get_or_make(key, write)
    recipe = {"base": request.base, **key["recipe"], "calibration_data": key["calibration"], "makers": key["makers"]}
    if cached.notes:
        recipe["notes"] = list(cached.notes)
    return Variant(cached.path, cached.digest, request.precision, request.base, False, recipe)


def _save(model: ModelProto, target: Path, request: VariantRequest) -> None:
    size = model.ByteSize()
    if size > LARGEST_FILE:
        sentence = (
            f"{request.precision}: got a file of {size / 1e9:.1f} GB, should be below {LARGEST_FILE / 1e9:.1f} GB."
        )
        raise CannotJudge(Failure(Code.VARIANT_RECIPE, sentence, _give_it(request)))
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

    def __init__(self, request: VariantRequest) -> None:
        self._request = request

    def __enter__(self) -> None: ...

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if not isinstance(error, Exception) or isinstance(error, CannotJudge):
            return
        first = (str(error).strip().splitlines() or ["no reason"])[0][:REASON_LENGTH]
        sentence = (
            f"{self._request.precision}: got {type(error).__name__} ({first}) from its recipe, should be a variant."
        )
        raise CannotJudge(Failure(Code.VARIANT_RECIPE, sentence, _give_it(self._request))) from error


def _give_it(request: VariantRequest) -> str:
    return f'make the file yourself and give it: [precisions.{request.precision}] file = "…"'


def _versions() -> dict[str, str]:
    installed = {}
    for library in MAKERS:
        try:
            installed[library] = importlib.metadata.version(library)
        except importlib.metadata.PackageNotFoundError:
            continue  # one of onnxruntime and onnxruntime-gpu is there, and which says what made the file
    return installed
