"""TF32, which leaves no trace in a file: what TensorFloat-32 units make of a float32 model."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import onnx_ir as ir
from onnx import inliner

from pytest_qparity.precision.emulation.emitter import Emitter, graphs_of
from pytest_qparity.precision.emulation.inference import infer
from pytest_qparity.precision.emulation.rounding import TF32, round_to
from pytest_qparity.precision.emulation.state import STANDARD

if TYPE_CHECKING:
    from collections.abc import Mapping

    from onnx import ModelProto

MULTIPLIERS = frozenset({"Conv", "ConvTranspose", "Einsum", "Gemm", "MatMul"})
FACTORS = 2  # a bias, the third input, is added in float32


def with_tf32(model: ModelProto) -> tuple[ModelProto, Mapping[str, int]]:
    """`model` with both factors of its products rounded to TF32's 10 mantissa bits, and how many nodes that concerns.

    Of Conv, ConvTranspose, Einsum, Gemm and MatMul on float32. Products and sums stay float32, as TF32's are.
    Rounding is to nearest with ties to even; hardware that drops the bits instead is up to twice as far off.
    """
    typed = ir.from_proto(inliner.inline_local_functions(model) if model.functions else model)
    infer(typed)
    emit = Emitter(typed)
    counts: Counter[str] = Counter()
    for graph in list(graphs_of(typed.graph)):
        for node in list(graph):
            if node.domain in STANDARD and node.op_type in MULTIPLIERS and node.inputs[0] is not None:
                if node.inputs[0].dtype != ir.DataType.FLOAT:
                    continue
                for index, value in enumerate(node.inputs[:FACTORS]):
                    assert value is not None
                    node.replace_input_with(index, round_to(emit, value, TF32))
                emit.place(node)
                counts["tf32"] += 1
    return (ir.to_proto(typed), dict(counts)) if counts else (model, {})
