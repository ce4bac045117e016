"""How much memory activations take at once, told from shapes alone: a bound that no engine is asked for.

    max( max over products p of: Σ bytes(inputs of p) + bytes(output of p),   Σ bytes(graph inputs and outputs) )

A product (Conv, MatMul, Gemm and their quantized forms) needs its activations and room for what it gives at the same
time, in whatever order nodes are run and whatever is fused around it. A tensor counts as it would be stored at the
least: what DequantizeLinear or Cast gives as what they take, and what a product gives as the narrowest that a chain of
elementwise nodes, Cast and QuantizeLinear behind it makes of it, as far as nobody else takes a part of that chain.

It is a lower bound for engines that store what products give. Weights, workspace and alignment come on top, and so do
tensors that wait for a later node. One that never stores a product (attention in one kernel) can be below.
"""

from __future__ import annotations

import contextlib
import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ml_dtypes
import onnx
from onnx import inliner

from pytest_qparity.precision.large import without_weights

if TYPE_CHECKING:
    import numpy as np
    from onnx import GraphProto, ModelProto, NodeProto

    from pytest_qparity.worker.protocol import Worker

__all__ = ["activation_bytes", "activation_mb", "estimate"]

_PRODUCTS = frozenset(
    {
        *("Conv", "ConvTranspose", "Gemm", "MatMul", "ConvInteger", "MatMulInteger", "QLinearConv", "QLinearMatMul"),
        *("MatMulNBits", "QGemm", "FusedConv", "FusedMatMul"),
    }
)
_STORED_BEFORE = frozenset({"DequantizeLinear", "Cast"})
_FUSED_BEHIND = frozenset(
    {
        *("Add", "Cast", "Clip", "Div", "Elu", "Erf", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu", "Mul", "PRelu"),
        *("QuantizeLinear", "Relu", "Sigmoid", "Softplus", "Sub", "Tanh"),
    }
)


def activation_mb(model: Path, shapes: Mapping[str, tuple[int, ...]], worker: Worker) -> float | str:
    """In megabytes of 10**6 bytes, of inputs in these `shapes`; why nobody can tell, as text.

    Raises CannotJudge where the file is no model.
    """
    arguments = {"model": str(model.absolute()), "shapes": {name: list(shape) for name, shape in shapes.items()}}
    work, call = f"Examining {model.name}", "pytest_qparity.precision.activations:estimate"
    told = worker.call(call, arguments, {}, work, worker.limits.load).value
    return str(told["untold"]) if "untold" in told else float(told["bytes"]) / 1e6


def estimate(
    held: Mapping[str, Any], arguments: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
) -> tuple[dict[str, Any], Mapping[str, np.ndarray]]:
    """The worker's side: {"bytes": …}, or {"untold": why}."""
    model = onnx.load(arguments["model"], load_external_data=False)
    told = activation_bytes(model, {name: tuple(shape) for name, shape in arguments["shapes"].items()})
    return ({"untold": told} if isinstance(told, str) else {"bytes": told}), {}


def activation_bytes(model: ModelProto, shapes: Mapping[str, tuple[int, ...]]) -> int | str:
    """The bound in bytes, or why it cannot be told."""
    try:
        graph = _inferred(model, shapes).graph
    except (onnx.shape_inference.InferenceError, onnx.checker.ValidationError, RuntimeError, ValueError) as error:
        return f"shapes cannot be inferred ({str(error).strip().splitlines()[0]})"
    sizes = _sizes(graph)
    constants = _constants(graph)
    initializers = {tensor.name for tensor in graph.initializer}
    ends = [value.name for value in (*graph.input, *graph.output) if value.name not in initializers]
    flow = _Flow(graph)
    products = [node for node in graph.node if node.op_type in _PRODUCTS and not set(node.output) <= constants]
    needed = [
        [*(flow.before(name) for name in dict.fromkeys(node.input) if name and name not in constants), [node.output[0]]]
        for node in products
    ]
    unknown = sum(any(name not in sizes for stages in each for name in stages) for each in needed)
    if unknown or any(name not in sizes for name in ends):
        return f"shapes of {unknown} of {len(products)} products cannot be told, or those of inputs and outputs"
    at_products = (
        sum(min(sizes[name] for name in stages) for stages in each[:-1])
        + min(sizes[name] for name in flow.behind(node.output[0]) if name in sizes)
        for node, each in zip(products, needed, strict=True)
    )
    return max([sum(sizes[name] for name in ends), *at_products])


class _Flow:
    """Who makes a tensor, and who takes it."""

    def __init__(self, graph: GraphProto) -> None:
        self._makers: dict[str, NodeProto] = {name: node for node in graph.node for name in node.output if name}
        self._takers: dict[str, list[NodeProto]] = {}
        for node in graph.node:
            for name in dict.fromkeys(node.input):
                self._takers.setdefault(name, []).append(node)
        self._taken = Counter(value.name for value in graph.output)

    def before(self, name: str) -> list[str]:
        """The tensor, and those that it is read from on the way into a kernel."""
        stages = [name]
        while (maker := self._makers.get(stages[-1])) is not None and maker.op_type in _STORED_BEFORE:
            stages.append(maker.input[0])
        return stages

    def behind(self, name: str) -> list[str]:
        """The tensor, and those that a kernel may write in its place."""
        stages = [name]
        while True:
            takers = self._takers.get(stages[-1], [])
            if self._taken[stages[-1]] or len(takers) != 1 or takers[0].op_type not in _FUSED_BEHIND:
                return stages
            stages.append(takers[0].output[0])


def _inferred(model: ModelProto, shapes: Mapping[str, tuple[int, ...]]) -> ModelProto:
    light = without_weights(model)
    if light.functions:
        light = inliner.inline_local_functions(light)
    for value in light.graph.input:
        if value.name in shapes:
            dims = value.type.tensor_type.shape.dim
            del dims[:]
            dims.extend(onnx.TensorShapeProto.Dimension(dim_value=size) for size in shapes[value.name])
    own = {name for node in light.graph.node if node.domain not in ("", "ai.onnx") for name in node.output}
    stated = [value for value in light.graph.value_info if value.name in own]  # others may name open dimensions
    del light.graph.value_info[:]
    light.graph.value_info.extend(stated)
    for value in light.graph.output:
        if value.name not in own:
            value.type.tensor_type.ClearField("shape")
    return onnx.shape_inference.infer_shapes(light, data_prop=True)


def _sizes(graph: GraphProto) -> dict[str, int]:
    """Bytes of each tensor whose type and shape are known."""
    sizes: dict[str, int] = {}
    for value in (*graph.input, *graph.output, *graph.value_info):
        tensor = value.type.tensor_type
        dims = [entry.dim_value if entry.HasField("dim_value") else -1 for entry in tensor.shape.dim]
        bits = _bits(tensor.elem_type)
        if tensor.HasField("shape") and bits and all(size >= 0 for size in dims):
            sizes[value.name] = math.ceil(math.prod(dims) * bits / 8)
    return sizes


def _bits(kind: int) -> int:
    """Of an element as ONNX stores it, in packed tensors; 0 where the type has no size (texts, none). onnx_ir tells it
    as well, and takes longer to import than a worker takes for all the rest."""
    try:
        dtype = onnx.helper.tensor_dtype_to_np_dtype(kind)
    except KeyError:
        return 0
    if dtype.isbuiltin == 1:  # NumPy's own; the others are ml_dtypes', of which those below a byte take one in NumPy
        return 0 if dtype.hasobject else 8 * dtype.itemsize
    with contextlib.suppress(ValueError):
        return int(ml_dtypes.iinfo(dtype).bits)  # type: ignore[no-untyped-call]
    return int(ml_dtypes.finfo(dtype).bits)  # type: ignore[no-untyped-call]


def _constants(graph: GraphProto) -> set[str]:
    """Tensors that follow from initializers alone: weights, however they are stored."""
    known = {tensor.name for tensor in graph.initializer}
    known |= {sparse.values.name for sparse in graph.sparse_initializer}
    for node in graph.node:
        if all(name in known for name in node.input if name) and not any(each.HasField("g") for each in node.attribute):
            known.update(node.output)
    return known
