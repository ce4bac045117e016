"""Weights packed for ONNX Runtime's MatMulNBits, by its own quantizer: rtn, hqq and gptq."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onnx import helper

from pytest_qparity.precision.graph import in_order
from pytest_qparity.precision.large import fits_one_message
from pytest_qparity.precision.library import quiet
from pytest_qparity.precision.preparing import constants_folded
from pytest_qparity.precision.values import MICROSOFT
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from onnx import ModelProto

    from pytest_qparity.precision.recipes import WeightOnlyRecipe

__all__ = ["make_packed"]

_NAMED = 5


def make_packed(model: ModelProto, recipe: WeightOnlyRecipe, feeds: Sequence[Mapping[str, Any]]) -> ModelProto:
    """`model` with com.microsoft MatMulNBits for its products with constants. It is used up.

    `feeds`: calibration data, for gptq. hqq and gptq import torch. Raises CannotJudge without it, and where gptq cannot
    pack the zero points.
    """
    from onnxruntime.quantization import matmul_nbits_quantizer as nbits

    quantizer = nbits.MatMulNBitsQuantizer(
        constants_folded(model),
        block_size=recipe.block,
        is_symmetric=recipe.symmetric,
        nodes_to_exclude=list(recipe.keep_float),
        algo_config=_configuration(recipe, feeds),
    )
    if recipe.algorithm == "gptq":
        _require_one_message(model)
        _require_packable(quantizer, recipe)
        # It looks for nodes to leave alone here, and nowhere else.
        weights = quantizer._generate_q4_node_config() | dict.fromkeys(recipe.keep_float, "fp32")
        quantizer._generate_q4_node_config = lambda: weights
    with quiet():
        try:
            quantizer.process()
        except ModuleNotFoundError as missing:
            raise _not_installed(recipe.algorithm, str(missing.name)) from None
    made: ModelProto = quantizer.model.model
    if not any(entry.domain == MICROSOFT for entry in made.opset_import):  # gptq leaves it out
        made.opset_import.append(helper.make_opsetid(MICROSOFT, 1))
    return in_order(made)


def _configuration(recipe: WeightOnlyRecipe, feeds: Sequence[Mapping[str, Any]]) -> Any:
    from onnxruntime.quantization import matmul_nbits_quantizer as nbits

    if recipe.algorithm == "hqq":
        return nbits.HQQWeightOnlyQuantConfig(block_size=recipe.block)
    if recipe.algorithm == "gptq":
        return nbits.GPTQWeightOnlyQuantConfig(calibration_data_reader=_Feeds(feeds), block_size=recipe.block)
    return nbits.DefaultWeightOnlyQuantConfig(block_size=recipe.block, is_symmetric=recipe.symmetric)


def _require_one_message(model: ModelProto) -> None:
    if not fits_one_message(model):
        sentence = "algorithm gptq: got a model beyond 2 GB, should fit one message: it runs the model from one."
        raise CannotJudge(Failure(Code.VARIANT_RECIPE, sentence, 'choose algorithm = "rtn", "mse" or "hqq"'))


def _require_packable(quantizer: Any, recipe: WeightOnlyRecipe) -> None:
    """Two zero points share a byte: ONNX Runtime 1.32's gptq pairs them across the end of a row."""
    odd = []
    for node in quantizer.model.model.graph.node:
        weight = quantizer.model.get_initializer(node.input[1]) if node.op_type == "MatMul" else None
        if weight is not None and node.name not in recipe.keep_float and -(-weight.dims[0] // recipe.block) % 2:
            odd.append(node.name)
    if odd:
        named = ", ".join(odd[:_NAMED]) + (", …" if len(odd) > _NAMED else "")
        raise CannotJudge(
            Failure(
                Code.VARIANT_RECIPE,
                f"algorithm gptq: got an odd number of blocks of {recipe.block} with zero points in {named}, should be "
                "an even one: ONNX Runtime's quantizer packs two into a byte, and not those of different rows.",
                "name another block, or keep these nodes float",
            )
        )


def _not_installed(algorithm: str, module: str) -> CannotJudge:
    sentence = f"algorithm {algorithm}: got no module {module}, should be installed: ONNX Runtime's quantizer needs it."
    return CannotJudge(
        Failure(Code.VARIANT_RECIPE, sentence, f'pip install {module}, or choose algorithm = "rtn" or "mse"')
    )


class _Feeds:
    """Feeds as ONNX Runtime's quantizer goes through them."""

    def __init__(self, feeds: Sequence[Mapping[str, Any]]) -> None:
        self._feeds = feeds

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (dict(feed) for feed in self._feeds)
