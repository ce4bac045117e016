"""Static quantization in ONNX Runtime's operators on integers: QLinearConv, QLinearMatMul, QGemm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx

from pytest_qparity.precision.graph import in_order, name_nodes
from pytest_qparity.precision.library import quiet
from pytest_qparity.precision.placement.selection import array_of, is_constant
from pytest_qparity.precision.placement.writer import Writer, home_of
from pytest_qparity.precision.scopes import name_tensors_apart
from pytest_qparity.precision.values import names_used, subgraphs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import onnx_ir as ir
    from onnx import ModelProto

    from pytest_qparity.precision.recipes import StaticRecipe
    from pytest_qparity.quantmath import Range

__all__ = ["ONE_INSTEAD", "fold_factors", "made_plain", "make_qoperator"]

ONE_INSTEAD = "1, as ONNX Runtime's quantizer has it, so that every value becomes 0"
_BIAS = 2  # index of C among the inputs of a Gemm


def made_plain(graph: ir.Graph, nodes: Sequence[ir.Node]) -> list[ir.Node]:
    """Of `nodes` those that ONNX Runtime's quantizer gets right, after what it gets wrong was made plain, in place.

    It quantizes a weight or bias once, with the axis and the input scale of the node it meets first, and leaves alpha
    out of the scale of a bias and beta out of the bias. So each node has constants of its own, and a Gemm the weights
    alpha · B and the bias beta · C. One whose C is no constant stays float, as QGemm takes int32 biases alone, and one
    whose B is none where alpha is not 1.
    """
    writer = Writer(graph)
    taken: set[str] = set()
    return [node for node in nodes if _made_plain(node, writer, taken)]


def fold_factors(graph: ir.Graph, nodes: Sequence[ir.Node]) -> None:
    """Of Gemms among `nodes` alpha and beta go into constants, in place: ONNX Runtime fuses none that has them."""
    writer = Writer(graph)
    for node in nodes:
        if any(factor != 1.0 for factor in _factors(node).values()):
            _made_plain(node, writer, set())


def _made_plain(node: ir.Node, writer: Writer, taken: set[str]) -> bool:
    factors = _factors(node)
    for index, factor in factors.items():
        value = node.inputs[index] if index < len(node.inputs) else None
        if value is not None and not is_constant(value) and (factor != 1.0 or index == _BIAS):
            return False
    for index in range(1, len(node.inputs)):
        value = node.inputs[index]
        if value is None or not is_constant(value):
            continue
        factor, name = factors.get(index, 1.0), str(value.name)
        if factor != 1.0 or name in taken:
            copy = (array_of(value) * np.float32(factor)).astype(np.float32)
            node.replace_input_with(index, writer.constant(f"{name}_of_{node.name}", copy, home_of(value)))
        taken.add(name)
    for attribute in ("alpha", "beta") if factors else ():
        node.attributes.pop(attribute, None)
    return True


def _factors(node: ir.Node) -> dict[int, float]:
    """What a Gemm multiplies its operands by, by the index of the operand."""
    if node.op_type != "Gemm":
        return {}
    return {1: node.attributes.get_float("alpha", 1.0), _BIAS: node.attributes.get_float("beta", 1.0)}


def make_qoperator(
    model: ModelProto, recipe: StaticRecipe, nodes: Sequence[str], ranges: Mapping[str, Range]
) -> ModelProto:
    """`model` with QLinearConv and QLinearMatMul for `nodes` of its main graph; `ranges` of all they take and give.

    Bodies of If, Loop and Scan are left as they are: the quantizer takes them in its dynamic mode alone. It keeps the
    float values of outputs and no others, so that what bodies take from around them is an output while it works.
    """
    from onnxruntime.quantization import CalibrationMethod, QuantType
    from onnxruntime.quantization.calibrate import TensorData, TensorsData
    from onnxruntime.quantization.onnx_quantizer import ONNXQuantizer
    from onnxruntime.quantization.quant_utils import QuantizationMode

    types = {"int8": QuantType.QInt8, "uint8": QuantType.QUInt8}
    data = {
        name: TensorData(lowest=np.float32(found.low), highest=np.float32(found.high)) for name, found in ranges.items()
    }
    outputs = len(model.graph.output)
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in _captured(model))
    with quiet():
        quantizer = ONNXQuantizer(
            model,
            per_channel=recipe.granularity == "channel",
            reduce_range=recipe.weight_bits == 7,
            mode=QuantizationMode.QLinearOps,
            static=True,
            weight_qType=types[recipe.weight],
            activation_qType=types[recipe.activation],
            tensors_range=TensorsData(CalibrationMethod.MinMax, data),
            nodes_to_quantize=list(nodes),
            nodes_to_exclude=[],
            op_types_to_quantize=sorted({node.op_type for node in model.graph.node if node.name in set(nodes)}),
            extra_options={"ActivationSymmetric": recipe.symmetric},
        )
        quantizer.quantize_model()
    made = quantizer.model.model
    del made.graph.output[outputs:]
    name_nodes(made)
    name_tensors_apart(made)  # the quantizer knows names of the main graph alone
    return in_order(made)


def _captured(model: ModelProto) -> list[str]:
    """Names of the tensors of the main graph that bodies take from around them, and that are no outputs."""
    taken = {name for node in model.graph.node for body in subgraphs(node) for name in names_used(body)}
    outputs = {value.name for value in model.graph.output}
    return [name for node in model.graph.node for name in node.output if name in taken and name not in outputs]
