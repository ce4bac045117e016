"""GPTQ of a float model: second moments of what its products take, and the model with packed weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx_ir as ir

from pytest_qparity.precision.calibration.moments import MomentObserver
from pytest_qparity.precision.gptq import gptq, packed
from pytest_qparity.precision.placement.reach import hidden
from pytest_qparity.precision.placement.selection import array_of, is_constant, quantizable
from pytest_qparity.precision.placement.writer import Writer
from pytest_qparity.precision.preparing import at_opset, prepared, serialized
from pytest_qparity.precision.values import MICROSOFT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np
    from onnx import ModelProto

    from pytest_qparity.precision.recipes import WeightOnlyRecipe

__all__ = ["GptqJob"]

_OBSERVED_OPSET = 13  # what leads tensors out of bodies
_NAMES_LISTED = 8
_MATRIX = 2


class GptqJob:
    """A float model on its way to one with com.microsoft MatMulNBits; `model` is used up.

    ONNX Runtime's own GPTQ (1.32) multiplies the errors that it hands on by the zeros below the diagonal of an upper
    triangle: its codes are those of rounding to nearest. It also looks into no body, and packs zero points wrong where
    the number of blocks is odd.
    """

    def __init__(self, model: ModelProto, recipe: WeightOnlyRecipe) -> None:
        self._recipe = recipe
        model, converted = at_opset(model, _OBSERVED_OPSET, recipe.keep_float)
        self._model, folded = prepared(model, recipe.keep_float)
        self.notes: tuple[str, ...] = (*converted, *folded)
        unseen = hidden(self._model.graph)
        widths = {
            str(activation.name): array_of(weight).shape[0]
            for _, activation, weight in self._products()
            if activation.name not in unseen
        }
        self._observer = MomentObserver(ir.serde.serialize_model(self._model), widths)

    def take(self, feed: Mapping[str, np.ndarray], samples: int) -> None:
        self._observer.take(feed, samples)

    def made(self) -> ModelProto:
        """The model with packed weights; products that the data never reached are rounded to nearest, and noted."""
        moments, writer, unreached = self._observer.moments(), Writer(self._model.graph), []
        for node, activation, weight in list(self._products()):
            moment = moments.get(str(activation.name))
            if moment is None:
                unreached.append(str(node.name))
            self._pack(node, weight, moment, writer)
        if unreached:
            named = ", ".join(unreached[:_NAMES_LISTED]) + (", …" if len(unreached) > _NAMES_LISTED else "")
            count = f"{len(unreached)} products are" if len(unreached) > 1 else "1 product is"
            reason = "as no calibration sample reaches what it takes in its branch or loop"
            self.notes += (f"{count} rounded to nearest, {reason}: {named}",)
        self._model.graph.opset_imports.setdefault(MICROSOFT, 1)
        return serialized(self._model)

    def _products(self) -> Iterator[tuple[ir.Node, ir.Value, ir.Value]]:
        """Products of an activation with a constant matrix on their right: node, activation, matrix."""
        for node in quantizable(self._model.graph, frozenset(self._recipe.keep_float)):
            left, right = node.inputs[0], node.inputs[1]
            if node.op_type != "MatMul" or left is None or right is None or not is_constant(right):
                continue
            if array_of(right).ndim == _MATRIX:
                yield node, left, right

    def _pack(self, node: ir.Node, weight: ir.Value, moment: np.ndarray | None, writer: Writer) -> None:
        graph, output = node.graph, node.outputs[0]
        assert isinstance(graph, ir.Graph)
        rows, columns = array_of(weight).shape
        parts = packed(gptq(array_of(weight), moment, self._recipe.block))
        names = (f"{weight.name}_Q4", f"{weight.name}_scales", f"{weight.name}_zero_points")
        constants = [writer.constant(name, part, graph) for name, part in zip(names, parts, strict=True)]
        attributes = {"K": rows, "N": columns, "bits": 4, "block_size": self._recipe.block}
        product = ir.node(
            "MatMulNBits", [node.inputs[0], *constants], attributes, domain=MICROSOFT, name=f"{node.name}_Q4"
        )
        after = product.outputs[0]
        after.name, after.type, after.shape = output.name, output.type, output.shape
        ir.convenience.replace_nodes_and_values(graph, node, [node], [product], [output], [after])
