"""What TensorRT's engine inspector tells of an engine: its layers, their types, and the file's nodes in them.

Form of the JSON: NVIDIA's documentation of the engine inspector (10.16), its page on what 11 changed, and the samples
of trt-engine-explorer in NVIDIA/TensorRT. TensorRT 10 tells type and layout of a tensor in one text
("Format/Datatype"), 11 in two. A file's nodes stand in "Metadata" as the importer writes them (onnx-tensorrt,
processMetadata): "[ONNX Layer: name | Local Function: …]", one after the other, cut in the middle beyond 4,000
characters. What an engine of 10.16 or 11.4 really says has not been seen here: nothing of this was run on a GPU.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

from pytest_qparity.backends.kernels import ComputeNode, Kernels, NotTold, counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

_NODES = re.compile(r"\[ONNX Layer: (.*?)(?: \| [^\]]*)?\](?=$|[\x1e\x1f\[\s])")
_TYPE_KEYS = ("Format/Datatype", "Datatype", "DataType", "Format")
_TYPES = {
    "int8": "int8",
    "int4": "int4",
    "fp8": "fp8",
    "fp8e4m3": "fp8",
    "fp4": "fp4",
    "fp4e2m1": "fp4",
    "uint8": "uint8",
    "fp16": "fp16",
    "half": "fp16",
    "bf16": "bf16",
    "bfloat16": "bf16",
    "fp32": "fp32",
    "float": "fp32",
    "int32": "int32",
    "int64": "int64",
    "bool": "bool",
}
_QUANTIZED = frozenset({"int8", "int4", "fp8", "fp4"})
# How the parts of a tactic's name begin that say in which type a product takes its first operand:
# "sm80_xmma_fprop_implicit_gemm_interleaved_i8f16_i8i32_f32_…" takes int8 and gives fp16.
_QUANTIZED_OPERAND = ("i8", "s8", "int8", "e4m3", "e5m2", "e2m1", "fp8", "fp4", "nvf4", "mxf8", "imma")
_FLOAT_OPERAND = ("f16", "f32", "bf16", "tf32", "h884", "s884", "h1688", "s1688", "h16816", "s16816")
_KINDS = {  # of layers, where no file says of which node they are; "deconvolution" before "convolution"
    "deconvolution": "ConvTranspose",
    "convolution": "Conv",
    "matrixmultiply": "MatMul",
    "gemm": "MatMul",
    "fullyconnected": "MatMul",
}
_REFORMAT = "Reformat"
_MOVING = frozenset({_REFORMAT, "NoOp"})  # their names quote the layer that they serve, with its nodes


class Operands(Enum):
    """In which types a layer takes what it multiplies."""

    QUANTIZED = "quantized"
    QUANTIZED_WEIGHTS = "quantized weights, float activations"
    FLOAT = "float"
    NOT_TOLD = "not told"


@dataclass(frozen=True, slots=True)
class Layer:
    """`inputs`: types of the tensors that it takes, None where the inspector tells none (open shapes)."""

    name: str
    kind: str
    nodes: tuple[str, ...]
    inputs: tuple[str | None, ...]
    weights: str | None = None
    tactic: str = ""
    parameters: str = ""
    is_from_file: bool = False  # a reformat that is a Q or DQ node of the file, not one that TensorRT put in

    @property
    def operands(self) -> Operands:
        """From the weights' type and the tactic's name where they are told, else from the inputs' types. A layer that
        takes int8 and multiplies floats is a float layer."""
        takes = [each for each in self.inputs if each is not None]
        takes_quantized = any(each in _QUANTIZED for each in takes)
        operand = _operand_of(self.tactic)
        if self.weights is not None:
            if self.weights not in _QUANTIZED:
                return Operands.FLOAT
            is_whole = operand is Operands.QUANTIZED or (operand is Operands.NOT_TOLD and takes_quantized)
            return Operands.QUANTIZED if is_whole else Operands.QUANTIZED_WEIGHTS
        if operand is Operands.QUANTIZED:
            return Operands.QUANTIZED
        if operand is Operands.FLOAT:
            return Operands.QUANTIZED_WEIGHTS if takes_quantized else Operands.FLOAT
        if not takes:
            return Operands.NOT_TOLD
        if self.inputs[0] in _QUANTIZED:
            return Operands.QUANTIZED
        return Operands.QUANTIZED_WEIGHTS if takes_quantized else Operands.FLOAT


def kernels_of_engine(told: str, model: Path | None) -> Kernels | NotTold:
    """The compute nodes of `model` by the layers that run them; the layers themselves where there is no file."""
    try:
        layers = layers_in(told)
    except ValueError as error:
        return NotTold(f"TensorRT's engine inspector: {error}")
    if model is None:
        nodes = [(_kind_of(layer), layer.name, False, layer.operands) for layer in layers if _kind_of(layer)]
        unplaced = 0
    else:
        nodes, unplaced = _nodes_in(layers, model)
    hidden = unplaced + sum(operands is Operands.NOT_TOLD for *_, operands in nodes)
    computed = [
        ComputeNode(
            kind,
            name,
            quantized=operands in (Operands.QUANTIZED, Operands.QUANTIZED_WEIGHTS),
            weights_only=operands is Operands.QUANTIZED_WEIGHTS,
            in_file=in_file,
        )
        for kind, name, in_file, operands in nodes
        if operands is not Operands.NOT_TOLD
    ]
    return replace(counted(computed, hidden, remarks_on(layers)), types=types_of(layers))


def layers_in(told: str) -> tuple[Layer, ...]:
    """The layers of `IEngineInspector.get_engine_information` in JSON. Raises ValueError where it is none, or tells
    names alone."""
    read: Any = json.loads(told)
    layers = read.get("Layers") if isinstance(read, dict) else None
    if not isinstance(layers, list) or not layers:
        raise ValueError('got no "Layers", should be at least one')
    if any(isinstance(layer, str) for layer in layers):
        raise ValueError("got names of layers alone, should be a plan built with ProfilingVerbosity.DETAILED")
    if not all(isinstance(layer, dict) and isinstance(layer.get("Name"), str) for layer in layers):
        raise ValueError("got a layer without a name, should be an object with one")
    return tuple(_layer(layer) for layer in layers)


def types_of(layers: Iterable[Layer]) -> dict[str, int]:
    """How many layers compute in each type: those that a layer takes, of which quantized ones count where it multiplies
    in them. Layers that only move, and the file's own Q and DQ nodes, compute in none."""
    found: Counter[str] = Counter()
    for layer in layers:
        if layer.kind in _MOVING or layer.is_from_file:
            continue
        is_quantized = layer.operands in (Operands.QUANTIZED, Operands.QUANTIZED_WEIGHTS)
        taken = {each for each in (*layer.inputs, layer.weights) if each is not None}
        found.update(each for each in taken if is_quantized or each not in _QUANTIZED)
    return dict(sorted(found.items()))


