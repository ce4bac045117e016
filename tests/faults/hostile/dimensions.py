"""Shapes that no tensor has, and shapes that are not those of the tensor."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from onnx import ModelProto, TensorProto

from tests.faults.hostile.building import BOOL, FLOAT, added, array, graph, model_of, node, value
from tests.faults.hostile.entry import Interface, of_model

_entry = partial(of_model, "dimensions")


def _weight(dims: Sequence[int], floats: int = 0) -> ModelProto:
    """x + w, where w declares `dims` and holds `floats` values as raw data."""
    return added(TensorProto(name="w", dims=dims, data_type=FLOAT, raw_data=bytes(4 * floats)))


def _float_data(dims: Sequence[int], floats: int) -> ModelProto:
    return added(TensorProto(name="w", dims=dims, data_type=FLOAT, float_data=[1.0] * floats))


def _declared(
    x: Sequence[int | str] | None = (1, 4),
    y: Sequence[int | str] | None = None,
    between: Sequence[int | str] | None = None,
) -> ModelProto:
    """x → Relu → between → Neg → y, with the shapes that the graph declares for them."""
    made = graph(
        [node("Relu", "x", "between"), node("Neg", "between", "y")],
        inputs=[value("x", FLOAT, x)],
        outputs=[value("y", FLOAT, y)],
    )
    if between is not None:
        made.value_info.append(value("between", FLOAT, between))
    return model_of(made)


def _between_of_type(element: int) -> ModelProto:
    made = graph([node("Relu", "x", "between"), node("Neg", "between", "y")])
    made.value_info.append(value("between", element, (1, 4)))
    return model_of(made)


def _empty_dimension() -> ModelProto:
    """A dimension that is neither a number nor a name is allowed; here x and y share it with a fixed one."""
    x = value("x", FLOAT, (1, 4))
    x.type.tensor_type.shape.dim[0].Clear()
    return model_of(graph([node("Add", "x w", "y")], [array("w", [[1.0] * 4] * 3)], inputs=[x]))


def _one_name_for_two_sizes() -> ModelProto:
    return model_of(
        graph(
            [node("Concat", "x x", "both", axis=1), node("Identity", "both", "y")],
            inputs=[value("x", FLOAT, ("N", "M"))],
            outputs=[value("y", FLOAT, ("N", "M"))],
        )
    )


INITIALIZERS = (
    _entry("dims-negative-in-initializer", "w is of shape (-4), with 4 values.", lambda: _weight([-4], 4)),
    _entry("dims-minus-one-in-initializer", "w is of shape (-1), with 4 values.", lambda: _weight([-1], 4)),
    _entry("dims-two-negative", "w is of shape (-2, -2): the product is right.", lambda: _weight([-2, -2], 4)),
    _entry("dims-int64-min", "w is of shape (-2⁶³).", lambda: _weight([-(1 << 63)], 4)),
    _entry("dims-int64-max", "w is of shape (2⁶³ − 1).", lambda: _weight([(1 << 63) - 1], 4)),
    _entry("dims-product-overflows", "w is of shape (2³³, 2³³).", lambda: _weight([1 << 33, 1 << 33], 4)),
    _entry(
        "dims-product-wraps-to-zero", "w is of shape (2³², 2³²): 0 in 64 bits.", lambda: _weight([1 << 32, 1 << 32])
    ),
    _entry(
        "dims-product-wraps-to-four",
        "w is of shape (2⁶² + 1, 4): 4 in 64 bits.",
        lambda: _weight([(1 << 62) + 1, 4], 4),
    ),
    _entry(
        "dims-bytes-wrap-to-four", "w is of shape (2⁶² + 1): 4 bytes in 64 bits.", lambda: _weight([(1 << 62) + 1], 1)
    ),
    _entry("dims-bytes-wrap-float-data", "The same with float_data.", lambda: _float_data([(1 << 62) + 1], 1)),
    _entry("dims-zero-times-huge", "w is of shape (0, 2⁶²).", lambda: _weight([0, 1 << 62])),
    _entry("dims-huge-times-zero-overflow", "w is of shape (2⁴⁰, 2⁴⁰, 0).", lambda: _weight([1 << 40, 1 << 40, 0])),
    _entry("dims-zero-with-data", "w is of shape (0), with 4 values.", lambda: _weight([0], 4)),
    _entry("dims-rank-200", "w is of rank 200, all ones.", lambda: _weight([1] * 200, 1)),
    _entry("dims-rank-50000", "w is of rank 50,000, all ones.", lambda: _weight([1] * 50_000, 1)),
    _entry("dims-scalar-with-four", "w is a scalar, with 4 values.", lambda: _weight([], 4)),
    _entry("dims-do-not-broadcast", "x (1, 4) + w (3).", lambda: _weight([3], 3)),
    _entry("dims-of-16-gb-without-data", "w declares 4·10⁹ values and holds none.", lambda: _weight([4_000_000_000])),
    _entry("dims-of-16-gb-with-four", "w declares 4·10⁹ values and holds 4.", lambda: _weight([4_000_000_000], 4)),
    _entry(
        "dims-of-16-gb-float-data",
        "w declares 4·10⁹ values, float_data holds 4.",
        lambda: _float_data([4_000_000_000], 4),
    ),
)

VALUES = (
    _entry("dims-x-negative", "x is of shape (1, -4).", lambda: _declared(x=(1, -4)), Interface.OWN),
    _entry("dims-x-zero", "x is of shape (1, 0).", lambda: _declared(x=(1, 0)), Interface.OWN),
    _entry("dims-x-huge", "x is of shape (2⁴⁰, 2⁴⁰).", lambda: _declared(x=(1 << 40, 1 << 40)), Interface.OWN),
    _entry("dims-x-without-shape", "x has no shape at all.", lambda: _declared(x=None)),
    _entry("dims-x-empty-dimension", "x (?, 4) + w (3, 4).", _empty_dimension),
    _entry("dims-y-negative", "y is of shape (1, -4).", lambda: _declared(y=(1, -4))),
    _entry("dims-y-other", "y is declared (7, 7) and is (1, 4).", lambda: _declared(y=(7, 7))),
    _entry("dims-y-rank", "y is declared (4) and is (1, 4).", lambda: _declared(y=(4,))),
    _entry("dims-y-huge", "y is declared (1, 2⁶²).", lambda: _declared(y=(1, 1 << 62))),
    _entry("dims-between-huge", "A value between is declared (1, 2⁴⁰).", lambda: _declared(between=(1, 1 << 40))),
    _entry(
        "dims-between-8-gb",
        "A value between is declared (1, 2³¹) and is (1, 4).",
        lambda: _declared(between=(1, 1 << 31)),
    ),
    _entry(
        "dims-between-too-small", "A value between is declared (1, 1) and is (1, 4).", lambda: _declared(between=(1, 1))
    ),
    _entry("dims-between-negative", "A value between is declared (-1, -4).", lambda: _declared(between=(-1, -4))),
    _entry("dims-between-rank", "A value between is declared (2, 2, 1).", lambda: _declared(between=(2, 2, 1))),
    _entry("dims-between-type", "A value between is declared bool and is float.", lambda: _between_of_type(BOOL)),
    _entry("dims-one-name-two-sizes", "M is 4 in x and 8 in y.", _one_name_for_two_sizes),
)

ENTRIES = (*INITIALIZERS, *VALUES)
