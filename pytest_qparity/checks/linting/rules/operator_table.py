"""The parser's own table of operators, by release; see tables/NOTICE.md for where it comes from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from onnx import TensorProto

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["TYPES", "ParserTable", "parser_table"]

# The table's words for ONNX's element types. DOUBLE it does not list: the parser reads it as FP32.
TYPES: Mapping[int, str] = {
    TensorProto.FLOAT: "FP32",
    TensorProto.DOUBLE: "FP32",
    TensorProto.FLOAT16: "FP16",
    TensorProto.BFLOAT16: "BF16",
    TensorProto.INT32: "INT32",
    TensorProto.INT64: "INT64",
    TensorProto.INT8: "INT8",
    TensorProto.UINT8: "UINT8",
    TensorProto.INT4: "INT4",
    TensorProto.BOOL: "BOOL",
    TensorProto.FLOAT8E4M3FN: "FP8",
    TensorProto.FLOAT4E2M1: "FP4",
    TensorProto.FLOAT8E8M0: "E8M0",
}


@dataclass(frozen=True, slots=True)
class ParserTable:
    """`operators`: types that an operator is taken in, None where it is not taken at all. `opsets`: first and last."""

    release: str
    source: str
    opsets: tuple[int, int]
    operators: Mapping[str, frozenset[str] | None]


def parser_table(name: str) -> ParserTable:
    text = (
        resources.files("pytest_qparity.checks.linting.rules")
        .joinpath(f"tables/{name}.json")
        .read_text(encoding="utf-8")
    )
    stated = json.loads(text)
    first, last = stated["opsets"]
    operators = {
        operator: None if types is None else frozenset(types) for operator, types in stated["operators"].items()
    }
    return ParserTable(stated["release"], stated["source"], (first, last), operators)
