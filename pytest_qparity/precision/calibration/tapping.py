"""Tensors inside bodies of If, Loop and Scan, led out of them for as long as a model is observed.

A tensor of a body is no output of the model. Each body gives its values, flat, as one more output: an If nothing (no
elements) from the branch that was not taken, a Loop those of all steps one behind the other, through a sequence that it
carries, as they may have another shape in each step, and a Scan, which carries no sequences, as a scan output.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper

from pytest_qparity.precision.values import STANDARD, subgraphs

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from onnx import GraphProto, ModelProto

__all__ = ["tapped", "tensors_inside"]

_PREFIX = "observed"
_RUN = ("If", "Loop", "Scan")


@contextmanager
def tapped(model: ModelProto, names: Collection[str]) -> Iterator[Mapping[str, str]]:
    """The model with nodes that make a flat float32 tensor of the main graph of each of `names`, which are tensors of
    bodies: the names of these, by those. No weight of the main graph is copied, and the model is as it was afterwards.

    Opset 13 or later. `names`: of those that `tensors_inside` gives.
    """
    if not names:
        yield {}
        return
    graph, count = model.graph, len(model.graph.node)
    holders = [node for node in graph.node if any(True for _ in subgraphs(node))]
    before = [_copy(node) for node in holders]
    tapping = _Tapping(graph, frozenset(names))
    try:
        yield tapping.tap(graph)
    finally:
        del graph.node[: tapping.in_front]
        del graph.node[count:]
        for node, original in zip(holders, before, strict=True):
            node.CopyFrom(original)


def tensors_inside(graph: GraphProto) -> set[str]:
    """Names of the tensors that bodies of If, Loop and Scan make or are given; what other nodes do with bodies that
    they hold (SequenceMap) is not known."""
    found: set[str] = set()
    for node in graph.node:
        if node.op_type in _RUN and node.domain in STANDARD:
            for body in subgraphs(node):
                found.update(_own(body))
                found |= tensors_inside(body)
    return found


def _own(body: GraphProto) -> list[str]:
    return [*(value.name for value in body.input), *(name for node in body.node for name in node.output if name)]


class _Tapping:
    """`in_front`: how many nodes were put in front of all others of the main graph."""

    def __init__(self, main: GraphProto, wanted: frozenset[str]) -> None:
        self._main, self._wanted = main, wanted
        self._made = 0
        self._start = ""
        self.in_front = 0

    def tap(self, graph: GraphProto) -> dict[str, str]:
        """Flat tensors of a graph for all that its bodies hold."""
        taps: dict[str, str] = {}
        lead_out = {"If": self._from_branches, "Loop": self._from_loop, "Scan": self._from_scan}
        for node in list(graph.node):
            if node.op_type in _RUN and node.domain in STANDARD:
                taps |= lead_out[node.op_type](graph, node)
        return taps

    def _of_body(self, body: GraphProto) -> dict[str, str]:
        """Flat tensors of a body for what it holds itself, and what bodies in it do."""
        inner = self.tap(body)
        return {name: self._flat(body, name) for name in _own(body) if name in self._wanted} | inner

    def _from_branches(self, _: GraphProto, node: NodeProto) -> dict[str, str]:
        branches = list(subgraphs(node))
        found = [self._of_body(branch) for branch in branches]
        taps = {name: self._new(name) for each in found for name in each}
        for branch, each in zip(branches, found, strict=True):
            given = [each[name] if name in each else self._nothing(branch) for name in taps]
            branch.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, [None]) for name in given)
        node.output.extend(taps.values())
        return taps

    def _from_loop(self, graph: GraphProto, node: NodeProto) -> dict[str, str]:
        (body,) = subgraphs(node)
        flat = self._of_body(body)
        if not flat:
            return {}
        node.input.extend([""] * (2 - len(node.input)))
        node.output.extend([""] * (len(body.output) - 1 - len(node.output)))
        taps = {}
        for name, values in flat.items():
            held, longer, end = (self._new(name) for _ in range(3))
            carried = len(node.input) - 2  # what a Loop carries comes before its scan outputs
            body.node.append(helper.make_node("SequenceInsert", [held, values], [longer]))
            body.input.append(helper.make_tensor_sequence_value_info(held, TensorProto.FLOAT, None))
            body.output.insert(1 + carried, helper.make_tensor_sequence_value_info(longer, TensorProto.FLOAT, None))
            node.input.append(self._sequence())
            node.output.insert(carried, end)
            taps[name] = self._new(name)
            graph.node.append(helper.make_node("ConcatFromSequence", [end], [taps[name]], axis=0))
        return taps

    def _from_scan(self, graph: GraphProto, node: NodeProto) -> dict[str, str]:
        (body,) = subgraphs(node)
        flat = self._of_body(body)
        if not flat:
            return {}
        node.output.extend([""] * (len(body.output) - len(node.output)))
        for attribute in node.attribute:
            if attribute.name in ("scan_output_axes", "scan_output_directions"):
                attribute.ints.extend([0] * len(flat))
        taps = {}
        for name, values in flat.items():
            steps = self._new(name)
            body.output.append(helper.make_tensor_value_info(values, TensorProto.FLOAT, [None]))
            node.output.append(steps)
            taps[name] = self._reshaped(graph, steps)
        return taps

    def _flat(self, graph: GraphProto, name: str) -> str:
        wide = self._new(name)
        graph.node.append(helper.make_node("Cast", [name], [wide], to=TensorProto.FLOAT))
        return self._reshaped(graph, wide)

    def _reshaped(self, graph: GraphProto, name: str) -> str:
        shape, flat = self._new("shape"), self._new("flat")
        graph.node.append(helper.make_node("Constant", [], [shape], value_ints=[-1]))
        graph.node.append(helper.make_node("Reshape", [name, shape], [flat]))
        return flat

    def _nothing(self, graph: GraphProto) -> str:
        name = self._new("nothing")
        graph.node.append(_empty(name))
        return name

    def _sequence(self) -> str:
        """What all loops begin with, since none could be joined where a Loop takes no step: a sequence that holds a
        tensor without elements."""
        if not self._start:
            nothing, self._start = self._new("nothing"), self._new("start")
            self._main.node.insert(0, helper.make_node("SequenceConstruct", [nothing], [self._start]))
            self._main.node.insert(0, _empty(nothing))
            self.in_front = 2
        return self._start

    def _new(self, name: str) -> str:
        self._made += 1
        return f"{_PREFIX}/{self._made}/{name}"


def _empty(name: str) -> NodeProto:
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(np.zeros(0, np.float32)))


def _copy(node: NodeProto) -> NodeProto:
    copy = NodeProto()
    copy.CopyFrom(node)
    return copy
