"""Tiny files, each with one thing that an engine's rule is about; and how to lint them in this process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from pytest_qparity.checks.linting.finding import Finding, Weight
from pytest_qparity.checks.linting.targets import found_in
from pytest_qparity.checks.linting.view import view_of
from tests.models import save

FLOAT, INT64, UINT8 = TensorProto.FLOAT, TensorProto.INT64, TensorProto.UINT8
Tensor = tuple[str, int, Sequence[Any] | None]


@dataclass(frozen=True)
class Row:
    """A file, and the rules it breaks: of a refused one at least one is of that weight."""

    name: str
    build: Callable[[], onnx.ModelProto]
    refused: str = ""
    warned: str = ""
    target: str = "trt11"


def model_of(
    nodes: Sequence[onnx.NodeProto],
    constants: Mapping[str, np.ndarray] | None = None,
    *,
    inputs: Sequence[Tensor] = (("x", FLOAT, (1, 4, 8, 8)),),
    outputs: Sequence[Tensor] = (("y", FLOAT, None),),
    opset: int = 21,
    functions: Sequence[onnx.FunctionProto] = (),
) -> onnx.ModelProto:
    """`inputs` and `outputs` as (name, type, shape). Domains of nodes are imported at version 1."""
    tensors = [numpy_helper.from_array(np.asarray(array), name) for name, array in (constants or {}).items()]
    graph = helper.make_graph(
        list(nodes),
        "graph",
        [helper.make_tensor_value_info(*each) for each in inputs],
        [helper.make_tensor_value_info(*each) for each in outputs],
        tensors,
    )
    domains = {"": opset} | {node.domain: 1 for node in nodes if node.domain}
    imports = [helper.make_opsetid(domain, version) for domain, version in domains.items()]
    model = helper.make_model(graph, opset_imports=imports, ir_version=10, functions=list(functions))
    inferred = onnx.shape_inference.infer_shapes(model).graph.output  # onnx.checker wants their shapes
    del model.graph.output[:]
    model.graph.output.extend(inferred)
    return model


def node(kind: str, inputs: str, outputs: str = "y", name: str = "", **attributes: Any) -> onnx.NodeProto:
    """`inputs` and `outputs` as words; "-" is an input that is left out."""
    taken = ["" if each == "-" else each for each in inputs.split()]
    return helper.make_node(kind, taken, outputs.split(), name=name or kind.lower(), **attributes)


def one(
    kind: str,
    constants: Mapping[str, np.ndarray] | None = None,
    *,
    type_: int = FLOAT,
    shape: Sequence[Any] = (1, 4, 8, 8),
    gives: int | None = None,
    opset: int = 21,
    outputs: str = "y",
    **attributes: Any,
) -> onnx.ModelProto:
    """A single node of `x` and the constants."""
    inputs = " ".join(["x", *(constants or {})])
    given = [(name, type_ if gives is None else gives, None) for name in outputs.split()]
    nodes = [node(kind, inputs, outputs, **attributes)]
    return model_of(nodes, constants, inputs=[("x", type_, shape)], outputs=given, opset=opset)


def scalar(value: float, dtype: Any = np.float32) -> np.ndarray:
    return np.asarray(value, dtype)


def weights(*shape: int, dtype: Any = np.float32, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    if np.issubdtype(np.dtype(dtype), np.integer):
        return random.integers(0 if np.dtype(dtype).kind == "u" else -100, 100, shape).astype(dtype)
    return random.standard_normal(shape).astype(np.float32).astype(dtype)


ZERO = scalar(0, np.int8)
STEP = scalar(0.05)


def pair(of: str, to: str, scale: str = "s", zero: str = "z", **attributes: Any) -> list[onnx.NodeProto]:
    """Q and DQ of an activation, named after it; its codes are `of`_q."""
    parameters = f"{scale} {zero}".strip()
    return [
        node("QuantizeLinear", f"{of} {parameters}", f"{of}_q", f"{of}_Q", **attributes),
        node("DequantizeLinear", f"{of}_q {parameters}", to, f"{of}_DQ"),
    ]


def activation(
    zero: np.ndarray | None = ZERO, scale: np.ndarray = STEP, *, opset: int = 21, shape: Any = (1, 4, 8, 8), **more: Any
) -> onnx.ModelProto:
    """x → Q → DQ → y."""
    constants = {"s": scale} if zero is None else {"s": scale, "z": zero}
    nodes = pair("x", "y", zero="" if zero is None else "z", **more)
    return model_of(nodes, constants, opset=opset, inputs=[("x", FLOAT, shape)])


def weight(
    codes: np.ndarray,
    scale: np.ndarray,
    zero: np.ndarray | None = None,
    *,
    opset: int = 24,
    **attributes: Any,
) -> onnx.ModelProto:
    """x added to a dequantized constant: what is said of weights alone, whatever reads them."""
    constants = {"w": codes, "ws": scale} | ({} if zero is None else {"wz": zero})
    nodes = [
        node("DequantizeLinear", " ".join(constants), "wd", "w_DQ", **attributes),
        node("Add", "x wd", "y"),
    ]
    return model_of(nodes, constants, opset=opset, inputs=[("x", FLOAT, codes.shape)])


def conv(
    kind: str = "Conv",
    *,
    axis: int = 0,
    scales: int = 6,
    dtype: Any = np.int8,
    quantized: tuple[bool, bool] = (True, True),
    behind: Sequence[onnx.NodeProto] = (),
    bias: np.ndarray | None = None,
    activation_zero: np.ndarray = ZERO,
    weight_zero: np.ndarray | None = None,
    opset: int = 17,
    channels: int = 6,
    k: np.ndarray | None = None,
) -> onnx.ModelProto:
    """x → Q/DQ → product with DQ of weights (`channels` from 4) → c → `behind` → y, as ModelOpt's rules have it."""
    shape = (4, channels, 3, 3) if kind == "ConvTranspose" else (channels, 4, 3, 3)
    nodes = pair("x", "xd") if quantized[0] else []
    constants: dict[str, np.ndarray] = {"s": STEP, "z": activation_zero}
    if quantized[1]:
        zero = np.zeros(scales, dtype) if weight_zero is None else weight_zero
        constants |= {"w": weights(*shape, dtype=dtype), "ws": np.full(scales, 0.01, np.float32), "wz": zero}
        nodes.append(node("DequantizeLinear", "w ws wz", "wd", "w_DQ", axis=axis))
    else:
        constants["wd"] = weights(*shape)
    inputs = f"{'xd' if quantized[0] else 'x'} wd"
    if k is not None:
        constants["k"] = k
    if bias is not None:
        constants |= {"b": bias, "bs": np.full(6, 0.0005, np.float32)}
        nodes.append(node("DequantizeLinear", "b bs", "bd", "b_DQ", axis=0))
        inputs += " bd"
    nodes.append(node(kind, inputs, "c" if behind else "y", "product", kernel_shape=[3, 3], pads=[1, 1, 1, 1]))
    used = {name for each in (*nodes, *behind) for name in each.input}
    return model_of([*nodes, *behind], {name: array for name, array in constants.items() if name in used}, opset=opset)


