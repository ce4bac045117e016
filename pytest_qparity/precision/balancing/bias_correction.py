"""Bias correction: the mean that quantization moves each output channel by goes into the bias."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir

from pytest_qparity.precision.calibration.observing import engine_for
from pytest_qparity.precision.placement.selection import array_of, is_constant, quantizable
from pytest_qparity.precision.placement.writer import Writer
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from onnx import ModelProto

    Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["BiasCorrection"]

RUNS = 512  # of the variant, all passes together: means of channels need few samples, and each depth needs a pass
FEWEST = 8  # samples, however deep the model is


@dataclass(frozen=True, slots=True)
class _Place:
    """A product, and the node and input that hold its bias (None: an input that has to be added)."""

    product: ir.Node
    holder: ir.Node
    index: int
    channels: int
    depth: int

    @property
    def is_first(self) -> bool:
        """Whether channels are axis 1; else they are the last."""
        return self.product.op_type in ("Conv", "ConvTranspose")

    def spread(self, shift: Array) -> Array:
        """float32, of a shape that is added to what the product gives."""
        weight = self.product.inputs[1]
        trailing = array_of(weight).ndim - 2 if self.is_first and weight is not None else 0
        return shift.astype(np.float32).reshape(-1, *[1] * trailing)


class BiasCorrection:
    """b' = b + E[y] − E[ỹ], for each output channel, layer by layer: y is what a product gives in the float model, ỹ in
    the variant, where all layers ahead are corrected.

    Source: Nagel et al. 2019, section 4.2 and appendix D (empirical bias correction). Means are over all positions of
    calibration samples from all over the data, which often lie sorted. There is a pass for each depth, in which
    products that do not feed one another are corrected together.
    """

    def __init__(self, float_model: ModelProto, variant: ModelProto, kept_float: Collection[str], samples: int) -> None:
        """Raises CannotJudge where no product has a bias. `float_model`: whose nodes the variant was made of.
        `samples`: of the calibration data, in all."""
        self._samples = samples
        self._model = ir.serde.deserialize_model(float_model)
        products = quantizable(self._model.graph, ())
        self._places = _places(self._model.graph, products)
        if not self._places:
            sentence = (
                f"bias_correction: got none with a bias among {len(products)} products, should be one "
                "or more: the key would change nothing."
            )
            raise CannotJudge(Failure(Code.VARIANT_DEAD_PATTERN, sentence, "remove bias_correction"))
        self._places = [place for place in self._places if place.product.name not in kept_float]
        names = [str(place.product.outputs[0].name) for place in self._places]
        self._float, _, _ = engine_for(float_model, names)
        measured, self._outputs, self._inputs = _measured(variant, self._places)
        self._variant, _, _ = engine_for(measured, tuple(self._outputs.values()))
        self._depths = sorted({place.depth for place in self._places})
        self._most = max(RUNS // max(len(self._depths), 1), FEWEST)
        self._means: dict[str, Array] = {}  # E[y] of all products, from the first pass
        self._corrections = {
            str(place.product.name): np.zeros(place.channels, dtype=np.float64) for place in self._places
        }
        passes = f"{len(self._depths)} passes of at most {self._most} samples"
        self.notes = (f"bias_correction: {len(self._places)} of {len(products)} products, in {passes}",)

    def passes(self) -> Iterator[_Pass]:
        """One for each depth: given feeds, then what it found counts for those behind it."""
        for depth in self._depths:
            real = None if self._means else _Means(self._places)
            got = _Means([place for place in self._places if place.depth == depth])
            yield _Pass(self, real, got)
            if real is not None:
                self._means = real.found()
            self._corrections |= {name: self._means[name] - mean for name, mean in got.found().items()}

    def corrected(self) -> ModelProto:
        """The float model with the corrected biases."""
        writer = Writer(self._model.graph)
        for place in self._places:
            _add(place, self._corrections[str(place.product.name)], writer, self._model.graph)
        return ir.serde.serialize_model(self._model)

    def real(self, feed: Mapping[str, np.ndarray], places: Sequence[_Place]) -> list[Array]:
        """What products give in the float model."""
        names = [str(place.product.outputs[0].name) for place in places]
        found: list[Array] = self._float.run(names, dict(feed), _only_as_far_as_asked())
        return found

    def got(self, feed: Mapping[str, np.ndarray], places: Sequence[_Place]) -> list[Array]:
        """What they give in the variant, with the corrections so far."""
        wanted = [self._outputs[str(place.product.name)] for place in places]
        shifts = {
            self._inputs[str(place.product.name)]: place.spread(self._corrections[str(place.product.name)])
            for place in self._places
        }
        found: list[Array] = self._variant.run(wanted, {**feed, **shifts}, _only_as_far_as_asked())
        return found

    def is_wanted(self, before: int, count: int) -> bool:
        """Whether a feed of `count` samples behind the first ones is among those, spread evenly, that a pass goes
        through: as many as hold the samples that it may have, the first one always."""
        most, whole = min(self._most, self._samples), self._samples * count
        return -(-(before + count) * most // whole) > -(-before * most // whole)


class _Pass:
    """`real`: sums of all products in the float model, where they are not known; `got`: of those of one depth in the
    variant."""

    def __init__(self, correction: BiasCorrection, real: _Means | None, got: _Means) -> None:
        self._correction, self._real, self._got = correction, real, got
        self._samples = 0

    def take(self, feed: Mapping[str, np.ndarray], samples: int) -> bool:
        """Whether more is wanted: always, since what counts is spread over all of it."""
        if self._correction.is_wanted(self._samples, samples):
            if self._real is not None:
                self._real.add(self._correction.real(feed, self._real.places))
            self._got.add(self._correction.got(feed, self._got.places))
        self._samples += samples
        return True


class _Means:
    """Of the output channels of products, over samples and positions; sums in float64."""

    def __init__(self, places: Sequence[_Place]) -> None:
        self.places = tuple(places)
        self._sums = [np.zeros(place.channels, dtype=np.float64) for place in places]
        self._counts = [0] * len(self.places)

    def add(self, outputs: Sequence[Array]) -> None:
        for at, (place, output) in enumerate(zip(self.places, outputs, strict=True)):
            channels = np.moveaxis(output, 1 if place.is_first else -1, 0).reshape(place.channels, -1)
            self._sums[at] += channels.sum(axis=1, dtype=np.float64)
            self._counts[at] += channels.shape[1]

    def found(self) -> dict[str, Array]:
        """By product; of one that no sample gave an element, 0."""
        return {
            str(place.product.name): total / max(count, 1)
            for place, total, count in zip(self.places, self._sums, self._counts, strict=True)
        }


def _only_as_far_as_asked() -> Any:
    import onnxruntime

    options = onnxruntime.RunOptions()
    options.only_execute_path_to_fetches = True
    return options


def _places(graph: ir.Graph, products: list[ir.Node]) -> list[_Place]:
    """Products of the main graph that have a bias, or take one, with how many of them the longest way to each has."""
    chosen, found = set(products), []
    depths: dict[ir.Value, int] = {}
    for node in graph:
        depth = max((depths.get(value, 0) for value in node.inputs if value is not None), default=0)
        holder = _holder(node) if node in chosen else None
        if holder is not None:
            depth += 1
            found.append(_Place(node, *holder, depth))
        depths |= dict.fromkeys(node.outputs, depth)
    return found


def _holder(node: ir.Node) -> tuple[ir.Node, int, int] | None:
    """The node and the input that hold the bias of a product, and how many channels it has."""
    weight = node.inputs[1]
    if weight is None or not is_constant(weight):
        return None
    shape = array_of(weight).shape
    if node.op_type in ("Conv", "ConvTranspose"):
        channels = shape[0] if node.op_type == "Conv" else shape[1] * node.attributes.get_int("group", 1)
        return (node, 2, channels) if _takes(node, 2, channels) else None
    if node.op_type == "Gemm":
        channels = shape[0] if node.attributes.get_int("transB", 0) else shape[1]
        plain = node.attributes.get_float("beta", 1.0) == 1.0
        return (node, 2, channels) if plain and _takes(node, 2, channels) else None
    if len(shape) != 2:
        return None
    uses = node.outputs[0].uses()
    if len(uses) != 1 or node.outputs[0].is_graph_output():
        return None
    (use,) = uses
    if use.node.op_type != "Add" or use.node.domain != "" or use.node.graph is not node.graph:
        return None
    other = use.node.inputs[1 - use.idx]
    there = other is not None and is_constant(other) and _takes(use.node, 1 - use.idx, shape[1])
    return (use.node, 1 - use.idx, shape[1]) if there else None


def _takes(node: ir.Node, index: int, channels: int) -> bool:
    """Whether a number for each channel can be added to the constant: it has one for each, one for all, or is not
    there."""
    value = node.inputs[index] if len(node.inputs) > index else None
    if value is None:
        return True
    if not is_constant(value) or value.dtype != ir.DataType.FLOAT:
        return False
    shape = array_of(value).shape
    return int(np.prod(shape)) in (1, channels) and (not shape or shape[-1] in (1, channels))


def _measured(variant: ModelProto, places: list[_Place]) -> tuple[ModelProto, dict[str, str], dict[str, str]]:
    """The variant with an input behind each product that is added to what it gives; by product the name of that sum,
    and of the input."""
    model = ir.serde.deserialize_model(variant)
    graph = model.graph
    writer = Writer(graph)
    nodes = {str(node.name): node for node in graph}
    outputs, inputs = {}, {}
    for place in places:
        name = str(place.product.name)
        given = nodes[name].outputs[0]
        shift = ir.Value(name=f"{name}_shift_of_bias", type=ir.TensorType(ir.DataType.FLOAT))
        graph.inputs.append(shift)
        readers = list(given.uses())
        (moved,) = writer.node("Add", [given, shift], [(f"{given.name}_corrected", int(ir.DataType.FLOAT))], graph)
        for user, index in readers:
            user.replace_input_with(index, moved)
        outputs[name], inputs[name] = str(moved.name), str(shift.name)
    return ir.serde.serialize_model(model), outputs, inputs


def _add(place: _Place, shift: Array, writer: Writer, graph: ir.Graph) -> None:
    node, index = place.holder, place.index
    before = node.inputs[index] if len(node.inputs) > index else None
    held = np.zeros(place.channels) if before is None else array_of(before).astype(np.float64)
    name = f"{node.name}_bias" if before is None else f"{before.name}"
    corrected = writer.constant(f"{name}_corrected", (held + shift).astype(np.float32), graph)
    if len(node.inputs) <= index:
        node.resize_inputs(index + 1)
    node.replace_input_with(index, corrected)
