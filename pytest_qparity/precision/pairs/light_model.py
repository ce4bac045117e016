"""A model whose weights lie in a file of their own: many graphs are made of it, and none holds them twice."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import TYPE_CHECKING

import onnx
from onnx import TensorProto, external_data_helper, numpy_helper

from pytest_qparity.precision.graph import made_ready
from pytest_qparity.precision.large import SMALL
from pytest_qparity.precision.values import live_nodes, names_used, subgraphs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from onnx import ModelProto, NodeProto

__all__ = ["OWN", "LightModel", "inputs_of"]

OWN = " own"  # behind the name of a tensor that a cut graph makes, where the name itself is an input
_ALIGNMENT = 4_096  # bytes: engines map a weight into memory only where it begins on a page


class LightModel:
    """Nodes and small constants in memory, larger ones in `folder`; functions inlined, all nodes named.

    `variable`: tensors that depend on an input of the model; all others are constants of it.
    """

    def __init__(
        self,
        path: Path,
        folder: Path,
        stem: str,
        prepare: Callable[[ModelProto, Path], ModelProto] = lambda model, _: model,
    ) -> None:
        """`stem`: under which the weights are put into `folder`. Reads one weight at a time beside the model's file.

        prepare: what becomes of the model first, and the folder that its external data lie in.
        """
        self.folder = folder
        self.proto = _light(path, folder / f"{stem}.weights", prepare)
        graph = self.proto.graph
        self.initializers: dict[str, TensorProto] = {tensor.name: tensor for tensor in graph.initializer}
        self.inputs = tuple(value.name for value in graph.input)
        self.outputs = tuple(value.name for value in graph.output)
        self.nodes: dict[str, NodeProto] = {node.name: node for node in graph.node}
        self.producers: dict[str, NodeProto] = {name: node for node in graph.node for name in node.output if name}
        self.readers: dict[str, list[NodeProto]] = {}
        for node in graph.node:
            for name in dict.fromkeys(inputs_of(node)):
                self.readers.setdefault(name, []).append(node)
        self.variable = _variable(graph.node, self.inputs)

    def graph(
        self,
        outputs: Iterable[str],
        cut: Mapping[str, int] | None = None,
        nodes: Sequence[NodeProto] | None = None,
        constants: Iterable[TensorProto] = (),
    ) -> bytes:
        """The model that makes `outputs` and nothing else.

        cut: element types by name of tensors that become inputs; what the model makes of each is the output
        f"{name}{OWN}". nodes: in the place of the model's own, with further `constants`.
        """
        made, cut = onnx.ModelProto(), cut or {}
        made.CopyFrom(_head(self.proto))
        graph = made.graph
        graph.name = self.proto.graph.name or "graph"
        graph.node.extend(self.proto.graph.node if nodes is None else nodes)
        for node in graph.node if cut else ():
            for index, name in enumerate(node.output):
                if name in cut:
                    node.output[index] = name + OWN
        graph.output.extend(onnx.ValueInfoProto(name=name) for name in outputs)
        live = [onnx.NodeProto.FromString(node.SerializeToString()) for node in live_nodes(graph)]
        del graph.node[:]
        graph.node.extend(live)
        used = {name for node in live for name in inputs_of(node)} | set(outputs)
        made_here = {name for node in live for name in node.output}
        graph.input.extend(value for value in self.proto.graph.input if value.name in used and value.name not in cut)
        graph.input.extend(
            onnx.helper.make_tensor_value_info(name, kind, None) for name, kind in cut.items() if name in used
        )
        graph.initializer.extend(
            tensor
            for tensor in (*self.proto.graph.initializer, *constants)
            if tensor.name in used and tensor.name not in made_here
        )
        written: bytes = made.SerializeToString()
        return written

    def share(self, graph: bytes) -> float:
        """Of its nodes those that a graph of it has: what part of a pass it is."""
        return len(onnx.ModelProto.FromString(graph).graph.node) / max(len(self.proto.graph.node), 1)


def inputs_of(node: NodeProto) -> list[str]:
    """Names that a node reads, those that its subgraphs take from around them included."""
    inner = [name for graph in subgraphs(node) for name in names_used(graph)]
    return [name for name in (*node.input, *inner) if name]


def _variable(nodes: Iterable[NodeProto], inputs: Iterable[str]) -> frozenset[str]:
    found, waiting, before = set(inputs), list(nodes), -1
    while len(waiting) != before:  # once for a file in order; ONNX Runtime's quantizer leaves some that are not
        before, left = len(waiting), []
        for node in waiting:
            if any(name in found for name in inputs_of(node)):
                found.update(name for name in node.output if name)
            else:
                left.append(node)
        waiting = left
    return frozenset(found)


def _head(model: ModelProto) -> ModelProto:
    return onnx.ModelProto(
        ir_version=model.ir_version, opset_import=model.opset_import, functions=model.functions, producer_name="qparity"
    )


def _light(path: Path, target: Path, prepare: Callable[[ModelProto, Path], ModelProto]) -> ModelProto:
    """The model with its weights at `target`; while it is read the file is mapped, so that it is not there twice."""
    whole = onnx.ModelProto()
    with (
        path.open("rb") as stream,
        mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
        memoryview(mapped) as view,
    ):
        whole.ParseFromString(view)
    whole = prepare(made_ready(whole), path.parent)
    _put_outside(whole, path.parent, target)
    light = onnx.ModelProto()
    light.CopyFrom(whole)  # a message holds what was taken out of it as long as it lives
    return light


def _put_outside(model: ModelProto, beside: Path, target: Path) -> None:
    with target.open("wb") as stream:
        for tensor in model.graph.initializer:
            if tensor.data_location == TensorProto.EXTERNAL:
                external_data_helper.load_external_data_for_tensor(tensor, str(beside))
                tensor.ClearField("data_location")
            elif (
                not tensor.HasField("raw_data") and tensor.ByteSize() > SMALL and tensor.data_type != TensorProto.STRING
            ):
                tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor), tensor.name))
            if len(tensor.raw_data) <= SMALL:
                del tensor.external_data[:]
                continue
            start = -(-stream.tell() // _ALIGNMENT) * _ALIGNMENT
            stream.seek(start)
            length = stream.write(tensor.raw_data)
            tensor.ClearField("raw_data")
            del tensor.external_data[:]
            for key, value in (("location", target.name), ("offset", str(start)), ("length", str(length))):
                tensor.external_data.add(key=key, value=value)
            tensor.data_location = TensorProto.EXTERNAL
