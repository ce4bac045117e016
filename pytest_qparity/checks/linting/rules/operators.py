"""Operators that TensorRT's parser has not, and types and options that it does not take of those that it has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from onnx import TensorProto

from pytest_qparity.checks.linting.finding import Rule, Weight
from pytest_qparity.checks.linting.rules.operator_table import TYPES
from pytest_qparity.checks.linting.rules.restrictions import RESTRICTIONS
from pytest_qparity.checks.linting.rules.unlisted_options import UNLISTED_OPTIONS, UNREAD
from pytest_qparity.checks.linting.view import named, type_name
from pytest_qparity.precision.content import QUANTIZE
from pytest_qparity.precision.values import MICROSOFT, STANDARD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onnx import NodeProto

    from pytest_qparity.checks.linting.finding import Finding
    from pytest_qparity.checks.linting.rules.operator_table import ParserTable
    from pytest_qparity.checks.linting.view import Body, View

__all__ = ["RULES", "check"]

TABLE = "onnx-tensorrt, docs/operators.md of 10.16 (6bde659) and 11.1 (7c51a63)"
_TYPE_CHECKS = "onnx-tensorrt 10.1 (96e7811), importerUtils.cpp and onnxOpImporters.cpp, notInvalidType"

MISSING = Rule(
    "TRT-OP-001",
    Weight.REFUSED,
    "an operator that the parser does not have",
    "compose it of operators that it has, or write a plugin of its name; QLinear… and …Integer: quantize in QDQ form",
    TABLE,
)
FOREIGN = Rule(
    "TRT-OP-002",
    Weight.REFUSED,
    "an operator of ONNX Runtime or of ai.onnx.ml",
    "export the model without it (ONNX Runtime's optimizer and its quantizer write com.microsoft operators)",
    f"{TABLE}: what is not in it is looked for among plugins by its name",
)
CUSTOM = Rule(
    "TRT-OP-003",
    Weight.WARNED,
    "an operator of a domain of its own",
    "register a plugin of this name before parsing",
    f"{TABLE}: what is not in it is looked for among plugins by its name",
)
RESTRICTED = Rule(
    "TRT-OP-004",
    Weight.REFUSED,
    "an option of an operator that the parser does not take",
    "export the model without the option",
    f"{TABLE}, column Restrictions",
)
UNLISTED_OPTION = Rule(
    "TRT-OP-006",
    Weight.WARNED,
    "an option of an operator that the parser's table does not list",
    "export the model without the option, or try the file: the importer takes it",
    f"{TABLE}, column Restrictions; onnx-tensorrt 10.16 (6bde659), onnxOpImporters.cpp, and 10.1 (96e7811), "
    "importerUtils.cpp, poolingHelper",
)
UNREAD_OPTION = Rule(
    "TRT-OP-007",
    Weight.WARNED,
    "a seed that TensorRT does not read",
    "expect other numbers in each engine: random operators of a fixed seed are no deterministic model there",
    f"{TABLE}, column Restrictions",
)
BY_NAME = Rule(
    "TRT-OP-005",
    Weight.WARNED,
    "an operator of ONNX Runtime that is read as ONNX's of the same name",
    "make sure that inputs and attributes mean the same, or export ONNX's own operator",
    "onnx-tensorrt 10.1 (96e7811), ModelImporter.cpp, parseNode: importers are found by op_type alone",
)
OPSET = Rule(
    "TRT-OPSET-001",
    Weight.REFUSED,
    "an opset outside of the range that the parser is made for",
    "convert the model with onnx.version_converter, or with --fix",
    TABLE,
)
LATEST_OPSET = Rule(
    "TRT-OPSET-002",
    Weight.WARNED,
    "an opset that only the latest releases take",
    "use TensorRT 11.5 or later, or convert the model to opset 24",
    "release notes of TensorRT 11.5, Parsers: support of opset 25",
)
NO_TYPE = Rule(
    "TRT-TYPE-001",
    Weight.REFUSED,
    "an element type that TensorRT does not have",
    "cast to a type that it has before exporting: float32, fp16, bf16, int32, int64, bool",
    f"{TABLE}: data types; onnx-tensorrt 10.1 (96e7811), importerUtils.cpp, convertDtype",
)
TYPE = Rule(
    "TRT-TYPE-002",
    Weight.REFUSED,
    "an operator in a type that its importer refuses",
    "cast its input to float before it",
    _TYPE_CHECKS,
)
UNLISTED = Rule(
    "TRT-TYPE-003",
    Weight.WARNED,
    "an operator in a type that the parser's table does not list",
    "cast its input to a listed type, or try the file: the table is not complete",
    TABLE,
)
UINT8 = Rule(
    "TRT-TYPE-004",
    Weight.REFUSED,
    "uint8 inside of the network",
    "cast uint8 inputs to float right away: uint8 is a type of inputs and outputs alone",
    f"{TABLE}: note on UINT8",
)
DOUBLE = Rule(
    "TRT-TYPE-005",
    Weight.WARNED,
    "double that is computed in float32",
    "export the model in float32, and compare with that",
    f"{TABLE}: note on DOUBLE",
)

RULES = (
    MISSING,
    FOREIGN,
    CUSTOM,
    RESTRICTED,
    BY_NAME,
    UNLISTED_OPTION,
    UNREAD_OPTION,
    OPSET,
    LATEST_OPSET,
    NO_TYPE,
    TYPE,
    UNLISTED,
    UINT8,
    DOUBLE,
)

# What onnxOpImporters.cpp itself imports beside the table.
_OWN = "TRT_"
_LATER_OPSETS = {"11.1": 25}  # by the release of the table: the last opset of a later minor release
_INTEGERS = frozenset({"INT32", "INT64", "INT8"})
_REDUCTIONS = ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare")
# Types of the first input that ONNX allows and importers refuse by name; UINT8 has a rule of its own.
_REFUSED: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("Gemm", "MatMul", "PRelu"), _INTEGERS),
    **dict.fromkeys((f"Reduce{name}" for name in _REDUCTIONS), frozenset({"BOOL"})),
    **dict.fromkeys(("DepthToSpace", "GridSample", "Resize", "SpaceToDepth", "Upsample"), frozenset({"BOOL"})),
}
_QUANTIZED = frozenset({"INT8", "FP8", "INT4", "FP4", "E8M0"})
# They pass on what they are given: their place between a Q and its DQ is the engine's affair.
_MOVERS = frozenset(
    {"Concat", "Constant", "Expand", "Flatten", "Gather", "Identity", "MaxPool", "Reshape", "Shape", "Size", "Slice"}
) | {"Split", "Squeeze", "Transpose", "Unsqueeze"}
_CASTS = frozenset({"Cast", "CastLike"})


def check(table: ParserTable) -> Callable[[View], Iterator[Finding]]:
    """The rules of one release of the parser."""

    def found(view: View) -> Iterator[Finding]:
        yield from _opset(view, table)
        yield from _interface(view)
        for body, node in view.nodes():
            yield from _operator(node, view, table)
            yield from _types(body, node, table)
            if node.domain in STANDARD:
                yield from _options(view, body, node)

    return found


def _options(view: View, body: Body, node: NodeProto) -> Iterator[Finding]:
    for rule, options in ((RESTRICTED, RESTRICTIONS), (UNLISTED_OPTION, UNLISTED_OPTIONS), (UNREAD_OPTION, UNREAD)):
        looked_for = options.get(node.op_type)
        if looked_for is not None:
            yield from (rule.at(named(node), got) for got in looked_for(view, body, node))


def _opset(view: View, table: ParserTable) -> Iterator[Finding]:
    first, last = table.opsets
    latest = _LATER_OPSETS.get(table.release, last)
    if not first <= view.opset <= latest:
        yield OPSET.at("opset", f"got opset {view.opset}, should be {first} to {latest}")
    elif view.opset > last:
        yield LATEST_OPSET.at("opset", f"got opset {view.opset}, should be at most {last} for releases before 11.5")


def _interface(view: View) -> Iterator[Finding]:
    for value in (*view.inputs, *view.outputs):
        data_type = value.type.tensor_type.elem_type
        if data_type and data_type not in TYPES:
            yield NO_TYPE.at(value.name, f"got {type_name(data_type)}, should be a type that TensorRT has")
        elif data_type == TensorProto.DOUBLE:
            yield DOUBLE.at(value.name, "got double, should be float32: it is what is computed in")


def _operator(node: NodeProto, view: View, table: ParserTable) -> Iterator[Finding]:
    """As the parser looks an operator up: by its name in the table, among local functions, among plugins."""
    kind, domain = node.op_type, node.domain
    if table.operators.get(kind) is not None:
        if domain not in STANDARD and kind not in view.functions and not _same_there(node):
            yield BY_NAME.at(named(node), f"got {domain}.{kind}, should be ONNX's {kind}")
    elif kind in view.functions or kind.startswith(_OWN):
        return
    elif domain in STANDARD:
        known = "" if kind in table.operators else " (not in its table)"
        yield MISSING.at(named(node), f"got {kind}{known}, should be an operator of the parser of {table.release}")
    elif domain == MICROSOFT or domain.startswith("ai.onnx"):
        yield FOREIGN.at(named(node), f"got {domain}.{kind}, should be an operator of the parser of {table.release}")
    else:
        yield CUSTOM.at(named(node), f"got {domain}.{kind}, should have a plugin of that name")


def _same_there(node: NodeProto) -> bool:
    return node.domain == MICROSOFT and node.op_type in QUANTIZE


def _types(body: Body, node: NodeProto, table: ParserTable) -> Iterator[Finding]:
    kind = node.op_type
    if kind in QUANTIZE or kind.startswith(_OWN) or node.domain not in STANDARD:
        return
    types = [body.values[name].type for name in (*node.input, *node.output) if name in body.values]
    lacking = next((each for each in types if each and each not in TYPES), 0)
    if lacking:
        yield NO_TYPE.at(named(node), f"got {kind} on {type_name(lacking)}, should be on a type that TensorRT has")
        return
    listed = table.operators.get(kind)
    if listed is None or not node.input or kind in _CASTS:
        return
    main = body.known(node, 1 if kind == "Where" else 0).type
    word = TYPES.get(main)
    if word is None or word in listed:
        return
    if word == "UINT8":
        yield UINT8.at(named(node), f"got {kind} on uint8, should be on a type to compute in")
    elif word in _REFUSED.get(kind, ()):
        yield TYPE.at(named(node), f"got {kind} on {type_name(main)}, should be on {', '.join(sorted(listed))}")
    elif not (kind in _MOVERS and word in _QUANTIZED):
        yield UNLISTED.at(named(node), f"got {kind} on {type_name(main)}, should be on {', '.join(sorted(listed))}")
