"""Which nodes of a float model the patterns of a case name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from onnx import NodeProto

from pytest_qparity.case.names import known_list, nearest
from pytest_qparity.case.patterns import BETWEEN_PREFIX, BETWEEN_SIGN, OPERATOR_PREFIX, OUTPUT_PREFIX, matches
from pytest_qparity.precision.called import names_in_file
from pytest_qparity.precision.graph import WEIGHTED, nodes_of
from pytest_qparity.precision.values import subgraphs
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from onnx import ModelProto

__all__ = ["Chosen", "NodeChoice", "chosen_nodes", "nodes_to_keep", "require_operators"]

NAMES_LISTED = 8


@dataclass(frozen=True, slots=True)
class NodeChoice:
    """What a case says of nodes. `place`: how a sentence about its patterns begins, by key.

    `activation`: the type of a node's activations where `types` says nothing, None where that is not known.
    `weighted_only`: the recipe quantizes weighted nodes alone, so that `only` keeps no others float: a batch norm may
    still be folded.
    """

    keep_float: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    edges_float: bool = False
    types: Mapping[str, str] = field(default_factory=dict)
    activation: str | None = None
    place: str = ""
    weighted_only: bool = False

    @classmethod
    def from_json(cls, stated: Mapping[str, Any]) -> NodeChoice:
        return cls(**{**stated, "keep_float": tuple(stated["keep_float"]), "only": tuple(stated["only"])})


@dataclass(frozen=True, slots=True)
class Chosen:
    """Names of the nodes that stay float, and (name, element type) where a node's activations have another."""

    keep_float: tuple[str, ...]
    types: tuple[tuple[str, str], ...]


def chosen_nodes(model: ModelProto, choice: NodeChoice) -> Chosen:
    """Resolve the patterns. Of several types for a node the last holds.

    Raises CannotJudge where a pattern is dead, as one of `types` is that matches none of the nodes that are quantized,
    or gives them the type that they have without it.
    """
    kept = dict.fromkeys(nodes_to_keep(model, choice.keep_float, _said(choice, "keep_float")))
    if choice.only:
        only = set(nodes_to_keep(model, choice.only, _said(choice, "only")))
        kept |= dict.fromkeys(
            node.name
            for node in nodes_of(model.graph)
            if node.name not in only and (node.op_type in WEIGHTED or not choice.weighted_only)
        )
    if choice.edges_float:
        kept |= dict.fromkeys(_edges(model))
    types: dict[str, str] = {}
    weighted = {node.name for node in nodes_of(model.graph) if node.op_type in WEIGHTED}
    for pattern, element in choice.types.items():
        matching = nodes_to_keep(model, (pattern,), _said(choice, "types"))
        quantized = [name for name in matching if name not in kept and name in weighted]
        if not quantized:
            raise _without_effect(pattern, matching, weighted - kept.keys(), _said(choice, "types"))
        if all(types.get(name, choice.activation) == element for name in quantized):
            raise _the_same(pattern, element, len(quantized), _said(choice, "types"))
        types |= dict.fromkeys(quantized, element)
    return Chosen(tuple(kept), tuple(types.items()))


def nodes_to_keep(model: ModelProto, patterns: tuple[str, ...], place: str = "keep_float") -> tuple[str, ...]:
    """Names of the nodes that match.

    `op:` and a glob on operator types; `output:` and the name of a tensor that a node makes; `between:a -> b`, the
    nodes on a way from tensor a to tensor b; anything else a glob on node names. Nodes of bodies count as all others,
    and one that holds bodies stands for what is in them, too. Raises CannotJudge where patterns match nothing; it says
    that of `place`.
    """
    nodes = list(nodes_of(model.graph))
    matching = {pattern: _matching(pattern, nodes) for pattern in patterns}
    dead = [pattern for pattern, names in matching.items() if not names]
    if dead:
        raise _dead_patterns(dead, nodes, place)
    return tuple(dict.fromkeys(name for names in matching.values() for name in names))


