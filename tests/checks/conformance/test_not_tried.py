"""Whether the catalogue knows of every quantized operator, attribute and input that onnx and ONNX Runtime know of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from typing import Any

import onnx
import pytest

from pytest_qparity.checks.conformance import kernels_by_id
from pytest_qparity.checks.conformance.models import MICROSOFT
from pytest_qparity.checks.conformance.sampling import draw_examples
from tests.checks.conformance.not_tried import NO_KERNEL, OPERATORS, OPTIONS, PAGE, QUANTIZED, printed

EXAMPLES = 6
# Their options go by opset, and have a test of their own.
BY_OPSET = {"QuantizeLinear", "DequantizeLinear"}


def onnx_schemas() -> dict[str, Any]:
    return {schema.name: schema for schema in onnx.defs.get_all_schemas() if QUANTIZED.search(schema.name)}


def contrib_schemas() -> dict[str, Any]:
    pytest.importorskip("onnxruntime")
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    return {
        f"{MICROSOFT}.{schema.name}": schema
        for schema in state.get_all_operator_schema()
        if schema.domain == MICROSOFT and QUANTIZED.search(schema.name)
    }


SCHEMAS = {"onnx": onnx_schemas, "com.microsoft": contrib_schemas}


@cache
def tried() -> dict[str, tuple[set[str], set[int]]]:
    """Of each operator: the attributes that some node states, and the places of the inputs that some node names."""
    found: dict[str, tuple[set[str], set[int]]] = defaultdict(lambda: (set(), set()))
    for kernel in kernels_by_id().values():
        if not QUANTIZED.search(kernel.operator.rpartition(".")[2]) or kernel.operator.startswith("Q/DQ"):
            continue
        for example in draw_examples(kernel, EXAMPLES, 0):
            for node in example.nodes:
                name = f"{node.domain}.{node.operator}" if node.domain else node.operator
                if QUANTIZED.search(node.operator):
                    found[name][0].update(node.attributes)
                    found[name][1].update(place for place, given in enumerate(node.inputs) if given)
    return dict(found)


def options_of(schema: Any) -> set[str]:
    return {*schema.attributes, *(given.name for given in schema.inputs)}


def tried_of(schema: Any, name: str) -> set[str]:
    attributes, places = tried()[name]
    inputs = [given.name for given in schema.inputs]
    return {*attributes, *(inputs[min(place, len(inputs) - 1)] for place in places)}  # the last one may be variadic


@pytest.mark.parametrize("registry", SCHEMAS)
def test_every_quantized_operator_is_tried_or_said_not_to_be(registry: str) -> None:
    names = SCHEMAS[registry]().keys()

    assert sorted(names - tried().keys() - OPERATORS.keys()) == []
    assert sorted(OPERATORS.keys() & tried().keys()) == []


@pytest.mark.parametrize("registry", SCHEMAS)
def test_every_attribute_and_input_is_tried_or_said_not_to_be(registry: str) -> None:
    schemas = SCHEMAS[registry]()
    missing = {
        name: sorted(options_of(schema) - tried_of(schema, name) - OPTIONS.get(name, {}).keys())
        for name, schema in schemas.items()
        if name in tried() and name not in BY_OPSET
    }

    assert {name: options for name, options in missing.items() if options} == {}


def test_the_list_names_nothing_that_is_not_there_and_nothing_that_is_tried() -> None:
    schemas = onnx_schemas() | contrib_schemas()
    idle = {
        name: [option for option in options if option in tried_of(schemas[name], name)]
        for name, options in OPTIONS.items()
    }

    assert _unknown(OPERATORS, schemas) == _unknown(OPTIONS, schemas) == []
    assert {name: options for name, options in idle.items() if options} == {}
    assert all(OPTIONS[name].keys() <= options_of(schemas[name]) for name in OPTIONS)


def _unknown(names: Iterable[str], schemas: dict[str, Any]) -> list[str]:
    return [name for name in names if name not in schemas]


def test_an_operator_that_is_said_to_have_no_kernel_has_none() -> None:
    pytest.importorskip("onnxruntime")
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    kernels = {
        f"{kernel.domain}.{kernel.op_name}"
        for kernel in state.get_all_opkernel_def()
        if kernel.provider == "CPUExecutionProvider"
    }

    assert {name for name, reason in OPERATORS.items() if reason == NO_KERNEL} & kernels == set()


def test_the_page_prints_the_list_as_it_is() -> None:
    """`python -m tests.checks.conformance.not_tried` writes it."""
    page = PAGE.read_text(encoding="utf-8")

    assert printed(page) == page
