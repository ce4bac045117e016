"""A given file in which chosen nodes are float again: the float model's, with all that they read unrounded."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import onnx
from onnx import external_data_helper

from pytest_qparity.precision.graph import in_order, nodes_of
from pytest_qparity.precision.pairs.light_model import LightModel, inputs_of
from pytest_qparity.precision.pairs.pairing import paired
from pytest_qparity.precision.pairs.quantizers import activation_quantizers
from pytest_qparity.precision.pairs.splicing import Change, Splice, spliced
from pytest_qparity.precision.values import live_nodes
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from collections.abc import Collection

    from onnx import ModelProto

    from pytest_qparity.precision.pairs.pairing import Pairing
    from pytest_qparity.precision.pairs.quantizers import ActivationQuantizer

__all__ = ["make_mixed"]

NAMES_LISTED = 5


def make_mixed(model: Path, given: Path, kept: Collection[str], place: str) -> tuple[ModelProto, tuple[str, ...]]:
    """`given` with the nodes `kept` of the float `model` float again, and notes.

    A node takes its inputs from ahead of their Q/DQ pairs and its constants from the float model; a Q/DQ pair that
    nobody reads any more is gone. What it gives is rounded where another node still asks for it. `place`: how a
    sentence begins. Raises CannotJudge where a node has no counterpart in `given`, as in a body or an integer operator.
    """
    with tempfile.TemporaryDirectory(prefix="mixed-") as scratch:
        reference = LightModel(model, Path(scratch), "reference")
        variant = LightModel(given, Path(scratch), "variant")
        pairing = paired(reference, variant)
        quantizers, _ = activation_quantizers(reference, variant, pairing)
        chosen = _to_take(reference, variant, pairing, kept, f"{place}: {given.name}")
        splice = spliced(Change(nodes=chosen), reference, variant, pairing, quantizers, _types(variant))
        made = _written(variant, splice)
        external_data_helper.load_external_data_for_model(made, scratch)
    rounded = _rounded(pairing, quantizers, variant)
    idle = [name for name in chosen if name not in rounded]
    said = f"{len(chosen) - len(idle)} nodes of {given.name} are float again"
    if not idle:
        return made, (said,)
    named = ", ".join(idle[:NAMES_LISTED])
    return made, (said, f"{len(idle)} nodes of keep_float were float in {given.name} already: {named}")


def _types(variant: LightModel) -> dict[str, int]:
    """Element types of the tensors, as the file states them or as they follow from its operators."""
    try:
        graph = onnx.shape_inference.infer_shapes(variant.proto).graph
    except onnx.shape_inference.InferenceError:
        graph = variant.proto.graph
    stated = (*graph.input, *graph.value_info, *graph.output)
    return {value.name: value.type.tensor_type.elem_type for value in stated}


def _is_gemm(variant: LightModel, name: str) -> bool:
    """A float operator, in which optimizers have taken a MatMul and an Add together."""
    return variant.nodes[name].op_type == "Gemm"


def _to_take(
    reference: LightModel, variant: LightModel, pairing: Pairing, kept: Collection[str], place: str
) -> tuple[str, ...]:
    """In the order of the float model; nodes that make constants are none: their readers take what they give."""
    constants = [node.name for node in reference.proto.graph.node if not set(inputs_of(node)) & reference.variable]
    chosen = [name for name in reference.nodes if name in kept and name not in constants]
    inside = {node.name for node in nodes_of(reference.proto.graph)} - reference.nodes.keys()
    there = {**pairing.nodes, **{mine: name for mine, name in pairing.replaced.items() if _is_gemm(variant, name)}}
    lost = [name for name in chosen if name not in there and name not in pairing.absent]
    lost += sorted(inside & set(kept))
    if lost:
        named = ", ".join(lost[:NAMES_LISTED]) + (", …" if len(lost) > NAMES_LISTED else "")
        sentence = (
            f"{place}: got {len(lost)} nodes of keep_float that it has no counterpart of ({named}), "
            "should have a float operator between Q/DQ nodes for each."
        )
        remedy = "name other nodes, or make the variant from the float model: remove file"
        likely = "operators on integers (QLinearConv, MatMulNBits) and bodies of branches and loops are not taken apart"
        raise CannotJudge(Failure(Code.VARIANT_RECIPE, sentence, remedy, likely))
    return tuple(chosen)


def _rounded(pairing: Pairing, quantizers: Collection[ActivationQuantizer], variant: LightModel) -> set[str]:
    """Nodes of the float model that read something rounded in the given file, or whose output is."""
    found = {name for each in quantizers for name in each.reads}
    found |= {each.made_by for each in quantizers if each.made_by is not None and not each.reads}
    for mine, theirs in (*pairing.nodes.items(), *pairing.replaced.items()):
        makers = (variant.producers.get(name) for name in variant.nodes[theirs].input)
        if any(maker is not None and maker.op_type == "DequantizeLinear" for maker in makers):
            found.add(mine)
    return found | set(pairing.absent)


def _written(variant: LightModel, splice: Splice) -> ModelProto:
    made = onnx.ModelProto.FromString(variant.proto.SerializeToString())
    graph = made.graph
    del graph.node[:]
    graph.node.extend(splice.nodes)
    graph.initializer.extend(splice.constants)
    made = in_order(made)
    graph = made.graph
    live = [onnx.NodeProto.FromString(node.SerializeToString()) for node in live_nodes(graph)]
    del graph.node[:]
    graph.node.extend(live)
    used = {name for node in live for name in inputs_of(node)} | {value.name for value in graph.output}
    constants = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(constants)
    known = {name for node in live for name in node.output}
    stated = [value for value in graph.value_info if value.name in known]
    del graph.value_info[:]
    graph.value_info.extend(stated)
    return made