def require_operators(model: ModelProto, operators: Sequence[str]) -> None:
    """Raises CannotJudge for an operator type that no node has.

    ONNX Runtime quantizes a Gemm as the MatMul that it makes of it.
    """
    nodes = list(nodes_of(model.graph))
    there = {node.op_type for node in nodes}
    there |= {"MatMul"} if "Gemm" in there else set()
    for name in operators:
        if name not in there:
            sentence = f'operators: got "{name}", which is the type of none of {len(nodes)} nodes, should be of one.'
            remedy = f'remove "{name}" from operators, or correct it: the types are {known_list(sorted(there))}'
            raise CannotJudge(Failure(Code.VARIANT_DEAD_PATTERN, sentence, remedy))


def _said(choice: NodeChoice, key: str) -> str:
    return f"{choice.place}: {key}" if choice.place else key


def _matching(pattern: str, nodes: Sequence[NodeProto]) -> list[str]:
    if pattern.startswith(BETWEEN_PREFIX):
        return _between(pattern, nodes)
    found = [node for node in nodes if _is_match(pattern, node)]
    return [each.name for node in found for each in (node, *_inside(node))]


def _inside(node: NodeProto) -> Iterator[NodeProto]:
    for body in subgraphs(node):
        yield from nodes_of(body)


def _is_match(pattern: str, node: NodeProto) -> bool:
    if pattern.startswith(OPERATOR_PREFIX):
        return matches(pattern.removeprefix(OPERATOR_PREFIX), node.op_type)
    if pattern.startswith(OUTPUT_PREFIX):
        return pattern.removeprefix(OUTPUT_PREFIX) in node.output
    return any(matches(pattern, name) for name in (node.name, *names_in_file(node)))


def _between(pattern: str, nodes: Sequence[NodeProto]) -> list[str]:
    start, _, end = pattern.removeprefix(BETWEEN_PREFIX).partition(BETWEEN_SIGN)
    linked = [*nodes, *_links(nodes)]
    behind = _reached({start}, linked, lambda node: node.input, lambda node: node.output)
    before = _reached({end}, linked, lambda node: node.output, lambda node: node.input)
    return [node.name for node in nodes if id(node) in behind and id(node) in before]


def _links(nodes: Sequence[NodeProto]) -> Iterator[NodeProto]:
    """What leads into bodies and out of them, as nodes: from what a Loop or Scan takes to what its body is given, and
    from what a body gives to what its node does. What a body captures has its name there anyway; that a Loop begins
    again with what it ended with is no way from one node to another."""
    for node in nodes:
        for body in subgraphs(node):
            given = body.output[len(body.output) - len(node.output) :]  # a Loop's first is its condition
            for outside, inside in zip(node.input, body.input, strict=False):  # a Loop may leave the last ones out
                yield NodeProto(input=[outside], output=[inside.name])
            for inside, outside in zip(given, node.output, strict=False):
                yield NodeProto(input=[inside.name], output=[outside])


def _reached(
    tensors: set[str],
    nodes: Sequence[NodeProto],
    taken: Callable[[NodeProto], Iterable[str]],
    given: Callable[[NodeProto], Iterable[str]],
) -> set[int]:
    """Identities of the nodes that can be reached from tensors: each node that takes one gives its others."""
    by_tensor: dict[str, list[NodeProto]] = {}
    for node in nodes:
        for tensor in taken(node):
            by_tensor.setdefault(tensor, []).append(node)
    reached: set[int] = set()
    seen, open_ = set(tensors), list(tensors)
    while open_:
        for node in by_tensor.get(open_.pop(), ()):
            reached.add(id(node))
            new = {tensor for tensor in given(node) if tensor and tensor not in seen}
            seen |= new
            open_ += new
    return reached


