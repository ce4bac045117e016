"""What of QuantizeLinear, DequantizeLinear and Cast no kernel tries, and why: as docs/conformance.md prints it.

python -m tests.checks.conformance.untried writes it there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_qparity.checks.conformance import kernels_by_id
from pytest_qparity.checks.conformance.models import example_model
from pytest_qparity.checks.conformance.sampling import draw_examples

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parents[3] / "docs" / "conformance.md"
FIRST = {"QuantizeLinear": 10, "DequantizeLinear": 10, "Cast": 19}  # the first version with a type of quantization
ATTRIBUTE = "attribute"


@dataclass(frozen=True, slots=True, order=True)
class Feature:
    """A type that a version of an operator allows, or an attribute that it has."""

    operator: str
    version: int
    place: str  # of a type constraint, such as "T1", or ATTRIBUTE
    name: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Features that no kernel tries: these names (none named: all) of these versions, in these places (none named: in
    any)."""

    operator: str
    versions: tuple[int, ...]
    names: tuple[str, ...]
    why: str
    places: tuple[str, ...] = ()

    def covers(self, feature: Feature) -> bool:
        return (
            feature.operator == self.operator
            and feature.version in self.versions
            and (feature.name in self.names or not self.names)
            and (feature.place in self.places or not self.places)
        )


