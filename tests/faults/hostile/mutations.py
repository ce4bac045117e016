"""Mutations of sound models, for hypothesis: bytes that are nearly an ONNX file."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st
from onnx import GraphProto, ModelProto, TensorProto

from tests.faults.hostile import building as b

Mutation = Callable[[ModelProto], None]

NUMBERS = st.sampled_from([-(2**63), -(2**31), -1, 0, 1, 2, 7, 2**20, 2**31, 2**40, 2**62, 2**63 - 1])
NAMES = st.sampled_from(["", "x", "y", "x_q", "w_dq", "no such value", "\x1b[31m", "../x", "a" * 10_000])
TYPES = st.sampled_from([0, 1, 2, 3, 6, 7, 8, 9, 10, 11, 16, 17, 21, 22, 23, 99])


def _branches() -> ModelProto:
    branch = b.graph([b.node("Relu", "x", "then")], inputs=(), outputs=(b.value("then"),))
    other = b.graph([b.node("Neg", "x", "else")], inputs=(), outputs=(b.value("else"),))
    nodes = [
        b.node("ReduceMax", "x", "most", keepdims=0),
        b.node("Greater", "most zero", "is_positive"),
        b.node("If", "is_positive", "y", then_branch=branch, else_branch=other),
    ]
    return b.model(nodes, b.array("zero", 0.0))


def _convolution() -> ModelProto:
    image, shape = b.from_shape("image", (1, 1, 2, 2))
    nodes = [image, b.node("Conv", "image kernel", "seen", pads=[1, 1, 1, 1]), b.node("ReduceMean", "seen", "y")]
    return b.model(nodes, shape, b.array("kernel", [[[[1.0, 2.0], [3.0, 4.0]]]]))


SOUND: tuple[Callable[[], ModelProto], ...] = (b.sane, _branches, _convolution)


@st.composite
def mutations(draw: st.DrawFn) -> Mutation:
    """One change of a model's graph; nothing where the graph has no place for it."""
    kind = draw(st.sampled_from([_drop, _double, _swap, _rename, _retype, _reshape, _reattribute, _rescale]))
    place, number = draw(st.integers(0, 9)), draw(NUMBERS)
    name, element = draw(NAMES), draw(TYPES)
    return lambda model: kind(model.graph, place, number, name, element)


@st.composite
def hostile_bytes(draw: st.DrawFn) -> bytes:
    """A sound model after a few mutations of its graph, then of its bytes."""
    model = draw(st.sampled_from(SOUND))()
    for mutate in draw(st.lists(mutations(), max_size=3)):
        mutate(model)
    content = bytearray(model.SerializeToString())
    for position, value in draw(st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), max_size=3)):
        content[position % len(content)] = value
    cut = draw(st.integers(0, 2**16))
    return bytes(content[: cut % len(content)] if draw(st.booleans()) and draw(st.booleans()) else content)


def _drop(graph: GraphProto, place: int, *_: object) -> None:
    if graph.node:
        del graph.node[place % len(graph.node)]


def _double(graph: GraphProto, place: int, *_: object) -> None:
    if graph.node:
        graph.node.append(graph.node[place % len(graph.node)])


def _swap(graph: GraphProto, place: int, *_: object) -> None:
    if len(graph.node) > 1:
        node = graph.node[place % len(graph.node)]
        del graph.node[place % len(graph.node)]
        graph.node.insert(0, node)


def _rename(graph: GraphProto, place: int, number: int, name: str, element: int) -> None:
    if graph.node:
        node = graph.node[place % len(graph.node)]
        if number % 2 and node.input:
            node.input[place % len(node.input)] = name
        elif node.output:
            node.output[0] = name


def _retype(graph: GraphProto, place: int, number: int, name: str, element: int) -> None:
    if graph.initializer:
        graph.initializer[place % len(graph.initializer)].data_type = element


def _reshape(graph: GraphProto, place: int, number: int, name: str, element: int) -> None:
    if graph.initializer:
        graph.initializer[place % len(graph.initializer)].dims.append(number)


def _reattribute(graph: GraphProto, place: int, number: int, name: str, element: int) -> None:
    attributes = [attribute for node in graph.node for attribute in node.attribute]
    if attributes:
        attribute = attributes[place % len(attributes)]
        attribute.i = number
        if attribute.ints:
            attribute.ints[0] = number


def _rescale(graph: GraphProto, place: int, number: int, name: str, element: int) -> None:
    floats = [tensor for tensor in graph.initializer if tensor.data_type == TensorProto.FLOAT and tensor.raw_data]
    if floats:
        floats[place % len(floats)].raw_data = (number % 2**32).to_bytes(4, "little")
