"""Shapes and types of a network's inputs that TensorRT wants more said of than the file does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx import TensorProto

from pytest_qparity.checks.linting.finding import Rule, Weight
from pytest_qparity.checks.linting.view import named, shape_of
from pytest_qparity.precision.values import STANDARD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_qparity.checks.linting.finding import Finding
    from pytest_qparity.checks.linting.view import View

__all__ = ["PROFILE", "RULES", "check"]

PROFILE = Rule(
    "TRT-SHAPE-001",
    Weight.WARNED,
    "an input of a shape that is not fixed",
    "give an optimization profile (trtexec --minShapes, --optShapes, --maxShapes); the gate makes it of a case's data",
    "TensorRT documentation, Working with Dynamic Shapes: an engine of dynamic inputs needs a profile",
)
RANK = Rule(
    "TRT-SHAPE-002",
    Weight.REFUSED,
    "an input without a rank",
    "state its dimensions, by name where they are not fixed",
    "TensorRT documentation, Working with Dynamic Shapes: the rank of a tensor is fixed when the network is built",
)
DATA_DEPENDENT = Rule(
    "TRT-SHAPE-003",
    Weight.WARNED,
    "an output whose shape depends on values",
    "read its shape after the run, through an output allocator; nothing behind it is captured in CUDA graphs",
    "TensorRT documentation, Working with Dynamic Shapes: dynamically shaped output",
)
INT64 = Rule(
    "TRT-IO-001",
    Weight.WARNED,
    "an int64 input",
    "feed int64: since TensorRT 10 it is no int32, as it was in 8",
    "onnx-tensorrt, docs/Changelog.md, 9.0: int64 is no longer cast to int32",
)

RULES = (PROFILE, RANK, DATA_DEPENDENT, INT64)

_DATA_DEPENDENT = frozenset({"NonMaxSuppression", "NonZero"})


def check(view: View) -> Iterator[Finding]:
    for value in view.inputs:
        shape = shape_of(value)
        if shape is None:
            yield RANK.at(value.name, "got no rank, should be stated")
        elif None in shape:
            dims = ", ".join(
                str(each.dim_value) if each.HasField("dim_value") and each.dim_value >= 0 else each.dim_param or "?"
                for each in value.type.tensor_type.shape.dim
            )
            yield PROFILE.at(value.name, f"got ({dims}) without a profile, should have one")
        if value.type.tensor_type.elem_type == TensorProto.INT64:
            yield INT64.at(value.name, "got an int64 input, should be fed as int64")
    for _, node in view.nodes():
        if node.op_type in _DATA_DEPENDENT and node.domain in STANDARD:
            yield DATA_DEPENDENT.at(named(node), f"got {node.op_type}, whose output has as many rows as its values say")
