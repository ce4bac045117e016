"""What of the quantized operators no kernel tries, beside the list of what is left out: docs/conformance.md prints it.

Of QuantizeLinear, DequantizeLinear and Cast the types and attributes of each version count, of all others in ONNX and
com.microsoft the attributes and inputs of the newest.

python -m tests.checks.conformance.untried writes the list there.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_qparity.checks.conformance import kernels_by_id
from pytest_qparity.checks.conformance.models import MICROSOFT, example_model
from pytest_qparity.checks.conformance.sampling import draw_examples
from tests.checks.conformance.left_out import ATTRIBUTE, INPUT, LEFT_OUT, Feature, LeftOut

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PAGE = Path(__file__).parents[3] / "docs" / "conformance.md"
FIRST = {"QuantizeLinear": 10, "DequantizeLinear": 10, "Cast": 19}  # the first version with a type of quantization
QUANTIZED = re.compile(r"quant|qlinear|integer|nbits|bnb4|fpq4|float8|fp8|fp4|^Q(?!uick)", re.IGNORECASE)
EXAMPLES = 6  # of a kernel, whose optional inputs some examples leave out


def features() -> Iterator[Feature]:
    """All of them that the installed onnx has, and ONNX Runtime if it is here."""
    from onnx import defs

    for schema in defs.get_all_schemas_with_history():
        if schema.domain or schema.name not in FIRST or schema.since_version < FIRST[schema.name]:
            continue
        for constraint in schema.type_constraints:
            for type_ in constraint.allowed_type_strs:
                yield Feature(schema.name, schema.since_version, constraint.type_param_str, _element(type_))
        for attribute in schema.attributes:
            yield Feature(schema.name, schema.since_version, ATTRIBUTE, attribute)
    for name, schema in _other_schemas().items():
        for attribute in schema.attributes:
            yield Feature(name, schema.since_version, ATTRIBUTE, attribute)
        for given in schema.inputs:
            yield Feature(name, schema.since_version, INPUT, given.name)


@cache
def _other_schemas() -> dict[str, Any]:
    """The newest schema of every other quantized operator."""
    from onnx import defs

    found: dict[str, Any] = {schema.name: schema for schema in defs.get_all_schemas() if not schema.domain}
    try:
        from onnxruntime.capi import onnxruntime_pybind11_state as state
    except ImportError:
        registered: Iterable[Any] = ()
    else:
        registered = state.get_all_operator_schema()
    found |= {f"{MICROSOFT}.{each.name}": each for each in registered if each.domain == MICROSOFT}
    return {name: found[name] for name in found if QUANTIZED.search(found[name].name) and name not in FIRST}


@cache
def tried() -> frozenset[Feature]:
    """What the nodes of the catalogue's kernels have."""
    return frozenset((*_tried_by_version(), *_tried_of_others()))


def _tried_by_version() -> Iterator[Feature]:
    """By the first example of each kernel: its types are those of all."""
    from onnx import defs

    for kernel in kernels_by_id().values():
        if kernel.operator not in FIRST:
            continue
        schema = defs.get_schema(kernel.operator, max_inclusive_version=kernel.opset)
        example = draw_examples(kernel, 1, 0)[0]
        for place, name in _used(example_model([example], kernel.opset), schema):
            yield Feature(kernel.operator, schema.since_version, place, name)


def _tried_of_others() -> Iterator[Feature]:
    schemas = _other_schemas()
    for kernel in kernels_by_id().values():
        if not QUANTIZED.search(kernel.operator.rpartition(".")[2]) or kernel.operator.startswith("Q/DQ"):
            continue
        for node in (node for example in draw_examples(kernel, EXAMPLES, 0) for node in example.nodes):
            name = f"{node.domain}.{node.operator}" if node.domain else node.operator
            if name not in schemas:
                continue
            version, formal = schemas[name].since_version, [given.name for given in schemas[name].inputs]
            yield from (Feature(name, version, ATTRIBUTE, attribute) for attribute in node.attributes)
            for place, given in enumerate(node.inputs):
                if given:  # the last of the schema's may be variadic
                    yield Feature(name, version, INPUT, formal[min(place, len(formal) - 1)])


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
    """What is untried and not on the list: what a new release of onnx or ONNX Runtime brings."""
    return sorted(feature for feature in untried() if not any(each.covers(feature) for each in LEFT_OUT))


def listed_for_nothing() -> list[str]:
    """Names on the list that are tried everywhere, or are no features; of versions that the installed onnx has."""
    from onnx import defs

    left, all_of_them = untried(), set(features())
    found = []
    for each in LEFT_OUT:
        for version in each.versions or (None,):
            if version is not None and version > defs.onnx_opset_version():
                continue
            meant = [feature for feature in all_of_them if each.covers(feature) and version in (None, feature.version)]
            for name in each.names or ("",):
                own = {feature for feature in meant if name in ("", feature.name)}
                if not own & left or (_is_whole(each) and own - left):
                    found.append(f"{each.operator} {version or ''}: {name or 'all'}")
    return found


def _is_whole(each: LeftOut) -> bool:
    """Whether an operator is left out altogether: then no kernel may try any of it."""
    return not (each.names or each.versions or each.places)


def table() -> str:
    """The list as a table in Markdown."""
    lines = ["| operator | opset | types, attributes and inputs | why |", "| --- | --- | --- | --- |"]
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
