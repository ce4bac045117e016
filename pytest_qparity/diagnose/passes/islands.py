"""Each layer between its own Q/DQ pairs, with the optimizer on and off: which of an engine's fused kernels deviates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import onnx

from pytest_qparity.diagnose.passes.tallies import DistanceTally
from pytest_qparity.precision.pairs.light_model import OWN
from pytest_qparity.precision.pairs.running import Optimizing, Tapped

if TYPE_CHECKING:
    import numpy as np

    from pytest_qparity.diagnose.pairs.models import Models

    Feed = Mapping[str, np.ndarray[Any, np.dtype[Any]]]

__all__ = ["Islands"]

_ROUNDED = " rounded"


class Islands:
    """The variant cut at every tensor that it quantizes, fed there with the float model's values. What a layer makes is
    quantized once more as the variant does, so that an engine fuses it as it does in the whole model.

    outputs: rounded tensors with the optimizer on against off, by name in the float model.
    """

    def __init__(self, models: Models) -> None:
        self._models = models
        variant = models.variant
        quantized = {
            each.raw: each for each in models.quantizers if each.raw in models.cut and each.made_by is not None
        }
        cut = {name: models.cut[name] for name in quantized}
        nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in variant.proto.graph.node]
        by_name = {node.name: node for node in variant.proto.graph.node}
        for raw, quantizer in quantized.items():
            quantize = by_name[quantizer.name]
            dequantize = next(node for node in variant.proto.graph.node if quantizer.dequantized[0] in node.output)
            pair = (
                _again(quantize, {raw: raw + OWN}, f"{raw}{OWN} codes"),
                _again(dequantize, {quantize.output[0]: f"{raw}{OWN} codes"}, f"{raw}{OWN}{_ROUNDED}"),
            )
            nodes.extend(pair)
        self._tensors = {f"{raw}{OWN}{_ROUNDED}": each.tensor for raw, each in quantized.items()}
        graph = variant.graph(list(self._tensors), cut, nodes)
        self._off = Tapped(graph, variant.folder)
        self._on = Tapped(graph, variant.folder, Optimizing.ON)
        self._from = {name: models.stands_for[name] for name in self._off.inputs if name in cut}
        made = [name for name in dict.fromkeys(self._from.values()) if name in models.reference.producers]
        self._reference = Tapped(models.reference.graph(made), models.reference.folder) if made else None
        self.outputs = {tensor: DistanceTally() for tensor in self._tensors.values()}
        self.passes = {"islands": 1.0}

    def take(self, feed: Feed, index: int) -> None:
        golden = {**feed, **({} if self._reference is None else self._reference.run(feed))}
        kinds = self._models.cut_types
        fed = {theirs: golden[mine].astype(kinds[theirs], copy=False) for theirs, mine in self._from.items()}
        off, on = self._off.run(fed, feed), self._on.run(fed, feed)
        for name, tensor in self._tensors.items():
            self.outputs[tensor].add(on[name], off[name])


def _again(node: onnx.NodeProto, inputs: Mapping[str, str], output: str) -> onnx.NodeProto:
    copy: onnx.NodeProto = onnx.NodeProto.FromString(node.SerializeToString())
    copy.name = f"{node.name}{OWN}"
    copy.input[:] = [inputs.get(name, name) for name in node.input]
    copy.output[:] = [output]
    return copy