def _edges(model: ModelProto) -> list[str]:
    """Weighted nodes with no weighted node before them, and those with none behind."""
    nodes = list(nodes_of(model.graph))
    weighted = [node for node in nodes if node.op_type in WEIGHTED]
    nodes += _links(nodes)
    before = {id(node) for node in _behind_any(weighted, nodes, lambda n: n.input, lambda n: n.output)}
    behind = {id(node) for node in _behind_any(weighted, nodes, lambda n: n.output, lambda n: n.input)}
    return [node.name for node in weighted if id(node) not in before or id(node) not in behind]


def _behind_any(
    weighted: Sequence[NodeProto],
    nodes: Sequence[NodeProto],
    taken: Callable[[NodeProto], Iterable[str]],
    given: Callable[[NodeProto], Iterable[str]],
) -> list[NodeProto]:
    """Weighted nodes that are reached from what another weighted node gives."""
    reached = _reached({tensor for node in weighted for tensor in given(node)}, nodes, taken, given)
    return [node for node in weighted if id(node) in reached]


def _dead_patterns(dead: list[str], nodes: list[NodeProto], place: str) -> CannotJudge:
    remedies = [_instead(pattern, nodes) for pattern in dead]
    if len(dead) == 1:
        got, remedy = f'"{dead[0]}", which matches', remedies[0]
    else:
        got = ", ".join(f'"{pattern}"' for pattern in dead) + ", which match"
        remedy = "; ".join(f'for "{pattern}" {instead}' for pattern, instead in zip(dead, remedies, strict=True))
    sentence = f"{place}: got {got} none of {len(nodes)} nodes, should match one or more."
    return CannotJudge(Failure(Code.VARIANT_DEAD_PATTERN, sentence, remedy))


def _without_effect(pattern: str, matching: Collection[str], possible: Collection[str], place: str) -> CannotJudge:
    """A node's type is that of the activations it takes: what is not quantized has none."""
    count = f"{len(matching)} nodes" if len(matching) > 1 else "1 node"
    quantized = known_list(sorted(possible)[:NAMES_LISTED])
    sentence = f'{place}: got "{pattern}", which matches {count} and none that is quantized, should match one that is.'
    remedy = f"choose among: {quantized}" if possible else "remove it: every node is kept float"
    return CannotJudge(Failure(Code.VARIANT_DEAD_PATTERN, sentence, remedy))


def _the_same(pattern: str, element: str, count: int, place: str) -> CannotJudge:
    nodes = f"{count} nodes" if count > 1 else "1 node"
    sentence = f'{place}: got {element} for "{pattern}", which {nodes} would have without it, should be another type.'
    return CannotJudge(Failure(Code.VARIANT_DEAD_PATTERN, sentence, f'remove "{pattern}", or name another type'))


def _instead(pattern: str, nodes: list[NodeProto]) -> str:
    tensors = {tensor for node in nodes for tensor in (*node.input, *node.output) if tensor}
    if pattern.startswith(BETWEEN_PREFIX):
        ends = pattern.removeprefix(BETWEEN_PREFIX).split(BETWEEN_SIGN)
        named = [end if end in tensors else nearest(end, tensors) for end in ends]
        if len(ends) == 2 and all(named) and named != ends:
            return f'write "{BETWEEN_PREFIX}{BETWEEN_SIGN.join(map(str, named))}"'
        return f'name two tensors of the model: "{BETWEEN_PREFIX}a{BETWEEN_SIGN}b", where a way leads from a to b'
    if pattern.startswith(OPERATOR_PREFIX):
        known = {f"{OPERATOR_PREFIX}{node.op_type}" for node in nodes}
    elif pattern.startswith(OUTPUT_PREFIX):
        known = {f"{OUTPUT_PREFIX}{output}" for node in nodes for output in node.output}
    else:
        known = {name for node in nodes for name in (node.name, *names_in_file(node))}
    near = nearest(pattern, known)
    return f'write "{near}"' if near else f"choose among: {known_list(sorted(known)[:NAMES_LISTED])}"
