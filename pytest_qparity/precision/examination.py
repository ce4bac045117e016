"""What a variant's file holds of its precision, as the gate asks a worker for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_qparity.worker.protocol import Worker


@dataclass(frozen=True, slots=True)
class Examined:
    """Counts over the nodes that lead to an output (see `precision.content`), for one precision.

    `opset`: None of a built engine, which has none. `own_operators`: whether it has operators that compute on integers
    themselves, which need no opset for Q/DQ. `other_products`: first outputs of the products that are quantized in
    another precision; for fp16 and bf16, that compute in another type.

    """

    holds_precision: bool
    quantized_nodes: int
    nodes: int
    opset: int | None
    own_operators: bool
    bad_scales: tuple[str, ...]
    other_products: tuple[str, ...] = ()


def examined(model: Path, base: str, worker: Worker) -> Examined:
    """Raises CannotJudge where the file is no model."""
    arguments = {"model": str(model.absolute()), "base": base}
    work = f"Examining {model.name}"
    found = worker.call("pytest_qparity.precision.content:examine", arguments, {}, work, worker.limits.load).value
    return Examined(**{**found, **{key: tuple(found[key]) for key in ("bad_scales", "other_products")}})


LARGEST_SUM = 32767  # of two products, in saturating int16


@dataclass(frozen=True, slots=True)
class Saturation:
    """What pairs of u8·s8 products of a file can sum up to in int16 (see `precision.saturation`).

    Of `products` nodes, `saturating` can leave int16 and `unknown` have weights that are no constants. `worst_sum`:
    the largest in magnitude, at `node`, of its output `channel`. `unknown_node`: the first of the unknown.
    """

    products: int
    saturating: int
    unknown: int
    worst_sum: int
    node: str
    channel: int
    unknown_node: str


def saturation(model: Path, worker: Worker) -> Saturation:
    """Raises CannotJudge where the file is no model, or its weights cannot be read."""
    arguments = {"model": str(model.absolute())}
    work = f"Examining {model.name}"
    found = worker.call("pytest_qparity.precision.saturation:examine", arguments, {}, work, worker.limits.load).value
    return Saturation(**found)


def finds_ranges(model: Path, worker: Worker) -> bool:
    """Whether a node that leads to an output finds its ranges from what it is fed (DynamicQuantizeLinear, and fused
    operators that hold it). Raises CannotJudge where the file is no model."""
    arguments, work = {"model": str(model.absolute())}, f"Examining {model.name}"
    call = "pytest_qparity.precision.content:examine_ranges"
    return bool(worker.call(call, arguments, {}, work, worker.limits.load).value)
