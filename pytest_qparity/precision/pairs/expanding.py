"""Operators on integers as the Q/DQ form of the same: their layers can then be looked into like any other.

    QLinearX(q₁, s₁, z₁, …, s, z) = QuantizeLinear(X(DequantizeLinear(q₁, s₁, z₁), …), s, z)
    Cast(MatMulInteger(q, w, z, z_w)) · (s · s_w) = MatMul(DequantizeLinear(q, s, z), DequantizeLinear(w, s_w, z_w))

but for the rounding of a float sum: ONNX operators QLinearConv, QLinearMatMul, ConvInteger, MatMulInteger
(opset 10), and ONNX Runtime's QGemm, QLinearAdd and the like (com.microsoft). What is no such operator, or has a scale
that is no constant where one must be, is left as it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from pytest_qparity.precision.values import loaded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from onnx import ModelProto, NodeProto

    Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["expanded"]

AXIS_SINCE = 13  # opset of DequantizeLinear's axis; axes of ReduceMean are an input from 18 on
_AXES_AS_INPUT = 18
_BINARY = {"QLinearAdd": "Add", "QLinearMul": "Mul"}
_UNARY = {
    "QLinearAveragePool": "AveragePool",
    "QLinearGlobalAveragePool": "GlobalAveragePool",
    "QLinearLeakyRelu": "LeakyRelu",
    "QLinearReduceMean": "ReduceMean",
    "QLinearSigmoid": "Sigmoid",
    "QLinearSoftmax": "Softmax",
}
_MOVING = frozenset({"Flatten", "Gather", "MaxPool", "Reshape", "Slice", "Squeeze", "Transpose", "Unsqueeze"})
_OWN_ATTRIBUTES = frozenset({"channels_last", "opset"})  # of ONNX Runtime's operators alone
_REPLACED = frozenset({"Add", "Cast", "Mul"})  # what scales an integer sum, and adds a bias
_OF_GEMM = "_MatMul_quant"  # as ONNX Runtime's dynamic quantizer names the product of a Gemm
_INTEGER = {"ConvInteger": "Conv", "MatMulInteger": "MatMul"}


def expanded(model: ModelProto, beside: Path) -> ModelProto:
    """`model`, used up, with operators on integers of its main graph in Q/DQ form. `beside`: where its external data
    lie. A file without any is as it was."""
    work = _Work(model, beside)
    nodes: list[NodeProto] = []
    for node in model.graph.node:  # what is made of a node stands in its place, so that makers stay ahead of readers
        before = len(work.made)
        nodes += work.made[before:] if work.take(node) else [node]
    if not work.made:
        return model
    gone = {name for node in work.gone for name in node.output}
    kept = [node for node in nodes if node.op_type not in _REPLACED or not gone.intersection(node.output)]
    light = onnx.GraphProto()
    light.node.extend(kept)
    del model.graph.node[:]
    model.graph.node.extend(light.node)
    model.graph.initializer.extend(work.constants)
    return model


class _Work:
    def __init__(self, model: ModelProto, beside: Path) -> None:
        self._beside = beside
        self._tensors = {tensor.name: tensor for tensor in model.graph.initializer}
        self._opset = max((each.version for each in model.opset_import if not each.domain), default=1)
        self._makers = {name: node for node in model.graph.node for name in node.output}
        self._readers: dict[str, list[NodeProto]] = {}
        for node in model.graph.node:
            for name in node.input:
                self._readers.setdefault(name, []).append(node)
        self._outputs = {value.name for value in model.graph.output}
        self._quantized: dict[str, tuple[str, str]] = {}  # scale and zero point by the name of a quantized tensor
        self.made: list[NodeProto] = []
        self.gone: list[NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def take(self, node: NodeProto) -> bool:
        """Whether the node is expanded, so that it has to go."""
        kind = node.op_type
        if kind == "QuantizeLinear":
            self._quantized[node.output[0]] = node.input[1], node.input[2] if len(node.input) > 2 else ""
            return False
        takers: dict[str, Callable[[NodeProto], bool]] = {
            "QLinearConv": self._convolution,
            "QLinearMatMul": self._matmul,
            "QGemm": self._gemm,
            "QLinearConcat": self._concat,
            **dict.fromkeys(_BINARY, self._binary),
            **dict.fromkeys(_UNARY, self._unary),
            **dict.fromkeys(_MOVING, self._moving),
            **dict.fromkeys(_INTEGER, self._integer),
        }
        return kind in takers and takers[kind](node)

    def _convolution(self, node: NodeProto) -> bool:
        x, w, (scale, zero) = node.input[0:3], node.input[3:6], node.input[6:8]
        if not self._are_constant(x[1], w[1]):
            return False
        inputs = [self._dequantized(node, 0, *x), self._weight(node, 1, *w, axis=0)]
        if len(node.input) > 8 and node.input[8]:
            inputs.append(self._bias(node, node.input[8], self._array(x[1]) * self._array(w[1])))
        return self._rounded(node, "Conv", inputs, scale, zero)

    def _matmul(self, node: NodeProto) -> bool:
        a, b, (scale, zero) = node.input[0:3], node.input[3:6], node.input[6:8]
        if not self._are_constant(a[1], b[1]):
            return False
        inputs = [self._dequantized(node, 0, *a), self._weight(node, 1, *b, axis=-1)]
        return self._rounded(node, "MatMul", inputs, scale, zero)

    def _gemm(self, node: NodeProto) -> bool:
        a, b = node.input[0:3], node.input[3:6]
        if not self._are_constant(a[1], b[1]):
            return False
        held = {each.name: helper.get_attribute_value(each) for each in node.attribute}
        axis = 0 if held.get("transB") else 1
        inputs = [self._dequantized(node, 0, *a), self._weight(node, 1, *b, axis=axis)]
        if len(node.input) > 6 and node.input[6]:
            by = self._array(a[1]) * self._array(b[1]) * np.float32(held.get("alpha", 1.0))
            inputs.append(self._bias(node, node.input[6], by))
        if len(node.input) > 7 and node.input[7]:
            return self._rounded(node, "Gemm", inputs, node.input[7], node.input[8])
        return self._put(node, "Gemm", inputs, node.output[0])

    def _binary(self, node: NodeProto) -> bool:
        given = list(node.input)
        inputs = [self._dequantized(node, 0, *given[0:3]), self._dequantized(node, 1, *given[3:6])]
        return self._rounded(node, _BINARY[node.op_type], inputs, given[6], given[7] if len(given) > 7 else "")

    def _unary(self, node: NodeProto) -> bool:
        held = {each.name: helper.get_attribute_value(each) for each in node.attribute}
        if held.get("channels_last") or (node.op_type == "QLinearReduceMean" and self._opset >= _AXES_AS_INPUT):
            return False
        inputs = [self._dequantized(node, 0, *node.input[0:3])]
        zero = node.input[4] if len(node.input) > 4 else ""
        return self._rounded(node, _UNARY[node.op_type], inputs, node.input[3], zero)

    def _concat(self, node: NodeProto) -> bool:
        parts = [node.input[start : start + 3] for start in range(2, len(node.input), 3)]
        inputs = [self._dequantized(node, index, *part) for index, part in enumerate(parts)]
        return self._rounded(node, "Concat", inputs, node.input[0], node.input[1])

    def _moving(self, node: NodeProto) -> bool:
        """What only moves codes, or takes their maximum, does the same to what they stand for."""
        known = self._quantized.get(node.input[0])
        if known is None or len(node.output) != 1:
            return False
        inputs = [self._dequantized(node, 0, node.input[0], *known), *node.input[1:]]
        return self._rounded(node, node.op_type, inputs, *known)

    def _integer(self, node: NodeProto) -> bool:
        """The sum of products as ONNX Runtime's dynamic quantization writes it, behind a DynamicQuantizeLinear."""
        source = self._makers.get(node.input[0])
        cast = self._only_reader(node.output[0], "Cast")
        scaled = None if cast is None else self._only_reader(cast.output[0], "Mul")
        if source is None or source.op_type != "DynamicQuantizeLinear" or cast is None or scaled is None:
            return False
        other = next(name for name in scaled.input if name != cast.output[0])
        both = self._makers.get(other)
        dynamic = source.output[1]
        if both is None or both.op_type != "Mul" or dynamic not in both.input:
            return False
        weight_scale = next(name for name in both.input if name != dynamic)
        zero = node.input[3] if len(node.input) > 3 else ""
        if not self._are_constant(weight_scale, node.input[1], *([zero] if zero else [])):
            return False
        axis = 0 if node.op_type == "ConvInteger" else -1
        activation = self._dequantized(node, 0, node.input[0], dynamic, source.output[2])
        inputs = [activation, self._weight(node, 1, node.input[1], weight_scale, zero, axis=axis)]
        self.gone += [cast, scaled]
        kind, output, biased = _INTEGER[node.op_type], scaled.output[0], self._only_reader(scaled.output[0], "Add")
        bias = None if biased is None else self._own_bias(node, biased, output)
        if biased is not None and bias is not None:
            inputs.append(bias)
            self.gone.append(biased)
            kind, output = "Gemm" if kind == "MatMul" else kind, biased.output[0]
        return self._put(node, kind, inputs, output)

    def _own_bias(self, node: NodeProto, added: NodeProto, product: str) -> str | None:
        """The bias that ONNX Runtime's quantizer has made an Add of: of a Conv behind a Reshape, of a Gemm as it is."""
        other = next((name for name in added.input if name != product), "")
        maker = self._makers.get(other)
        if node.op_type == "ConvInteger" and maker is not None and maker.op_type == "Reshape":
            return maker.input[0] if self._are_constant(maker.input[0]) else None
        was_gemm = node.name.endswith(_OF_GEMM) and added.name == f"{node.name.removesuffix(_OF_GEMM)}_Add"
        return other if was_gemm and self._are_constant(other) else None

    def _only_reader(self, name: str, kind: str) -> NodeProto | None:
        readers = self._readers.get(name, [])
        is_one = len(readers) == 1 and readers[0].op_type == kind and name not in self._outputs
        return readers[0] if is_one else None

    def _rounded(self, node: NodeProto, kind: str, inputs: Sequence[str], scale: str, zero: str) -> bool:
        raw, quantized = f"{node.output[0]} float", node.output[0]
        self._put(node, kind, inputs, raw)
        parameters = [scale, zero] if zero else [scale]
        self.made.append(
            helper.make_node("QuantizeLinear", [raw, *parameters], [quantized], name=f"{node.name} rounded")
        )
        self._quantized[quantized] = scale, zero
        return True

    def _put(self, node: NodeProto, kind: str, inputs: Sequence[str], output: str) -> bool:
        made = helper.make_node(kind, list(inputs), [output], name=node.name)
        made.attribute.extend(each for each in node.attribute if each.name not in _OWN_ATTRIBUTES)
        self.made.append(made)
        return True

    def _dequantized(self, node: NodeProto, index: int, name: str, scale: str, zero: str = "") -> str:
        made = f"{node.name} {index} dequantized"
        parameters = [scale, zero] if zero else [scale]
        self.made.append(helper.make_node("DequantizeLinear", [name, *parameters], [made], name=made))
        return made

    def _weight(self, node: NodeProto, index: int, name: str, scale: str, zero: str = "", *, axis: int) -> str:
        """Of several scales along `axis`: of an opset that has none in DequantizeLinear the values themselves."""
        scales = self._array(scale)
        if scales.size == 1 and scales.ndim <= 1:
            return self._dequantized(node, index, name, scale, zero)
        if name not in self._tensors:
            return self._dequantized(node, index, name, scale, zero)
        codes = self._array(name)
        place = axis % codes.ndim
        spread = [scales.size if each == place else 1 for each in range(codes.ndim)]
        if self._opset >= AXIS_SINCE and scales.ndim == 1:
            made = self._dequantized(node, index, name, scale, zero)
            self.made[-1].attribute.append(helper.make_attribute("axis", place))
            return made
        zeros = np.zeros(1) if not zero else self._array(zero).astype(np.float64)
        zeros = zeros.reshape(spread) if zeros.size > 1 else zeros.reshape([1] * codes.ndim)
        values = (codes.astype(np.float64) - zeros) * scales.astype(np.float64).reshape(spread)
        return self._constant(f"{node.name} {index} values", values)

    def _bias(self, node: NodeProto, name: str, scale: Array) -> str:
        return self._constant(f"{node.name} bias", self._array(name).astype(np.float64) * scale.astype(np.float64))

    def _constant(self, name: str, values: Array) -> str:
        self.constants.append(numpy_helper.from_array(values.astype(np.float32), name))
        return name

    def _are_constant(self, *names: str) -> bool:
        return all(name in self._tensors for name in names)

    def _array(self, name: str) -> Array:
        return loaded(self._tensors[name], self._beside / "model.onnx")
