"""What is made of constants alone: an engine's builder computes it once, and so does this."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from pytest_qparity.precision.values import STANDARD, subgraphs

if TYPE_CHECKING:
    from onnx import NodeProto

    from pytest_qparity.checks.linting.view import Body, Known, View

__all__ = ["computed", "constant_names"]

LARGEST_COMPUTED = 1 << 16  # elements of all constants that go into one value: scales and zero points
MOST_NODES = 64
_RANDOM = frozenset({"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform"})
_OF_SHAPES = frozenset({"Shape", "Size"})


def constant_names(body: Body) -> frozenset[str]:
    """Names of all values that a body sees and that depend on no input: constants, and what standard operators make of
    them, in any order of nodes. Found once for a body."""
    if body.constants is None:
        body.constants = _constant_names(body)
    return body.constants


def _constant_names(body: Body) -> frozenset[str]:
    known = {name for name, value in body.values.items() if value.constant is not None}
    if body.outer is not None:
        known |= constant_names(body.outer)
    lacking = {id(node): {name for name in node.input if name} - known for node in body.nodes}
    ready = [node for node in body.nodes if not lacking[id(node)] or _is_of_a_known_shape(body, node)]
    while ready:
        node = ready.pop()
        if not _is_computed_once(node):
            continue
        for name in node.output:
            if not name or name in known:
                continue
            known.add(name)
            for reader in body.readers.get(name, ()):
                missing = lacking[id(reader)]
                missing.discard(name)
                if not missing:
                    ready.append(reader)
    return frozenset(known)


def computed(view: View, body: Body, name: str) -> np.ndarray | None:
    """The values that onnx.reference computes of constants alone; None of what depends on inputs or is too much, and
    where they cannot be computed."""
    if name not in constant_names(body):
        return None
    nodes: dict[int, NodeProto] = {}
    constants: dict[str, Known] = {}
    if not _gathered(body, name, nodes, constants):
        return None
    try:
        return _evaluated(view, name, list(nodes.values()), constants)
    except Exception:  # noqa: BLE001  # onnx.reference raises whatever NumPy does: an engine says then what it cannot do
        return None


def _is_computed_once(node: NodeProto) -> bool:
    if node.domain not in STANDARD or node.op_type in _RANDOM or any(subgraphs(node)):
        return False
    return bool(node.input) or node.op_type == "Constant"


def _is_of_a_known_shape(body: Body, node: NodeProto) -> bool:
    shape = body.known(node, 0).shape if node.op_type in _OF_SHAPES and node.domain in STANDARD else None
    return shape is not None and None not in shape


def _gathered(body: Body, name: str, nodes: dict[int, NodeProto], constants: dict[str, Known]) -> bool:
    """Nodes that lead to a value, in an order to run them in, and their constants; False where these are too many."""
    waiting, seen = [(name, False)], set[str]()
    while waiting:
        value, is_done = waiting.pop()
        if value in seen and not is_done:
            continue
        seen.add(value)
        maker = body.producers.get(value)
        known = body.values.get(value)
        if known is not None and known.constant is not None:
            constants[value] = known
        elif maker is None or len(nodes) > MOST_NODES:
            return False
        elif is_done:
            nodes.setdefault(id(maker), maker)
        else:
            waiting.append((value, True))
            waiting.extend((each, False) for each in maker.input if each)
    return sum(math.prod(size or 0 for size in known.shape or ()) for known in constants.values()) <= LARGEST_COMPUTED


def _evaluated(view: View, name: str, nodes: list[NodeProto], constants: dict[str, Known]) -> np.ndarray:
    from onnx.reference import ReferenceEvaluator

    arrays = ((constant, view.array(known)) for constant, known in constants.items())
    tensors = [numpy_helper.from_array(array, constant) for constant, array in arrays if array is not None]
    output = helper.make_tensor_value_info(name, TensorProto.UNDEFINED, None)
    graph = helper.make_graph(nodes, "constants", [], [output], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", view.opset)])
    [value] = ReferenceEvaluator(model).run(None, {})
    return np.asarray(value)
