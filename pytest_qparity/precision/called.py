"""What nodes of local functions are called in the file: inlining gives them another name in each call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx

from pytest_qparity.precision.graph import made_ready, nodes_of

if TYPE_CHECKING:
    from pathlib import Path

    from onnx import ModelProto, NodeProto

__all__ = ["graph_with_file_names", "names_in_file"]

_KEY = "pytest_qparity/in_file"


def graph_with_file_names(path: Path) -> ModelProto:
    """As `float_graph`, with the names that nodes of local functions and their calls have in the file
    (`names_in_file`). For looking at alone: what is made of it would hold them."""
    model = onnx.load(path, load_external_data=False)
    _mark(model)
    return made_ready(model)


def names_in_file(node: NodeProto) -> tuple[str, ...]:
    """Of a node that came out of a local function: its name there, and that of the call outside of all functions."""
    return tuple(entry.value for entry in node.metadata_props if entry.key.startswith(_KEY) and entry.value)


def _mark(model: ModelProto) -> None:
    """The inliner keeps the metadata of a function's nodes and nothing of a call: each call gets a copy of its own."""
    functions = {(each.domain, each.name): each for each in model.functions}
    for function in functions.values():
        for node in nodes_of(function):
            node.metadata_props.add(key=f"{_KEY}/node", value=node.name)
    taken = set(functions)
    for call in [node for node in nodes_of(model.graph) if (node.domain, node.op_type) in functions]:
        copy = onnx.FunctionProto()
        copy.CopyFrom(functions[call.domain, call.op_type])
        number = 1
        while (call.domain, f"{call.op_type}_{number}") in taken:
            number += 1
        copy.name = call.op_type = f"{call.op_type}_{number}"
        taken.add((call.domain, copy.name))
        for node in nodes_of(copy):
            node.metadata_props.add(key=f"{_KEY}/call", value=call.name)
        model.functions.append(copy)
