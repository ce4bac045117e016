"""Weights packed for ONNX Runtime's MatMulNBits, by its own quantizer: rtn and hqq."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_qparity.precision.graph import in_order
from pytest_qparity.precision.library import quiet
from pytest_qparity.precision.preparing import constants_folded
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from onnx import ModelProto

    from pytest_qparity.precision.recipes import WeightOnlyRecipe

__all__ = ["make_packed"]


def make_packed(model: ModelProto, recipe: WeightOnlyRecipe) -> ModelProto:
    """`model` with com.microsoft MatMulNBits for its products with constants. It is used up.

    hqq imports torch. Raises CannotJudge without it.
    """
    from onnxruntime.quantization import matmul_nbits_quantizer as nbits

    quantizer = nbits.MatMulNBitsQuantizer(
        constants_folded(model),
        block_size=recipe.block,
        is_symmetric=recipe.symmetric,
        nodes_to_exclude=list(recipe.keep_float),
        algo_config=_configuration(recipe),
    )
    with quiet():
        try:
            quantizer.process()
        except ModuleNotFoundError as missing:
            raise _not_installed(recipe.algorithm, str(missing.name)) from None
    made: ModelProto = quantizer.model.model
    return in_order(made)


def _configuration(recipe: WeightOnlyRecipe) -> Any:
    from onnxruntime.quantization import matmul_nbits_quantizer as nbits

    if recipe.algorithm == "hqq":
        return nbits.HQQWeightOnlyQuantConfig(block_size=recipe.block)
    return nbits.DefaultWeightOnlyQuantConfig(block_size=recipe.block, is_symmetric=recipe.symmetric)


def _not_installed(algorithm: str, module: str) -> CannotJudge:
    sentence = f"algorithm {algorithm}: got no module {module}, should be installed: ONNX Runtime's quantizer needs it."
    return CannotJudge(
        Failure(Code.VARIANT_RECIPE, sentence, f'pip install {module}, or choose algorithm = "rtn" or "mse"')
    )
