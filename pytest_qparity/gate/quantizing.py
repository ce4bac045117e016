"""One variant of one model, without a case: a file of ranges, or calibration data, and an ONNX file made with them.

The way over for those whose ranges lie in a TensorRT calibration cache, which TensorRT 11 takes no more.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from pytest_qparity.backends.kernels import kernels_in_file
from pytest_qparity.case.fields import OUR_ERROR
from pytest_qparity.case.model import ModelFile, read_model_file, stored_bytes
from pytest_qparity.case.precision_spec import PrecisionSpec
from pytest_qparity.durable import replacing
from pytest_qparity.precision.cache import VariantCache, ranges_beside
from pytest_qparity.precision.examination import Examined, examined
from pytest_qparity.precision.recipes import StaticRecipe
from pytest_qparity.precision.table import PRECISIONS
from pytest_qparity.precision.variants import Variant, VariantRequest, Workshop, variant_for
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_qparity.case.data import Samples
    from pytest_qparity.case.feeding import FeedSource
    from pytest_qparity.worker.protocol import Worker

__all__ = ["QUANTIZED", "Order", "Quantized", "quantize"]

# Precisions that a recipe makes; of the others the float model itself is the file.
QUANTIZED = tuple(name for name, precision in PRECISIONS.items() if precision.made.method != "float-model")


@dataclass(frozen=True, slots=True)
class Order:
    """The file to write, and from what: `ranges` and `calibration` (.npz, arrays by input name) exclude each other.

    `target`: whose placement rules it follows; None is the recipe's default. `batch`: samples a feed. `save_ranges`:
    where the ranges go that calibration finds. `state`: of a recurrent model each output that is an input of the next
    step, and that input; the samples are the steps of recordings then, as in a case.
    """

    model: Path
    output: Path
    precision: str = "int8"
    ranges: Path | None = None
    calibration: Path | None = None
    target: str | None = None
    keep_float: tuple[str, ...] = ()
    batch: int = 1
    save_ranges: Path | None = None
    largest_data_mb: float = 4096.0
    state: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Quantized:
    """What was written. `counts`: (quantized, all) compute nodes by operator. `used`, `unused`: tensors of the ranges.

    `recipe`: as in a ledger, with the notes of the maker.
    """

    digest: str
    counts: Mapping[str, tuple[int, int]]
    recipe: Mapping[str, Any]
    used: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(self.recipe.get("notes", ()))


def quantize(order: Order, worker: Worker) -> Quantized:
    """Make the variant in `worker` and put it in the place of `order.output`: whole, or not at all.

    Raises CannotJudge where model, ranges or data cannot be used, or nothing would be quantized; OSError where the file
    cannot be written.
    """
    model = read_model_file(order.model, worker)
    with tempfile.TemporaryDirectory(prefix="quantize-") as folder:
        workshop = Workshop(worker, VariantCache(Path(folder)))
        variant = variant_for(_request(order, model), lambda: _feeds(order, model, worker), workshop)
        if order.calibration is not None and variant.recipe["calibration_data"] is None:
            sentence = f"{order.precision}: got calibration data, should be none: its recipe takes no data."
            raise CannotJudge(Failure(Code.VARIANT_RECIPE, sentence, "leave them out"))
        found = _require_quantized(variant, worker)
        kernels = kernels_in_file(variant.path, worker, found.other_products)
        use = _ranges_use(order, variant, worker)
        if order.save_ranges is not None:
            _save_ranges(variant, order.save_ranges)
        digest = _put(variant, order, worker)
    counts = {kind: (count.quantized, count.total) for kind, count in kernels.counts.items()}
    return Quantized(digest, counts, variant.recipe, tuple(use["used"]), tuple(use["unused"]))


def _put(variant: Variant, order: Order, worker: Worker) -> str:
    """The variant in the place of the output: its digest there.

    Weights that it does not hold lie beside it, in a file named after their content: what is there is whole until the
    output takes its place, and the float model's own are another file.
    """
    data = order.output.with_name(f"{order.output.name}.{variant.digest[:12]}.data")
    for name in variant.external:
        with replacing(data) as temporary:
            shutil.copyfile(variant.path.parent / name, temporary)
    with replacing(order.output) as temporary:
        if variant.external:
            arguments = {
                "model": str(variant.path.absolute()),
                "target": str(temporary.absolute()),
                "data": data.name,
                "precision": variant.precision,
            }
            work = f"Writing {order.output.name}"
            worker.call("pytest_qparity.precision.making:place", arguments, {}, work, worker.limits.calibration)
        else:
            shutil.copyfile(variant.path, temporary)
    _remove_weights_of_before(order, data if variant.external else None)
    return stored_bytes(order.output, [data.name] if variant.external else []).digest


def _save_ranges(variant: Variant, target: Path) -> None:
    found = ranges_beside(variant.path)
    if not found.is_file():
        sentence = f"{variant.precision}: got no ranges from its recipe, should be those that calibration finds."
        raise CannotJudge(Failure(Code.VARIANT_RECIPE, sentence, "leave out where they go"))
    with replacing(target) as temporary:
        shutil.copyfile(found, temporary)


def _remove_weights_of_before(order: Order, current: Path | None) -> None:
    """Those of the file that was at the output: no model names them any more."""
    ours = re.compile(rf"{re.escape(order.output.name)}\.[0-9a-f]{{12}}\.data")
    for file in order.output.parent.iterdir():
        if ours.fullmatch(file.name) and file != current:
            file.unlink()


def _request(order: Order, model: ModelFile) -> VariantRequest:
    """As a case would ask for it; a key that the order does not state is none that its recipe must take."""
    stated: dict[str, Any] = {
        "ranges": None if order.ranges is None else str(order.ranges.absolute()),
        "target": order.target,
        "keep_float": order.keep_float or None,
    }
    try:
        spec = PrecisionSpec(**{key: value for key, value in stated.items() if value is not None})
    except ValidationError as error:
        raise _no_spec(error) from None
    return VariantRequest(model, order.precision, order.precision, spec, order.model.parent, order.target or "any")


def _no_spec(error: ValidationError) -> CannotJudge:
    first = error.errors()[0]
    should = first["msg"] if first["type"] == OUR_ERROR else f"another ({first['msg']})"
    sentence = f'{first["loc"][0]}: got "{first["input"]}", should be {should}.'
    remedy = first.get("ctx", {}).get("remedy", "name nodes, or leave it out")
    return CannotJudge(Failure(Code.VARIANT_RECIPE, sentence, remedy))


def _feeds(order: Order, model: ModelFile, worker: Worker) -> FeedSource:
    from pytest_qparity.case.data import make_feeds
    from pytest_qparity.case.data_loading import load_samples

    if order.calibration is None:
        sentence = f"{order.precision}: got neither ranges nor calibration data, should be one of them."
        raise CannotJudge(Failure(Code.CALIBRATION_MISSING, sentence, "name a file of ranges, or an .npz of inputs"))
    samples = load_samples(str(order.calibration.absolute()), Path(), order.largest_data_mb)
    if not order.state:
        return make_feeds(samples, model.inputs, order.batch)
    return _feeds_of_steps(samples, order, model, worker)


def _feeds_of_steps(samples: Samples, order: Order, model: ModelFile, worker: Worker) -> FeedSource:
    """With the states that the float model itself goes through."""
    from pytest_qparity.case.data import make_feeds
    from pytest_qparity.case.sequence import recordings_of, with_states
    from pytest_qparity.gate.reference import reference_outputs

    if order.batch != 1:
        sentence = (
            f"batch: got {order.batch} beside state, should be 1: each step begins with what the one before gave."
        )
        raise CannotJudge(Failure(Code.VARIANT_RECIPE, sentence, "leave batch out"))
    steps, recordings = recordings_of(samples, order.state, model)
    feeds = make_feeds(steps, model.inputs, 1)
    outputs, _ = reference_outputs(model, feeds, worker, order.largest_data_mb, recordings)
    return with_states(feeds, recordings, outputs)


def _require_quantized(variant: Variant, worker: Worker) -> Examined:
    found = examined(variant.path, variant.base, worker)
    if not found.holds_precision:
        sentence = f"{variant.precision}: got no quantized node among {found.nodes:,}, should be at least one."
        remedy = "look whether the model has products with constant weights, and is float"
        raise CannotJudge(Failure(Code.VARIANT_RECIPE, sentence, remedy))
    return found


def _ranges_use(order: Order, variant: Variant, worker: Worker) -> Mapping[str, list[str]]:
    if order.ranges is None:
        return {"used": [], "unused": []}
    recipe = {field.name: variant.recipe[field.name] for field in fields(StaticRecipe)}  # no other takes ranges
    arguments = {
        "model": str(order.model.absolute()),
        "ranges": str(order.ranges.absolute()),
        "precision": order.precision,
        "recipe": recipe,
    }
    call, work = "pytest_qparity.precision.making:ranges_use", f"Reading {order.ranges.name}"
    found: Mapping[str, list[str]] = worker.call(call, arguments, {}, work, worker.limits.calibration).value
    return found
