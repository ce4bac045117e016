"""The [precisions.<name>] table: a file that ships, or what is said of the recipe that makes one."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from pytest_qparity.case.fields import OUR_ERROR, FileCode, Glob, Name, Table, Text

__all__ = ["PrecisionSpec"]

BESIDE_ITS_SOURCE = frozenset({"base", "caught_by", "min_quantized"})  # of what is no recipe
BESIDE_A_COMMAND = BESIDE_ITS_SOURCE | {"weights"}
BESIDE_A_FILE = BESIDE_A_COMMAND | {"keep_float"}


class PrecisionSpec(Table):
    """A precision: given as a file, or made from the float model by a recipe."""

    file: Text | None = Field(
        default=None,
        description="The ONNX file that ships, taken exactly as it is; for trt also a built .engine or .plan. With "
        "keep_float those nodes are float again in a copy of it. Without it the variant is made.",
        examples=["models/digits_resnet_qat.onnx"],
    )
    base: Name | None = Field(
        default=None,
        description='The precision this is a variant of, where its name before the first "-" does not say so.',
        examples=["int8"],
    )
    recipe: Literal["static", "dynamic", "weight-only", "cast", "block"] | None = Field(
        default=None,
        description="How the variant is made. Default: that of the precision; int8 and uint8 may be dynamic.",
        examples=["dynamic"],
    )
    target: Literal["any", "ort", "openvino", "trt", "backend"] = Field(
        default="any",
        description="The engine whose kernels the placement of Q/DQ nodes is for. `any`: one file that all take; "
        "`backend`: a file for each backend, the one it is fastest with.",
        examples=["ort"],
    )
    format: Literal["qdq", "qoperator"] = Field(
        default="qdq",
        description="Q/DQ nodes around float operators, or operators that compute on integers themselves.",
        examples=["qoperator"],
    )
    activation: Literal["int8", "uint8", "int16", "uint16"] | None = Field(
        default=None, description="Element type of activations. Default: that of the target.", examples=["uint8"]
    )
    weight: Literal["int8", "uint8", "int16"] | None = Field(
        default=None, description="Element type of weights. Default: that of the precision.", examples=["int16"]
    )
    symmetric: bool | None = Field(
        default=None, description="Whether zero points are 0. Default: that of the target.", examples=[True]
    )
    granularity: Literal["tensor", "channel"] | None = Field(
        default=None,
        description="Whether a weight has one scale or one for each output channel. Default: channel; dynamic: tensor.",
        examples=["tensor"],
    )
    block: Annotated[int, Field(ge=16, le=256)] | None = Field(
        default=None, description="How many weights share a scale, along the axis of summation.", examples=[128]
    )
    bias: Literal["int32", "float"] | None = Field(
        default=None, description="Type of biases. Default: that of the target.", examples=["float"]
    )
    reduce_range: bool = Field(
        default=False,
        description="Weights of 7 bits, whose products do not saturate in the 16-bit sums of x64 CPUs without VNNI.",
        examples=[True],
    )
    calibration: Literal["minmax", "percentile", "entropy", "mse", "moving-average"] | None = Field(
        default=None,
        description="How the ranges of activations are found. Default: percentile for 8-bit integers, minmax for int16 "
        "and float8.",
        examples=["entropy"],
    )
    percentile: Annotated[float, Field(gt=0, le=100)] | None = Field(
        default=None, description="The share of values inside the range, in percent. Default: 99.999.", examples=[99.9]
    )
    ranges: Text | None = Field(
        default=None,
        description="A file with ranges of tensors in the place of calibration: ranges.json, TensorRT's calibration "
        "cache, ONNX Runtime's calibration table, encodings.",
        examples=["ranges.json"],
    )
    algorithm: Literal["rtn", "mse", "hqq", "gptq"] = Field(
        default="rtn", description="How weights alone are quantized.", examples=["hqq"]
    )
    scale_rule: Literal["floor", "up"] | None = Field(
        default=None,
        description="How power-of-two scales of blocks are rounded. Default: up for mxfp8, floor for mxfp4.",
        examples=["up"],
    )
    equalize: bool = Field(
        default=False,
        description="Whether channels between two products are scaled so that both weights have the same ranges "
        "(cross-layer equalization) before anything is quantized.",
        examples=[True],
    )
    smooth: Annotated[float, Field(ge=0, le=1)] | None = Field(
        default=None,
        description="How much of an activation's outliers go into the weights that read it (SmoothQuant's alpha), "
        "folded into what makes the activation.",
        examples=[0.5],
    )
    smooth_mul: bool = Field(
        default=False,
        description="Whether a Mul stays in the file where the scales of smooth cannot be folded.",
        examples=[True],
    )
    bias_correction: bool = Field(
        default=False,
        description="Whether the mean that quantization moves each output channel by goes into its bias, layer by "
        "layer.",
        examples=[True],
    )
    operators: Annotated[tuple[Text, ...], Field(strict=False)] = Field(
        default=(),
        description="Operator types that are quantized dynamically. Default: Conv, MatMul.",
        examples=[["MatMul"]],
    )
    command: Annotated[tuple[Text, ...], Field(min_length=1, strict=False)] | None = Field(
        default=None,
        description="A maker from outside: its command line, with {model}, {calibration} and {output}.",
        examples=[["modelopt/bin/python", "quantize.py", "{model}", "{calibration}", "{output}"]],
    )
    command_version: Annotated[tuple[Text, ...], Field(min_length=1, strict=False)] | None = Field(
        default=None,
        description="A command that prints the maker's version; recorded, and a reason to make the variant anew.",
        examples=[["modelopt/bin/python", "-m", "pip", "show", "nvidia-modelopt"]],
    )
    maker: Text | None = Field(
        default=None,
        description="A function that makes it, `module:function`, in a process of its own: it takes the paths `model` "
        "and `output`, and `calibration`, an .npz file, where it wants the data.",
        examples=["quantizing:int8"],
    )
    only: Annotated[tuple[Glob, ...], Field(strict=False)] = Field(
        default=(),
        description="Nodes to quantize, and no others: patterns as in keep_float. Empty: all that can be.",
        examples=[["op:Conv"]],
    )
    extend: bool = Field(
        default=False,
        description="Whether a model that holds quantization already is quantized further; otherwise it is refused.",
        examples=[True],
    )
    edges_float: bool = Field(
        default=False,
        description="Whether the first and the last quantizable node on each path stay float.",
        examples=[True],
    )
    types: dict[Glob, Literal["int8", "uint8", "int16", "uint16"]] = Field(
        default={},
        description="Element types of activations for nodes by pattern, where they are others.",
        examples=[{"*/head/*": "int16"}],
    )
    keep_float: Annotated[tuple[Glob, ...], Field(strict=False)] = Field(
        default=(),
        description="Nodes to keep float: globs on node names, `op:` and a glob on operator types, `output:` and the "
        "name of a tensor that a node makes, or `between:` and two tensors with ` -> ` between them.",
        examples=[["*/attention/*", "op:Softmax"]],
    )
    min_quantized: Annotated[float, Field(gt=0, le=1)] | None = Field(
        default=None,
        description="Share of compute nodes (Conv, MatMul, Gemm, …) that must run quantized, at least, as the engine "
        "tells it. Without it the share is recorded.",
        examples=[0.9],
    )
    weights: Literal["rounded", "changed"] = Field(
        default="rounded",
        description="Of a given file, a command or a maker: whether its quantized weights are the float model's, "
        "rounded, or those that its maker changed on purpose (QAT, GPTQ, rotations).",
        examples=["changed"],
    )
    caught_by: Annotated[tuple[FileCode, ...], Field(strict=False)] = Field(
        default=(),
        description="In a canary file alone: the failure codes that this broken file must get. Empty: it is sound and "
        "must pass.",
        examples=[["QP-PAR-002"]],
    )

    @model_validator(mode="after")
    def _a_given_file_is_taken_as_it_is(self) -> PrecisionSpec:
        source = next((key for key in ("file", "command", "maker") if getattr(self, key) is not None), None)
        if source is None:
            return self
        possible = {source, *(BESIDE_A_FILE if source == "file" else BESIDE_A_COMMAND)}
        recipe = sorted(self.model_fields_set - possible - ({"command_version"} if source != "maker" else set()))
        if recipe:
            keys = " and ".join(recipe)
            should = f"a given file or a recipe, not both: beside {source}, {keys} would have no effect"
            raise PydanticCustomError(OUR_ERROR, should, {"remedy": f"remove {keys}, or remove {source}"})
        return self
