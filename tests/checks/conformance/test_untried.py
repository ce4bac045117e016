"""The catalogue against the schemas of onnx and ONNX Runtime: what is new of an operator is tried or listed."""

from __future__ import annotations

import pytest
from onnx import defs

from pytest_qparity.checks.conformance.models import MICROSOFT
from tests.checks.conformance import untried
from tests.checks.conformance.left_out import ATTRIBUTE, INPUT, LEFT_OUT, NO_KERNEL, Feature, LeftOut

pytest.importorskip("onnxruntime")  # whose operators are listed as well


def test_every_type_attribute_and_input_is_tried_or_listed_with_a_reason() -> None:
    assert untried.not_accounted_for() == []


def test_nothing_is_listed_that_is_tried() -> None:
    assert untried.listed_for_nothing() == []


@pytest.mark.parametrize(
    "new",
    [
        Feature("QuantizeLinear", 25, "T3", "float5e2m2"),
        Feature("DequantizeLinear", 25, ATTRIBUTE, "precision"),
        Feature("Cast", defs.onnx_opset_version() + 1, "T1", "float"),
        Feature("QLinearConv", 10, ATTRIBUTE, "activation"),
        Feature(f"{MICROSOFT}.QLinearSub", 1, INPUT, "A"),
    ],
    ids=["type", "attribute", "version", "attribute of another", "operator"],
)
def test_what_a_release_adds_is_noticed(monkeypatch: pytest.MonkeyPatch, new: Feature) -> None:
    monkeypatch.setattr(untried, "untried", lambda: {new})

    assert untried.not_accounted_for() == [new]


@pytest.mark.parametrize(
    ("stale", "said"),
    [
        (LeftOut("Cast", (25,), ("float8e8m0",), "not yet"), "Cast 25: float8e8m0"),
        (LeftOut(f"{MICROSOFT}.QGemm", (), ("alpha",), "not yet"), f"{MICROSOFT}.QGemm : alpha"),
        (LeftOut(f"{MICROSOFT}.QAttention", (), (), "not yet"), f"{MICROSOFT}.QAttention : all"),
        (LeftOut(f"{MICROSOFT}.QGem", (), (), "misspelt"), f"{MICROSOFT}.QGem : all"),
    ],
    ids=["type", "attribute", "operator of which a part is tried", "nothing"],
)
def test_what_is_tried_by_now_is_noticed(monkeypatch: pytest.MonkeyPatch, stale: LeftOut, said: str) -> None:
    monkeypatch.setattr(untried, "LEFT_OUT", (*LEFT_OUT, stale))

    assert untried.listed_for_nothing() == [said]


def test_an_operator_that_is_said_to_have_no_kernel_has_none() -> None:
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    kernels = {
        f"{kernel.domain}.{kernel.op_name}"
        for kernel in state.get_all_opkernel_def()
        if kernel.provider == "CPUExecutionProvider"
    }

    assert {each.operator for each in LEFT_OUT if each.why == NO_KERNEL} & kernels == set()


@pytest.mark.parametrize(
    "feature",
    [
        Feature("QuantizeLinear", 23, ATTRIBUTE, "precision"),
        Feature("QuantizeLinear", 24, "T2", "float8e8m0"),
        Feature("DequantizeLinear", 23, ATTRIBUTE, "output_dtype"),
        Feature("Cast", 24, ATTRIBUTE, "round_mode"),
        Feature("Cast", 25, "T2", "uint2"),
        Feature("QLinearConv", 10, INPUT, "B"),
        Feature(f"{MICROSOFT}.QGemm", 1, ATTRIBUTE, "transB"),
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