_BY_OPSET_24 = "opset 24 brought float8e8m0 to these operators: the others are tried at the opsets around it"
_BESIDE = "tried at opsets 19, 21 and 25"
_OWN = ("bool", "string", "double", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
_OWN_WHY = "NumPy's own types: float32 is tried beside all small ones, int8 and uint8 beside those of 4 and 2 bits"
LEFT_OUT = (
    LeftOut("QuantizeLinear", (10,), ("int32", "uint8"), "the formula is that of opset 13, where they are tried"),
    LeftOut(
        "QuantizeLinear",
        (19, 21),
        ("int32",),
        "y_scale would be of int32 as well, and what integers divide to is not said",
        ("T1",),
    ),
    LeftOut(
        "QuantizeLinear",
        (23, 24, 25),
        ("int32",),
        "a scale of integers: what the precision of their division is, is not said",
        ("T2",),
    ),
    LeftOut("QuantizeLinear", (24, 25), ("int32",), "tried at opsets 13 and 23", ("T1",)),
    LeftOut("QuantizeLinear", (23,), ("bfloat16",), _BESIDE),
    LeftOut("QuantizeLinear", (24,), ("bfloat16", "float16"), _BESIDE),
    LeftOut(
        "QuantizeLinear",
        (24,),
        ("float8e5m2", "float8e5m2fnuz", "int16", "uint16", "int4", "uint4", "output_dtype"),
        _BY_OPSET_24,
    ),
    LeftOut("QuantizeLinear", (28,), (), "ONNX Runtime 1.32 has no kernel of opset 28, which brought float6"),
    LeftOut("DequantizeLinear", (10,), ("int32", "uint8"), "the formula is that of opset 13, where they are tried"),
    LeftOut("DequantizeLinear", (23,), ("bfloat16",), _BESIDE),
    LeftOut("DequantizeLinear", (24,), ("bfloat16", "float16"), _BESIDE),
    LeftOut(
        "DequantizeLinear",
        (24,),
        ("float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz", "int16", "uint16", "int32", "int4", "uint4"),
        _BY_OPSET_24,
    ),
    LeftOut("DequantizeLinear", (28,), (), "ONNX Runtime 1.32 has no kernel of opset 28, which brought float6"),
    LeftOut("Cast", (19, 23, 24, 25), (*_OWN, "int8"), _OWN_WHY),
    LeftOut("Cast", (21,), _OWN, _OWN_WHY),
    LeftOut("Cast", (21, 23, 24), ("float16", "bfloat16"), "tried at opsets 19 and 25"),
    LeftOut(
        "Cast",
        (24,),
        ("float8e4m3fn", "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz", "float4e2m1", "int4", "uint4"),
        _BY_OPSET_24,
    ),
    LeftOut("Cast", (28,), (), "ONNX Runtime 1.32 has no kernel of opset 28, which brought float6"),
)


def features() -> Iterator[Feature]:
    """All of them, of each version that the installed onnx has."""
    from onnx import defs

    for schema in defs.get_all_schemas_with_history():
        if schema.domain or schema.name not in FIRST or schema.since_version < FIRST[schema.name]:
            continue
        for constraint in schema.type_constraints:
            for type_ in constraint.allowed_type_strs:
                yield Feature(schema.name, schema.since_version, constraint.type_param_str, _element(type_))
        for attribute in schema.attributes:
            yield Feature(schema.name, schema.since_version, ATTRIBUTE, attribute)


@cache
def tried() -> frozenset[Feature]:
    """What the nodes of the catalogue's kernels have, the first example of each: its types are those of all."""
    from onnx import defs

    found: set[Feature] = set()
    for kernel in kernels_by_id().values():
        if kernel.operator not in FIRST:
            continue
        schema = defs.get_schema(kernel.operator, max_inclusive_version=kernel.opset)
        example = draw_examples(kernel, 1, 0)[0]
        for place, name in _used(example_model([example], kernel.opset), schema):
            found.add(Feature(kernel.operator, schema.since_version, place, name))
    return frozenset(found)


def untried() -> set[Feature]:
    return set(features()) - tried()


def _used(model: Any, schema: Any) -> Iterator[tuple[str, str]]:
    """The types of a model's node under test, by constraint, and its attributes. The other nodes carry values of types
    that NumPy lacks across the border of the graph."""
    from onnx import helper, shape_inference

    graph = shape_inference.infer_shapes(model, strict_mode=True).graph
    types = {each.name: each.type.tensor_type.elem_type for each in (*graph.input, *graph.value_info, *graph.output)}
    types |= {each.name: each.data_type for each in graph.initializer}
    node = next(node for node in graph.node if node.output[0] == "e0_y")
    formal = [*zip(node.input, schema.inputs, strict=False), *zip(node.output, schema.outputs, strict=False)]
    for name, parameter in formal:
        yield parameter.type_str, _element(helper.tensor_dtype_to_string(types[name]).lower().split(".")[-1])
    for attribute in node.attribute:
        yield ATTRIBUTE, attribute.name


def _element(type_: str) -> str:
    return type_.removeprefix("tensor(").removesuffix(")")


def not_accounted_for() -> list[Feature]:
    """What is untried and not on the list: what a new release of onnx brings."""
    return sorted(feature for feature in untried() if not any(each.covers(feature) for each in LEFT_OUT))


def listed_for_nothing() -> list[str]:
    """Names on the list that are tried everywhere, or are no features; of versions that the installed onnx has."""
    from onnx import defs

    left = untried()
    return [
        f"{each.operator} {version}: {name or 'all'}"
        for each in LEFT_OUT
        for version in each.versions
        if version <= defs.onnx_opset_version()
        for name in each.names or ("",)
        if not any(each.covers(f) and f.version == version and f.name in (name or f.name) for f in left)
    ]


def table() -> str:
    """The list as a table in Markdown."""
    lines = ["| operator | opset | types and attributes | why |", "| --- | --- | --- | --- |"]
    for each in LEFT_OUT:
        names = ", ".join(each.names) or "all"
        where = f" ({', '.join(each.places)})" if each.places else ""
        versions = ", ".join(str(version) for version in each.versions)
        lines.append(f"| {each.operator} | {versions} | {names}{where} | {each.why} |")
    return "\n".join([*lines, ""])


def printed(page: str) -> str:
    """`page` with the list as it is now."""
    begin, end = "<!-- untried -->", "<!-- end of untried -->"
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"got a page without {begin} and {end}, should have both")
    return f"{before}{begin}\n\n{table()}\n{end}{after}"


if __name__ == "__main__":
    PAGE.write_text(printed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
