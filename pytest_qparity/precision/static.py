"""Static quantization: a plan for the float model, ranges from calibration, and the model with Q/DQ nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx_ir as ir

from pytest_qparity.precision.activation_ranges import SMALLEST_SCALE, moved, raised_scales
from pytest_qparity.precision.graph import opset_of
from pytest_qparity.precision.placement.elements import ELEMENTS
from pytest_qparity.precision.placement.matrix_products import gemms_instead
from pytest_qparity.precision.placement.planning import Scheme, planned
from pytest_qparity.precision.placement.reach import hidden, inside_bodies, left_float
from pytest_qparity.precision.placement.selection import is_constant, quantizable
from pytest_qparity.precision.placement.targets import TARGETS
from pytest_qparity.precision.placement.writing import write
from pytest_qparity.precision.preparing import at_opset, prepared, serialized
from pytest_qparity.precision.qoperator import ONE_INSTEAD, fold_factors, made_plain, make_qoperator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from onnx import ModelProto

    from pytest_qparity.precision.recipes import StaticRecipe
    from pytest_qparity.quantmath import Range

__all__ = ["StaticJob"]

PER_CHANNEL_OPSET = 13  # DequantizeLinear has its axis from here on
COMMON_OPSET = 19  # whose Q/DQ every engine has: onnx.reference begins there
CONVERTED_TO = 17  # what older models become, unless an element type needs a later opset


class StaticJob:
    """A float model on its way to a static variant. `model` is used up.

    First `float_model` is run over the calibration data and the ranges of `observed` are found, then `made` writes
    them into it.
    """

    def __init__(self, model: ModelProto, recipe: StaticRecipe) -> None:
        self._recipe = recipe
        self._target = TARGETS[recipe.target]
        self._scheme = _scheme(recipe)
        named = (*recipe.keep_float, *(name for name, _ in recipe.types))
        model, converted = at_opset(model, _least_opset(model, recipe), named)
        self._model, folded = prepared(model, recipe.keep_float)
        graph, kept_float = self._model.graph, frozenset(recipe.keep_float)
        nodes = quantizable(graph, kept_float)
        self._operators: list[ir.Node] = []  # what becomes operators on integers, not Q/DQ nodes
        if recipe.format == "qoperator":
            self._operators = made_plain(graph, [node for node in nodes if node.graph is graph])
            nodes = [node for node in nodes if node.graph is not graph]
        if self._target.fused_sums:
            fold_factors(graph, nodes)
            bias = recipe.bias == "int32"
            nodes = gemms_instead(graph, nodes, self._scheme, kept_float, integer_bias=bias)
        self._plan = planned(nodes, self._scheme, self._target, kept_float)
        self.optional = inside_bodies(graph)
        self.notes: tuple[str, ...] = (*converted, *folded)

    @property
    def observed(self) -> tuple[str, ...]:
        """Names of the tensors whose ranges are needed."""
        values = [value for node in self._operators for value in (*node.inputs[:2], *node.outputs)]
        names = (str(value.name) for value in values if value is not None and not is_constant(value))
        unseen = hidden(self._model.graph)
        return tuple(name for name in dict.fromkeys((*names, *self._plan.observed)) if name not in unseen)

    @property
    def moved(self) -> Mapping[str, Mapping[str, bool]]:
        """Tensors that share an observed one's range, as `activation_ranges.moved`."""
        return moved(self._plan) if self._recipe.format == "qdq" else {}

    def float_model(self) -> ModelProto:
        """The prepared float model, in which the observed tensors have their names."""
        return ir.serde.serialize_model(self._model)

    def made(self, ranges: Mapping[str, Range]) -> ModelProto:
        """The model with Q/DQ nodes; `ranges` has one for each observed tensor, or none where it is `optional`. What
        they lose is noted."""
        symmetric = self._scheme.symmetric
        plan = self._plan.where_known(ranges)
        self.notes += left_float([each.node for each in self._plan.nodes], [each.node for each in plan.nodes])
        elements = [(str(each.root.name), each.element) for each in plan.activations]
        self.notes += raised_scales(ranges, elements, SMALLEST_SCALE, symmetric=symmetric)
        write(self._model.graph, plan, ranges, self._scheme, integer_bias=self._recipe.bias == "int32")
        if self._recipe.format == "qoperator":
            planned_too = {name for name, _ in elements}
            elements = [(name, self._scheme.activation) for name in self.observed if name not in planned_too]
            self.notes += raised_scales(ranges, elements, ONE_INSTEAD, symmetric=symmetric)
            named = [str(node.name) for node in self._operators]
            return make_qoperator(serialized(self._model), self._recipe, named, ranges)
        return serialized(self._model)


def _scheme(recipe: StaticRecipe) -> Scheme:
    return Scheme(
        ELEMENTS[recipe.activation],
        ELEMENTS[recipe.weight],
        symmetric=recipe.symmetric,
        per_channel=recipe.granularity == "channel",
        weight_bits=recipe.weight_bits,
        overrides=dict(recipe.types),
    )


def _least_opset(model: ModelProto, recipe: StaticRecipe) -> int:
    """What the types need; a model that must be converted at all goes to CONVERTED_TO at least."""
    names = [recipe.activation, recipe.weight, *(name for _, name in recipe.types)]
    least = COMMON_OPSET if recipe.target == "any" else PER_CHANNEL_OPSET
    needed = max([least, *(ELEMENTS[name].opset for name in names)])
    opset = opset_of(model)
    return needed if opset >= needed else max(needed, CONVERTED_TO)
