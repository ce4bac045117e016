"""ONNX Runtime's own dynamic quantization, and its quantizers without what they say."""

from __future__ import annotations

import io
import logging
import tempfile
import warnings
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

import onnx

from pytest_qparity.case.names import known_list, nearest
from pytest_qparity.precision.graph import LAYOUT, in_order, nodes_of
from pytest_qparity.precision.large import fits_one_message, save_whole
from pytest_qparity.precision.preparing import constants_folded
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from onnx import ModelProto

    from pytest_qparity.precision.recipes import DynamicRecipe

__all__ = ["make_dynamic", "quiet"]


def make_dynamic(model: ModelProto, recipe: DynamicRecipe, scratch: Path) -> ModelProto:
    """`model` with DynamicQuantizeLinear and integer products. Works in a folder of its own inside `scratch`."""
    from onnxruntime import quantization
    from onnxruntime.quantization.registry import IntegerOpsRegistry

    unknown = [name for name in recipe.operators if name not in IntegerOpsRegistry]
    if unknown:  # the quantizer passes over what it does not know
        near = nearest(unknown[0], IntegerOpsRegistry)
        sentence = f'operators: got "{unknown[0]}", should be among: {known_list(sorted(IntegerOpsRegistry))}.'
        remedy = f'write "{near}"' if near else "name operators that ONNX Runtime quantizes dynamically"
        raise CannotJudge(Failure(Code.VARIANT_RECIPE, sentence, remedy))
    # The quantizer writes `<stem>-inferred.onnx` beside its input, where two jobs on one model would meet.
    with tempfile.TemporaryDirectory(prefix="dynamic-", dir=scratch) as folder, quiet():
        source, made = Path(folder) / "float.onnx", Path(folder) / "dynamic.onnx"
        excluded = _later_names(model, [*recipe.keep_float, *_quantized_before(model)])
        model = constants_folded(model)
        is_large = not fits_one_message(model)
        save_whole(model, source)
        quantization.quantize_dynamic(
            source,
            made,
            op_types_to_quantize=list(recipe.operators),
            per_channel=recipe.granularity == "channel",
            reduce_range=recipe.weight_bits == 7,
            weight_type=quantization.QuantType[f"Q{'UI' if recipe.weight == 'uint8' else 'I'}nt8"],
            nodes_to_exclude=excluded,
            use_external_data_format=is_large,
            extra_options={"EnableSubgraph": True},
        )
        return in_order(onnx.load(made))


def _quantized_before(model: ModelProto) -> list[str]:
    """Names of the nodes whose weights are dequantized: the quantizer wants initializers."""
    makers = {output: node for node in nodes_of(model.graph) for output in node.output}

    def is_dequantized(name: str) -> bool:
        maker = makers.get(name)
        while maker is not None and maker.op_type in LAYOUT:
            maker = makers.get(maker.input[0])
        return maker is not None and maker.op_type == "DequantizeLinear"

    return [node.name for node in nodes_of(model.graph) if any(map(is_dequantized, node.input[1:]))]


def _later_names(model: ModelProto, kept: Sequence[str]) -> list[str]:
    """Names by which the quantizer knows nodes: it makes MatMul and Add of each Gemm before it looks for them."""
    gemms = {node.name for node in nodes_of(model.graph) if node.op_type == "Gemm"}
    return [*kept, *(f"{name}_{part}" for name in kept if name in gemms for part in ("MatMul", "Add"))]


@contextmanager
def quiet() -> Iterator[None]:
    """Quantizers log advice to the root logger and print progress, which belong to the user's own run."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        root.setLevel(level)
