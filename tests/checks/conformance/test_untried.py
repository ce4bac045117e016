"""The catalogue against the schemas of the installed onnx: a new type, attribute or version is tried or listed."""

from __future__ import annotations

import pytest
from onnx import defs

from tests.checks.conformance import untried
from tests.checks.conformance.untried import ATTRIBUTE, Feature, LeftOut


def test_every_type_and_attribute_is_tried_or_listed_with_a_reason() -> None:
    assert untried.not_accounted_for() == []


def test_nothing_is_listed_that_is_tried() -> None:
    assert untried.listed_for_nothing() == []


@pytest.mark.parametrize(
    "new",
    [
        Feature("QuantizeLinear", 25, "T3", "float5e2m2"),
        Feature("DequantizeLinear", 25, ATTRIBUTE, "precision"),
        Feature("Cast", defs.onnx_opset_version() + 1, "T1", "float"),
    ],
    ids=["type", "attribute", "version"],
)
def test_what_a_release_of_onnx_adds_is_noticed(monkeypatch: pytest.MonkeyPatch, new: Feature) -> None:
    monkeypatch.setattr(untried, "untried", lambda: {new})

    assert untried.not_accounted_for() == [new]


def test_a_name_that_is_tried_by_now_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    stale = LeftOut("Cast", (25,), ("float8e8m0",), "not yet")
    monkeypatch.setattr(untried, "LEFT_OUT", (*untried.LEFT_OUT, stale))

    assert untried.listed_for_nothing() == ["Cast 25: float8e8m0"]


@pytest.mark.parametrize(
    "feature",
    [
        Feature("QuantizeLinear", 23, ATTRIBUTE, "precision"),
        Feature("QuantizeLinear", 24, "T2", "float8e8m0"),
        Feature("DequantizeLinear", 23, ATTRIBUTE, "output_dtype"),
        Feature("Cast", 24, ATTRIBUTE, "round_mode"),
        Feature("Cast", 25, "T2", "uint2"),
    ],
    ids=lambda feature: f"{feature.operator}-{feature.name}",
)
def test_types_and_attributes_of_nodes_count_as_tried(feature: Feature) -> None:
    assert feature in untried.tried()


def test_casts_that_carry_values_across_the_border_count_for_nothing() -> None:
    """An int4 code leaves the graph as int8 by a Cast: at opset 19 there is neither."""
    assert Feature("Cast", 19, "T1", "int8") not in untried.tried()


def test_the_page_prints_the_list() -> None:
    page = untried.PAGE.read_text(encoding="utf-8")

    assert untried.printed(page) == page
