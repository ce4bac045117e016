"""Ranges of a file as a plan takes them: of tensors that only move values, and too small for a scale."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper

from pytest_qparity.case.data import Samples, make_feeds
from pytest_qparity.precision.cache import VariantCache
from pytest_qparity.precision.making import ranges_use
from pytest_qparity.precision.recipes import as_json
from pytest_qparity.precision.variants import Workshop, variant_for
from pytest_qparity.verdict import CannotJudge, Code
from pytest_qparity.worker.in_process import InProcess
from pytest_qparity.worker.limits import Limits
from tests.models import save
from tests.precision.graphs import FLOAT, model_file, model_of, one_matmul, request_for, weights
from tests.precision.making import array, made, recipe


def moving(operator="Flatten"):
    """Relu → an operator that moves its values, or some of them → MatMul."""
    taken = {
        "Flatten": ["r"],
        "Transpose": ["r"],
        "Slice": ["r", "zero", "one", "one"],
        "MaxPool": ["r"],
    }[operator]
    attributes = {"Transpose": {"perm": [0, 2, 1]}, "MaxPool": {"kernel_shape": [2]}}.get(operator, {})
    nodes = [
        helper.make_node("Relu", ["x"], ["r"], name="relu"),
        helper.make_node(operator, taken, ["m"], name="move", **attributes),
        helper.make_node("MatMul", ["m", "w"], ["y"], name="product"),
    ]
    columns = {"Flatten": 8, "Transpose": 2, "Slice": 4, "MaxPool": 3}[operator]
    constants = {"w": weights(columns, 4), "zero": np.array([0]), "one": np.array([1])}
    return model_of(nodes, [("x", FLOAT, [1, 2, 4])], [("y", FLOAT, None)], constants, opset=19)


def variant(model, tmp_path, lines):
    (tmp_path / "ranges.txt").write_text(lines)
    request = request_for(model, tmp_path, "int8", ranges="ranges.txt", target="trt")
    return variant_for(
        request, lambda: pytest.fail("no data are needed"), Workshop(InProcess(Limits()), _cache(tmp_path))
    )


def _cache(tmp_path):
    return VariantCache(tmp_path / "cache")


def scale_of(found, name):
    return float(array(onnx.load(found.path), f"{name}_scale"))


@pytest.mark.parametrize("operator", ["Flatten", "Transpose"])
def test_the_entry_of_where_all_values_are_moved_to_is_used_where_the_tensor_has_none(tmp_path, operator):
    found = variant(moving(operator), tmp_path, "m: 2.54\n")

    assert scale_of(found, "m") == pytest.approx(0.02)
    assert 'the ranges: taken from where the same values are moved to: "m" for "r"' in found.recipe["notes"]


@pytest.mark.parametrize("operator", ["Slice", "MaxPool"])
def test_the_entry_of_where_some_values_are_moved_to_is_no_range_of_all(tmp_path, operator):
    with pytest.raises(CannotJudge) as stop:
        variant(moving(operator), tmp_path, "m: 2.54\ny: 1.0\n")

    assert stop.value.failure.code is Code.CALIBRATION_TENSOR


@pytest.mark.parametrize("operator", ["Flatten", "Transpose", "Slice", "MaxPool"])
def test_an_entry_that_changes_nothing_is_told(tmp_path, operator):
    found = variant(moving(operator), tmp_path, "m: 1.0\nr: 2.54\n")

    assert scale_of(found, "m") == pytest.approx(0.02)
    assert found.recipe["notes"][-1] == (
        "the ranges: 1 of tensors that only move values are not used, theirs is that of what they move: "
        '"m" (has that of "r")'
    )


def test_an_entry_that_says_the_same_is_not_told(tmp_path):
    assert "notes" not in variant(moving(), tmp_path, "m: 2.54\nr: 2.54\n").recipe


def test_what_was_used_is_told_by_the_name_that_the_file_has(tmp_path):
    path = save(moving(), tmp_path / "float.onnx")
    (tmp_path / "ranges.txt").write_text("m: 2.54\nother: 1.0\n")
    how = recipe(ranges="ranges.txt", target="trt")
    arguments = {"model": path, "ranges": tmp_path / "ranges.txt", "precision": "int8", "recipe": as_json(how)}

    assert ranges_use({}, arguments, {})[0] == {"used": ["m"], "unused": ["other"]}


def feeds_of(model, tmp_path, largest):
    file = model_file(save(model, tmp_path / "float.onnx"))
    values = np.linspace(-largest, largest, 64, dtype=np.float32).reshape(8, 8)
    return make_feeds(Samples({"x": values}, None, "", "made"), file.inputs, 1)


@pytest.mark.parametrize(
    ("spec", "scale"),
    [
        ({"target": "trt"}, "1.18e-38, the smallest normal one"),
        ({"target": "ort"}, "1.18e-38, the smallest normal one"),
        ({"target": "ort", "format": "qoperator"}, "1, as ONNX Runtime's quantizer has it"),
    ],
    ids=["symmetric", "with zero points", "operators on integers"],
)
def test_a_range_too_small_for_a_scale_is_told(tmp_path, spec, scale):
    model = one_matmul()

    _, notes = made(model, tmp_path, feeds=feeds_of(model, tmp_path, 1e-40), **spec)
    _, notes_of_more = made(model, tmp_path, feeds=feeds_of(model, tmp_path, 1e-30), **spec)

    (note,) = [note for note in notes if "too small" in note]
    assert '"x" [-1e-40, 1e-40]' in note
    assert f"it is {scale}" in note
    assert not any("too small" in note for note in notes_of_more)


def test_a_range_of_a_file_that_is_too_small_for_a_scale_is_told(tmp_path):
    found = variant(moving(), tmp_path, "r: 1e-40\n")

    assert scale_of(found, "m") == np.float32(np.finfo(np.float32).tiny)
    assert any(note.startswith("1 tensor has a range too small") for note in found.recipe["notes"])


def test_zeros_alone_are_no_range_too_small(tmp_path):
    notes = variant(moving(), tmp_path, "r: 0.0\n").recipe["notes"]

    assert not any("too small" in note for note in notes)
