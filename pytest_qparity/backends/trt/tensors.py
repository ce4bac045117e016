"""Inputs and outputs of an engine: what each is, in types of NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import tensorrt as trt

from pytest_qparity.backends.trt.building import sizes_of
from pytest_qparity.backends.trt.decoding import TYPES
from pytest_qparity.backends.trt.failures import not_loaded

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Tensor:
    """`kind`: the name of its tensorrt.DataType. `shape`: -1 where it is open. `on_host`: its values decide upon
    shapes, and TensorRT reads or writes them in the host's memory."""

    name: str
    kind: str
    shape: tuple[int, ...]
    is_input: bool
    on_host: bool


def tensors_of(engine: trt.ICudaEngine) -> tuple[Tensor, ...]:
    """Raises CannotJudge where one of them does not lie in a buffer as NumPy has it."""
    names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
    return tuple(_tensor(engine, name) for name in names)


def in_order(outputs: Sequence[Tensor], names: Sequence[str] | None) -> tuple[Tensor, ...]:
    """In the file's order, where a file states one. Raises CannotJudge where they are not the file's."""
    if names is None:
        return tuple(outputs)
    by_name = {tensor.name: tensor for tensor in outputs}
    if by_name.keys() != set(names):
        raise not_loaded(f"an engine with outputs {sorted(by_name)}", f"have {sorted(names)}", "build the plan again")
    return tuple(by_name[name] for name in names)


def _tensor(engine: trt.ICudaEngine, name: str) -> Tensor:
    kind = engine.get_tensor_dtype(name).name
    form = engine.get_tensor_format(name)
    if kind not in TYPES or form != trt.TensorFormat.LINEAR:
        raise not_loaded(
            f'tensor "{name}" as {kind} in format {engine.get_tensor_format_desc(name)}',
            f"be linear and one of {', '.join(TYPES)}",
            "build the plan with inputs and outputs in linear format",
        )
    return Tensor(
        name,
        kind,
        sizes_of(engine.get_tensor_shape(name)),
        engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT,
        engine.get_tensor_location(name) == trt.TensorLocation.HOST,
    )
