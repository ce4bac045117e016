"""Recipes of ONNX Runtime's own quantizers: dynamic, packed weights."""

from __future__ import annotations

import logging
import tempfile
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx

from pytest_qparity.case.names import known_list, nearest
from pytest_qparity.precision.graph import LAYOUT, in_order, nodes_of
from pytest_qparity.precision.large import constants_lifted, fits_one_message, save_whole
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from onnx import ModelProto

    from pytest_qparity.precision.recipes import DynamicRecipe, WeightOnlyRecipe

__all__ = ["make_dynamic", "make_packed", "quiet"]


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
        model = constants_lifted(model)
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


def make_packed(model: ModelProto, recipe: WeightOnlyRecipe, feeds: Sequence[Mapping[str, Any]]) -> ModelProto:
    """`model` with com.microsoft MatMulNBits for its products with constants. `feeds`: calibration data, for gptq."""
    from onnxruntime.quantization import QuantFormat
    from onnxruntime.quantization import matmul_nbits_quantizer as nbits

    format_ = QuantFormat.QDQ if recipe.format == "qdq" else QuantFormat.QOperator
    configurations = {
        "rtn": lambda: nbits.DefaultWeightOnlyQuantConfig(
            block_size=recipe.block, is_symmetric=recipe.symmetric, quant_format=format_
        ),
        "hqq": lambda: nbits.HQQWeightOnlyQuantConfig(block_size=recipe.block, quant_format=format_),
        "gptq": lambda: nbits.GPTQWeightOnlyQuantConfig(
            calibration_data_reader=_Feeds(feeds), block_size=recipe.block, quant_format=format_
        ),
    }
    with quiet():
        quantizer = nbits.MatMulNBitsQuantizer(
            constants_lifted(model),
            block_size=recipe.block,
            is_symmetric=recipe.symmetric,
            nodes_to_exclude=list(recipe.keep_float),
            quant_format=format_,
            algo_config=configurations[recipe.algorithm](),
        )
        try:
            quantizer.process()
        except ModuleNotFoundError as missing:
            raise CannotJudge(
                Failure(
                    Code.VARIANT_RECIPE,
                    f"algorithm {recipe.algorithm}: got no module {missing.name}, should be installed: ONNX Runtime's "
                    "quantizer computes with it.",
                    f'pip install {missing.name}, or choose algorithm = "rtn" or "mse"',
                )
            ) from None
        return in_order(quantizer.model.model)


class _Feeds:
    """Feeds as ONNX Runtime's quantizer goes through them."""

    def __init__(self, feeds: Sequence[Mapping[str, Any]]) -> None:
        self._feeds = feeds

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (dict(feed) for feed in self._feeds)


@contextmanager
def quiet() -> Iterator[None]:
    """The quantizer logs advice to the root logger, which belongs to the user's own run."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        root.setLevel(level)
