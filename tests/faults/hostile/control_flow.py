"""Loops that do not end, branches that do not agree, and sequences that are shorter than thought."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, helper

from tests.faults.hostile.building import BOOL, FLOAT, INT64, array, from_shape, graph, int64, ints, model, node, value
from tests.faults.hostile.entry import of_model

_entry = partial(of_model, "control flow")
_COUNTER = (value("i", INT64, ()), value("go", BOOL, ()))
_STILL = value("still", BOOL, ())
_FOREVER = 1 << 62


def sequence(name: str) -> ValueInfoProto:
    return helper.make_tensor_sequence_value_info(name, FLOAT, None)


def _loop_body(*nodes: NodeProto, initializers: Sequence[TensorProto] = ()) -> GraphProto:
    """(i, go, state) → (still, next), going on as long as the trip count lets it."""
    return graph(
        [node("Identity", "go", "still"), *nodes], initializers, [*_COUNTER, value("state")], [_STILL, value("next")]
    )


def _loop(
    trips: int, *nodes: NodeProto, initializers: Sequence[TensorProto] = (), after: Sequence[NodeProto] = ()
) -> ModelProto:
    body = _loop_body(*(nodes or [node("Neg", "state", "next")]), initializers=initializers)
    name = "last" if after else "y"
    return model([node("Loop", "trips go x", name, body=body), *after], int64("trips", trips), array("go", True, bool))


def _loop_without_end() -> ModelProto:
    """Neither a trip count nor a condition that changes."""
    return model([node("Loop", "  x", "y", body=_loop_body(node("Neg", "state", "next")))])


def _loop_in_loop() -> ModelProto:
    """10⁶ × 10⁶ trips, each count harmless by itself."""
    inner = graph(
        [node("Identity", "go2", "still2"), node("Neg", "state2", "next2")],
        (),
        [value("i2", INT64, ()), value("go2", BOOL, ()), value("state2")],
        [value("still2", BOOL, ()), value("next2")],
    )
    return _loop(1_000_000, node("Loop", "trips go state", "next", body=inner))


def _loop_that_collects(trips: int) -> ModelProto:
    """Each trip adds 40 kB to a scan output."""
    body = graph(
        [node("Identity", "go", "still"), node("Neg", "state", "next"), node("Expand", "state shape", "piece")],
        [ints("shape", 2500, 4)],
        [*_COUNTER, value("state")],
        [_STILL, value("next"), value("piece")],
    )
    return model(
        [node("Loop", "trips  x", "y pieces", body=body), node("Shape", "pieces", "unused")], int64("trips", trips)
    )


def _loop_of(inputs: Sequence[ValueInfoProto], outputs: Sequence[ValueInfoProto]) -> ModelProto:
    body = graph([node("Identity", "go", "still"), node("Neg", "state", "next")], (), inputs, outputs)
    return model([node("Loop", "trips go x", "y", body=body)], int64("trips", 3), array("go", True, bool))


def _loop_given(trips: TensorProto, go: TensorProto) -> ModelProto:
    return model(
        [node("Loop", f"{trips.name} {go.name} x", "y", body=_loop_body(node("Neg", "state", "next")))], trips, go
    )


def _branch(*nodes: NodeProto, outputs: Sequence[ValueInfoProto] = (value("v"),)) -> GraphProto:
    return graph(nodes or [node("Relu", "x", "v")], (), (), outputs)


def _if(condition: TensorProto, **branches: Any) -> ModelProto:
    return model([node("If", condition.name, "y", **branches)], condition)


_YES = array("yes", True, bool)


def _if_decided_by_x(then_branch: GraphProto, else_branch: GraphProto) -> ModelProto:
    """x > 0 of its first value, so that neither branch can be thrown away while loading."""
    return model(
        [
            node("ReduceMax", "x", "most", keepdims=0),
            node("Greater", "most zero", "yes"),
            node("If", "yes", "y", then_branch=then_branch, else_branch=else_branch),
        ],
        array("zero", 0.0),
    )


def _scan(scanned: int, length: int = 4, body_inputs: int = 2, **attributes: Any) -> ModelProto:
    """state (), one row at a time of x as (length, …)."""
    names = ["state", "row", "more"][:body_inputs]
    body = graph(
        [node("Add", "state row" if body_inputs > 1 else "state state", "next"), node("Identity", "next", "out")],
        (),
        [value(name) for name in names],
        [value("next"), value("out")],
    )
    rows, shape = from_shape("rows", (length, 4 // length if length else 4))
    return model(
        [rows, node("Scan", "start rows", "last y", body=body, num_scan_inputs=scanned, **attributes)],
        shape,
        array("start", [0.0]),
    )


def _scan_of_nothing() -> ModelProto:
    body = graph(
        [node("Add", "state row", "next"), node("Identity", "next", "out")],
        (),
        [value("state"), value("row")],
        [value("next"), value("out")],
    )
    return model(
        [node("Slice", "x zero zero zero", "rows"), node("Scan", "start rows", "last y", body=body, num_scan_inputs=1)],
        ints("zero", 0),
        array("start", [0.0]),
    )


def _scan_of_many(length: int) -> ModelProto:
    """10⁹ steps over something that Expand made."""
    body = graph([node("Add", "state row", "next")], (), [value("state"), value("row")], [value("next")])
    return model(
        [
            node("Expand", "one shape", "rows"),
            node("Scan", "start rows", "last", body=body, num_scan_inputs=1),
            node("Add", "x last", "y"),
        ],
        array("one", [0.0]),
        ints("shape", length),
        array("start", 0.0),
    )


def _at(position: int) -> ModelProto:
    return model(
        [node("SequenceConstruct", "x x", "s"), node("SequenceAt", "s position", "y")], int64("position", position)
    )


def _erased(position: int) -> ModelProto:
    return model(
        [
            node("SequenceConstruct", "x x", "s"),
            node("SequenceErase", "s position", "t"),
            node("ConcatFromSequence", "t", "y", axis=0),
        ],
        int64("position", position),
    )


def _inserted(position: int) -> ModelProto:
    return model(
        [
            node("SequenceConstruct", "x x", "s"),
            node("SequenceInsert", "s x position", "t"),
            node("ConcatFromSequence", "t", "y", axis=0),
        ],
        int64("position", position),
    )


def _joined_nothing() -> ModelProto:
    return model([node("SequenceEmpty", "", "s"), node("ConcatFromSequence", "s", "y", axis=0)])


def _joined_unlike() -> ModelProto:
    return model(
        [node("SequenceConstruct", "x w", "s"), node("ConcatFromSequence", "s", "y", axis=0)],
        array("w", [[1.0] * 3] * 2),
    )


def _split_by(size: int) -> ModelProto:
    return model(
        [node("SplitToSequence", "x size", "s", axis=1), node("SequenceAt", "s zero", "y")],
        int64("size", size),
        int64("zero", 0),
    )


def _nothing_optional() -> ModelProto:
    empty = helper.make_node("Optional", [], ["o"], type=helper.make_tensor_type_proto(FLOAT, (1, 4)))
    return model([empty, node("OptionalGetElement", "o", "y")])


LOOPS = (
    _entry("loop-2-to-62", "A Loop of 2⁶² trips.", lambda: _loop(_FOREVER)),
    _entry("loop-without-end", "A Loop without trip count or condition.", _loop_without_end),
    _entry("loop-in-loop", "10⁶ trips of 10⁶ trips.", _loop_in_loop),
    _entry("loop-negative", "A Loop of −5 trips.", lambda: _loop(-5)),
    _entry(
        "loop-grows",
        "A Loop that doubles its state 60 times.",
        lambda: _loop(
            60,
            node("Concat", "state state", "next", axis=1),
            after=[node("ReduceSum", "last", "t", keepdims=0), node("Add", "x t", "y")],
        ),
    ),
    _entry(
        "loop-grows-slowly",
        "A Loop that lengthens its state without end.",
        lambda: _loop(_FOREVER, node("Concat", "state x", "next", axis=1)),
    ),
    _entry(
        "loop-collects", "A Loop of 10⁹ trips that keeps 40 kB of each.", lambda: _loop_that_collects(1_000_000_000)
    ),
    _entry(
        "loop-body-inputs",
        "A Loop's body takes one value more than it gets.",
        lambda: _loop_of([*_COUNTER, value("state"), value("more")], [_STILL, value("next")]),
    ),
    _entry("loop-body-no-inputs", "A Loop's body takes nothing.", lambda: _loop_of([], [_STILL, value("next")])),
    _entry("loop-body-outputs", "A Loop's body makes nothing.", lambda: _loop_of([*_COUNTER, value("state")], [])),
    _entry(
        "loop-body-condition",
        "A Loop's condition is a float.",
        lambda: _loop_of([*_COUNTER, value("state")], [value("next"), value("next")]),
    ),
    _entry(
        "loop-body-nobody-makes",
        "A Loop's body gives what nobody makes.",
        lambda: _loop_of([*_COUNTER, value("state")], [_STILL, value("nobody")]),
    ),
    _entry(
        "loop-trips-vector",
        "The trip count is of shape (2).",
        lambda: _loop_given(ints("trips", 3, 5), array("go", True, bool)),
    ),
    _entry(
        "loop-trips-empty",
        "The trip count is of shape (0).",
        lambda: _loop_given(ints("trips"), array("go", True, bool)),
    ),
    _entry(
        "loop-trips-float",
        "The trip count is a float.",
        lambda: _loop_given(array("trips", 3.0), array("go", True, bool)),
    ),
    _entry(
        "loop-condition-empty",
        "The condition is of shape (0).",
        lambda: _loop_given(int64("trips", 3), array("go", [], bool)),
    ),
    _entry(
        "loop-without-body", "A Loop without a body.", lambda: model([node("Loop", "trips  x", "y")], int64("trips", 3))
    ),
)

BRANCHES = (
    _entry("if-without-branches", "An If without branches.", lambda: _if(_YES)),
    _entry("if-without-else", "An If without an else branch.", lambda: _if(_YES, then_branch=_branch())),
    _entry(
        "if-branches-without-outputs",
        "Neither branch gives anything.",
        lambda: _if(_YES, then_branch=_branch(outputs=()), else_branch=_branch(outputs=())),
    ),
    _entry(
        "if-one-branch-without-output",
        "One branch gives nothing.",
        lambda: _if_decided_by_x(_branch(), _branch(outputs=())),
    ),
    _entry(
        "if-branch-nobody-makes",
        "A branch gives what nobody makes.",
        lambda: _if_decided_by_x(_branch(), _branch(outputs=[value("nobody")])),
    ),
    _entry(
        "if-branches-of-two-types",
        "One branch gives int64, the other float.",
        lambda: _if_decided_by_x(_branch(), _branch(node("Cast", "x", "v", to=INT64))),
    ),
    _entry(
        "if-branches-of-two-shapes",
        "One branch gives (1, 4), the other (4, 1).",
        lambda: _if_decided_by_x(_branch(), _branch(node("Transpose", "x", "v"))),
    ),
    _entry(
        "if-branch-reads-nobody",
        "A branch reads what nobody makes.",
        lambda: _if_decided_by_x(_branch(), _branch(node("Relu", "nobody", "v"))),
    ),
    _entry(
        "if-branch-with-input",
        "A branch has an input.",
        lambda: _if(
            _YES, then_branch=graph([node("Relu", "a", "v")], (), [value("a")], [value("v")]), else_branch=_branch()
        ),
    ),
    _entry(
        "if-float",
        "The condition is a float.",
        lambda: _if(array("yes", 1.0), then_branch=_branch(), else_branch=_branch()),
    ),
    _entry(
        "if-four-conditions",
        "The condition has 4 values.",
        lambda: _if(array("yes", [True, False] * 2, bool), then_branch=_branch(), else_branch=_branch()),
    ),
    _entry(
        "if-no-condition",
        "The condition has 0 values.",
        lambda: _if(array("yes", [], bool), then_branch=_branch(), else_branch=_branch()),
    ),
    _entry("if-empty-graph", "A branch is an empty graph.", lambda: _if_decided_by_x(_branch(), GraphProto())),
)

SCANS = (
    _entry("scan-99-inputs", "Scan over 99 inputs of 1.", lambda: _scan(99)),
    _entry("scan-negative-inputs", "Scan over −1 inputs.", lambda: _scan(-1)),
    _entry("scan-0-inputs", "Scan over 0 inputs.", lambda: _scan(0)),
    _entry("scan-nothing", "Scan over a length of 0.", _scan_of_nothing),
    _entry("scan-body-inputs", "Scan's body takes 3 values and gets 2.", lambda: _scan(1, body_inputs=3)),
    _entry("scan-axis", "Scan along axis 9.", lambda: _scan(1, scan_input_axes=[9])),
    _entry("scan-axes-count", "Scan with 5 axes for one input.", lambda: _scan(1, scan_input_axes=[0] * 5)),
    _entry("scan-direction", "Scan in direction 7.", lambda: _scan(1, scan_input_directions=[7])),
    _entry("scan-many", "Scan over 3·10⁸ steps.", lambda: _scan_of_many(300_000_000)),
)

SEQUENCES = (
    _entry("sequence-at-far", "Element 2⁴⁰ of a sequence of 2.", lambda: _at(1 << 40)),
    _entry("sequence-at-negative", "Element −3 of a sequence of 2.", lambda: _at(-3)),
    _entry("sequence-erase-far", "Erasing element 2⁴⁰ of 2.", lambda: _erased(1 << 40)),
    _entry("sequence-insert-far", "Inserting at 2⁴⁰ of 2.", lambda: _inserted(1 << 40)),
    _entry("sequence-of-none", "Concat of an empty sequence.", _joined_nothing),
    _entry("sequence-of-two-shapes", "Concat of (1, 4) and (2, 3).", _joined_unlike),
    _entry("sequence-split-0", "Split into pieces of 0.", lambda: _split_by(0)),
    _entry("sequence-split-negative", "Split into pieces of −1.", lambda: _split_by(-1)),
    _entry("optional-empty", "The element of an empty optional.", _nothing_optional),
)

ENTRIES = (*LOOPS, *BRANCHES, *SCANS, *SEQUENCES)
