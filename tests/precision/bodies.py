"""Models whose products stand inside of branches, loops, scans and local functions."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from pytest_qparity.case.data import Feeds, Samples, make_feeds
from pytest_qparity.case.model import ModelFile
from tests.precision.graphs import model_of, weights

FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL
WIDTH = 32


def body(name, nodes, inputs, outputs, constants=None) -> onnx.GraphProto:
    """`inputs` and `outputs` as (name, type, shape), `constants` as arrays by name."""
    return helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info(*each) for each in inputs],
        [helper.make_tensor_value_info(*each) for each in outputs],
        [numpy_helper.from_array(array, each) for each, array in (constants or {}).items()],
    )


def _square(seed: int) -> np.ndarray:
    return weights(WIDTH, WIDTH, seed=seed)


def _rows(name: str) -> tuple[str, int, list[object]]:
    return name, FLOAT, ["N", WIDTH]


def branches(*, opset: int = 17) -> onnx.ModelProto:
    """One product before an If; two in its first branch, the second with the main graph's weight; one in the other,
    with a weight of the main graph that only it reads. Both branches call what is inside `inner` and `out`."""
    then_branch = body(
        "then",
        [
            helper.make_node("MatMul", ["hidden", "own"], ["inner"], name="then/first"),
            helper.make_node("Relu", ["inner"], ["relu"], name="then/relu"),
            helper.make_node("MatMul", ["relu", "w"], ["out"], name="then/second"),
        ],
        [],
        [_rows("out")],
        {"own": _square(1)},
    )
    else_branch = body(
        "else",
        [
            helper.make_node("MatMul", ["hidden", "captured"], ["inner"], name="else/product"),
            helper.make_node("Tanh", ["inner"], ["out"], name="else/tanh"),
        ],
        [],
        [_rows("out")],
    )
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["hidden"], name="before"),
        helper.make_node("If", ["flag"], ["chosen"], name="if", then_branch=then_branch, else_branch=else_branch),
        helper.make_node("MatMul", ["chosen", "last"], ["y"], name="after"),
    ]
    constants = {"w": _square(0), "captured": _square(2), "last": weights(WIDTH, 8, seed=3)}
    inputs = [_rows("x"), ("flag", BOOL, [])]
    return model_of(nodes, inputs, [("y", FLOAT, ["N", 8])], constants, opset=opset)


def loop(*, opset: int = 17) -> onnx.ModelProto:
    """state ← tanh(state · own + x · captured), as many times as `steps` says; every state is given as well."""
    step = body(
        "step",
        [
            helper.make_node("MatMul", ["state", "own"], ["recurrent"], name="loop/recurrent"),
            helper.make_node("MatMul", ["x", "captured"], ["driven"], name="loop/driven"),
            helper.make_node("Add", ["recurrent", "driven"], ["sum"], name="loop/add"),
            helper.make_node("Tanh", ["sum"], ["next"], name="loop/tanh"),
            helper.make_node("Identity", ["go"], ["go_on"], name="loop/go"),
            helper.make_node("Identity", ["next"], ["seen"], name="loop/seen"),
        ],
        [("step", INT64, []), ("go", BOOL, []), _rows("state")],
        [("go_on", BOOL, []), _rows("next"), _rows("seen")],
        {"own": _square(4)},
    )
    nodes = [
        helper.make_node("MatMul", ["x", "first"], ["start"], name="before"),
        helper.make_node("Loop", ["steps", "", "start"], ["last", "all"], name="loop", body=step),
        helper.make_node("MatMul", ["last", "first"], ["y"], name="after"),
    ]
    constants = {"first": _square(5), "captured": _square(6)}
    outputs = [_rows("y"), ("all", FLOAT, ["S", "N", WIDTH])]
    return model_of(nodes, [_rows("x"), ("steps", INT64, [])], outputs, constants, opset=opset)


def scan() -> onnx.ModelProto:
    """A recurrent layer over the first axis of x."""
    step = body(
        "step",
        [
            helper.make_node("MatMul", ["item", "taken"], ["driven"], name="scan/driven"),
            helper.make_node("Gemm", ["state", "own", "bias"], ["recurrent"], name="scan/recurrent", transB=1),
            helper.make_node("Add", ["recurrent", "driven"], ["sum"], name="scan/add"),
            helper.make_node("Tanh", ["sum"], ["next"], name="scan/tanh"),
            helper.make_node("Identity", ["next"], ["seen"], name="scan/seen"),
        ],
        [("state", FLOAT, [1, WIDTH]), ("item", FLOAT, [1, WIDTH])],
        [("next", FLOAT, [1, WIDTH]), ("seen", FLOAT, [1, WIDTH])],
        {"own": _square(7), "bias": weights(WIDTH, seed=8)},
    )
    nodes = [
        helper.make_node("Scan", ["zero", "x"], ["last", "all"], name="scan", body=step, num_scan_inputs=1),
        helper.make_node("MatMul", ["all", "taken"], ["y"], name="after"),
    ]
    constants = {"zero": np.zeros((1, WIDTH), np.float32), "taken": _square(9)}
    outputs = [("last", FLOAT, [1, WIDTH]), ("y", FLOAT, [6, 1, WIDTH])]
    return model_of(nodes, [("x", FLOAT, [6, 1, WIDTH])], outputs, constants)


def nested() -> onnx.ModelProto:
    """A loop in whose odd steps one product is taken, in the even ones another: an If in the body of a Loop."""
    odd = body("odd", [helper.make_node("MatMul", ["state", "w"], ["out"], name="odd/product")], [], [_rows("out")])
    even = body(
        "even",
        [
            helper.make_node("MatMul", ["state", "own"], ["inner"], name="even/product"),
            helper.make_node("Relu", ["inner"], ["out"], name="even/relu"),
        ],
        [],
        [_rows("out")],
        {"own": _square(10)},
    )
    step = body(
        "step",
        [
            helper.make_node("Cast", ["parity"], ["is_odd"], name="loop/cast", to=BOOL),
            helper.make_node("If", ["is_odd"], ["chosen"], name="loop/if", then_branch=odd, else_branch=even),
            helper.make_node("MatMul", ["chosen", "shared"], ["mixed"], name="loop/mix"),
            helper.make_node("Tanh", ["mixed"], ["next"], name="loop/tanh"),
            helper.make_node("Identity", ["go"], ["go_on"], name="loop/go"),
        ],
        [("step", INT64, []), ("go", BOOL, []), _rows("state")],
        [("go_on", BOOL, []), _rows("next")],
        {"shared": _square(11)},
    )
    step.node.insert(0, helper.make_node("Mod", ["step", "two"], ["parity"], name="loop/mod"))
    nodes = [
        helper.make_node("Loop", ["steps", "", "x"], ["last"], name="loop", body=step),
        helper.make_node("MatMul", ["last", "w"], ["y"], name="after"),
    ]
    constants = {"w": _square(12), "two": np.array(2, np.int64)}
    return model_of(nodes, [_rows("x"), ("steps", INT64, [])], [_rows("y")], constants)


def called_twice() -> onnx.ModelProto:
    """A local function with a weight of its own and a branch inside, called twice."""
    deep = body("deep", [helper.make_node("MatMul", ["h", "k"], ["out"], name="product")], [], [_rows("out")])
    flat = body("flat", [helper.make_node("Neg", ["h"], ["out"], name="negative")], [], [_rows("out")])
    inside = [
        helper.make_node("Constant", [], ["k"], name="k", value=numpy_helper.from_array(_square(13), "k")),
        helper.make_node("MatMul", ["a", "b"], ["h"], name="inner"),
        helper.make_node("If", ["on"], ["c"], name="choice", then_branch=deep, else_branch=flat),
    ]
    function = helper.make_function("own", "Dense", ["a", "b", "on"], ["c"], inside, [helper.make_opsetid("", 17)])
    nodes = [
        helper.make_node("Dense", ["x", "w", "flag"], ["half"], domain="own", name="one"),
        helper.make_node("Dense", ["half", "w2", "flag"], ["y"], domain="own", name="two"),
    ]
    constants = {"w": _square(14), "w2": _square(15)}
    inputs = [_rows("x"), ("flag", BOOL, [])]
    return model_of(nodes, inputs, [_rows("y")], constants, functions=[function])


def convolutions() -> onnx.ModelProto:
    """Two convolutions in a branch, with a batch norm behind the first, and a bias; the other branch passes x."""

    def picture(name: str) -> tuple[str, int, list[object]]:
        return name, FLOAT, ["N", 8, 6, 6]

    deep = body(
        "deep",
        [
            helper.make_node("Conv", ["start", "k1"], ["c1"], name="deep/conv1", pads=[1, 1, 1, 1]),
            helper.make_node("BatchNormalization", ["c1", "g", "b", "m", "v"], ["n1"], name="deep/norm"),
            helper.make_node("Relu", ["n1"], ["r1"], name="deep/relu"),
            helper.make_node("Conv", ["r1", "k2", "bias"], ["c2"], name="deep/conv2", pads=[1, 1, 1, 1]),
            helper.make_node("Add", ["c2", "start"], ["out"], name="deep/skip"),
        ],
        [],
        [picture("out")],
        {
            "k1": weights(8, 8, 3, 3, seed=16),
            "k2": weights(8, 8, 3, 3, seed=17),
            "bias": weights(8, seed=18),
            "g": np.linspace(0.5, 1.5, 8, dtype=np.float32),
            "b": weights(8, seed=19),
            "m": weights(8, seed=20),
            "v": np.linspace(1.0, 2.0, 8, dtype=np.float32),
        },
    )
    flat = body("flat", [helper.make_node("Identity", ["start"], ["out"], name="flat/same")], [], [picture("out")])
    nodes = [
        helper.make_node("Conv", ["x", "k0"], ["start"], name="stem", pads=[1, 1, 1, 1]),
        helper.make_node("If", ["flag"], ["chosen"], name="if", then_branch=deep, else_branch=flat),
        helper.make_node("GlobalAveragePool", ["chosen"], ["y"], name="pool"),
    ]
    constants = {"k0": weights(8, 3, 3, 3, seed=21)}
    inputs = [("x", FLOAT, ["N", 3, 6, 6]), ("flag", BOOL, [])]
    return model_of(nodes, inputs, [("y", FLOAT, ["N", 8, 1, 1])], constants)


def mapped() -> onnx.ModelProto:
    """A product in a body that is run by neither If, Loop nor Scan, and one behind it."""
    each = body(
        "each",
        [helper.make_node("MatMul", ["item", "w"], ["out"], name="map/product")],
        [_rows("item")],
        [_rows("out")],
    )
    nodes = [
        helper.make_node("SequenceConstruct", ["x", "x"], ["items"], name="pack"),
        helper.make_node("SequenceMap", ["items"], ["others"], name="map", body=each),
        helper.make_node("ConcatFromSequence", ["others"], ["joined"], name="join", axis=0),
        helper.make_node("MatMul", ["joined", "w"], ["y"], name="after"),
    ]
    return model_of(nodes, [_rows("x")], [_rows("y")], {"w": _square(22)})


ALL = {
    "branches": branches,
    "loop": loop,
    "scan": scan,
    "nested": nested,
    "called_twice": called_twice,
    "convolutions": convolutions,
}


def feeds_of(name: str, count: int, *, seed: int = 5) -> list[dict[str, np.ndarray]]:
    """Samples that reach every body: flags alternate, loops take 1 to 4 steps."""
    random = np.random.default_rng(seed)
    shapes = {"scan": (6, 1, WIDTH), "convolutions": (1, 3, 6, 6)}
    feeds = []
    for index in range(count):
        feed = {"x": random.standard_normal(shapes.get(name, (1, WIDTH))).astype(np.float32)}
        if name in ("branches", "called_twice", "convolutions"):
            feed["flag"] = np.array(index % 2 == 0)
        if name in ("loop", "nested"):
            feed["steps"] = np.array(1 + index % 4, np.int64)
        feeds.append(feed)
    return feeds


def samples_of(name: str, model: ModelFile, count: int, *, seed: int = 1) -> Feeds:
    """The same as calibration data of a case."""
    feeds = feeds_of(name, count, seed=seed)
    arrays = {each.name: np.stack([feed[each.name] for feed in feeds]) for each in model.inputs}
    return make_feeds(Samples(arrays, None, "", "made"), model.inputs, 1)