def remarks_on(layers: Sequence[Layer]) -> tuple[str, ...]:
    """Layers by type, by what they take, and those that only change a layout or a type."""
    taken = Counter(_taken(layer) for layer in layers if layer.kind != _REFORMAT)
    reformats = [layer for layer in layers if layer.kind == _REFORMAT]
    own = sum(not layer.is_from_file for layer in reformats)
    return (
        f"{len(layers)} layers in TensorRT's engine: {_listed(Counter(layer.kind for layer in layers))}",
        f"types that they take: {_listed(taken)}",
        f"{len(reformats)} reformat layers, {own} of them put in by TensorRT",
    )


def _nodes_in(layers: Iterable[Layer], model: Path) -> tuple[list[tuple[str, str, bool, Operands]], int]:
    """The file's compute nodes with what the layer of each takes, and how many are in no layer that tells of them."""
    from pytest_qparity.backends.onnx_kernels import compute_nodes, read_graph

    computing = [layer for layer in layers if layer.kind not in _MOVING]
    by_node: dict[str, Layer] = {}
    # A node can stand in several layers (a product and what follows it): that of the product counts.
    for each in sorted(computing, key=lambda layer: bool(_kind_of(layer))):
        by_node |= dict.fromkeys(each.nodes, each)
    found, unplaced = [], 0
    for node in compute_nodes(read_graph(model)):
        # The importer calls a node without a name after its first output.
        layer = by_node.get(node.name) or by_node.get(f"node_of_{node.name}")
        if layer is None:
            unplaced += 1
        else:
            found.append((node.kind, node.name, node.in_file, layer.operands))
    return found, unplaced


def _layer(told: Mapping[str, Any]) -> Layer:
    name = told["Name"]
    stated = _NODES.findall(str(told.get("Metadata", "")))
    weights = told.get("Weights")
    return Layer(
        name=name,
        kind=str(told.get("LayerType", "not told")),
        nodes=tuple(stated or name.split(" + ")),
        inputs=tuple(_type_of(tensor) for tensor in told.get("Inputs", ()) if isinstance(tensor, dict)),
        weights=_type_in(str(weights.get("Type", ""))) if isinstance(weights, dict) else None,
        tactic=str(told.get("TacticName", "")),
        parameters=str(told.get("ParameterType", "")),
        is_from_file=told.get("Origin") == "QDQ",
    )


def _type_of(tensor: Mapping[str, Any]) -> str | None:
    found = (_type_in(str(tensor[key])) for key in _TYPE_KEYS if key in tensor)
    return next((each for each in found if each is not None), None)


def _type_in(text: str) -> str | None:
    """The type in "Thirty-two wide channel vectorized row major Int8 format", in "Half", in "FP8"."""
    words = (word.lower() for word in re.findall(r"\w+", text))
    return next((_TYPES[word] for word in words if word in _TYPES), None)


def _operand_of(tactic: str) -> Operands:
    parts = re.split(r"[^a-z0-9]+", tactic.lower())
    if any(part.startswith(_QUANTIZED_OPERAND) for part in parts):
        return Operands.QUANTIZED
    return Operands.FLOAT if any(part.startswith(_FLOAT_OPERAND) for part in parts) else Operands.NOT_TOLD


def _kind_of(layer: Layer) -> str:
    text = f"{layer.kind} {layer.parameters}".replace("_", "").lower()
    return next((kind for word, kind in _KINDS.items() if word in text), "")


def _taken(layer: Layer) -> str:
    return next((each for each in layer.inputs if each is not None), "not told")


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "none"