def residual(*, quantized_skip: bool) -> onnx.ModelProto:
    """A convolution, added to what it was made of, and the sum quantized for a next one."""
    skip = "xd" if quantized_skip else "x"
    constants = {
        "s": STEP,
        "z": ZERO,
        "w": weights(4, 4, 3, 3, dtype=np.int8),
        "ws": np.full(4, 0.01, np.float32),
        "wz": np.zeros(4, np.int8),
    }
    nodes = [
        *pair("x", "xd"),
        node("DequantizeLinear", "w ws wz", "wd", "w_DQ", axis=0),
        node("Conv", "xd wd", "c", "product", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        node("Add", f"c {skip}", "sum", "add"),
        node("Relu", "sum", "r"),
        *pair("r", "y"),
    ]
    return model_of(nodes, constants, opset=17)


def product(
    quantized: tuple[bool, bool] = (True, True),
    *,
    axis: int = 1,
    dtype: Any = np.int8,
    kind: str = "MatMul",
    **more: Any,
) -> onnx.ModelProto:
    """x (2, 8) times weights (8, 4)."""
    shape = (4, 8) if more.get("transB") else (8, 4)
    nodes = pair("x", "xd") if quantized[0] else []
    constants: dict[str, np.ndarray] = {"s": STEP, "z": ZERO}
    if quantized[1]:
        count = shape[axis]
        constants |= {"w": weights(*shape, dtype=dtype), "ws": np.full(count, 0.01, np.float32)}
        nodes.append(node("DequantizeLinear", "w ws", "wd", "w_DQ", axis=axis))
    else:
        constants["wd"] = weights(*shape)
    nodes.append(node(kind, f"{'xd' if quantized[0] else 'x'} wd", "y", "product", **more))
    used = {name for each in nodes for name in each.input}
    kept = {name: array for name, array in constants.items() if name in used}
    return model_of(nodes, kept, inputs=[("x", FLOAT, (2, 8))])


def findings(model: onnx.ModelProto, folder: Path, target: str = "trt11") -> tuple[Finding, ...]:
    return found_in(view_of(save(model, folder / "model.onnx")), target)


def ids(found: Sequence[Finding], weight_: Weight) -> set[str]:
    return {finding.rule.id for finding in found if finding.rule.weight is weight_}


INT4, FP4, FP8, E8M0 = ml_dtypes.int4, ml_dtypes.float4_e2m1fn, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e8m0fnu
