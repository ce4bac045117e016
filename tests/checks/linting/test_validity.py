"""ONNX's own rules where a row of the table does not say it all: models above 2 GB, and the place that is named."""

from __future__ import annotations

import os
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto

from pytest_qparity.checks.linting.targets import found_in
from pytest_qparity.checks.linting.view import view_of
from tests.checks.linting.files import findings
from tests.checks.linting.validity_rows import text, without_shapes
from tests.models import save

WIDTH = 600_000_000  # of float32: 2.4 GB, more than one protobuf message holds


@pytest.mark.parametrize("has_shapes", [True, False])
def test_models_above_2_gb_are_looked_at(tmp_path: Path, *, has_shapes: bool) -> None:
    model = text("y = Add(x, c)", given=f"float[1,{WIDTH}] x", gives=f"float[1,{WIDTH}] y")
    tensor = model.graph.initializer.add(name="c", data_type=TensorProto.FLOAT, dims=[WIDTH])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="data.bin")
    (tmp_path / "data.bin").touch()
    os.truncate(tmp_path / "data.bin", 4 * WIDTH)  # a hole: it takes no room
    path = save(model if has_shapes else without_shapes(model), tmp_path / "model.onnx")

    assert found_in(view_of(path), "ort") == ()


@pytest.mark.parametrize(
    ("model", "place"),
    [
        (text("y = Relu(nobody)"), "model"),
        (text("[first] t = Abs(x) [second] y = Cast(t)"), "second"),
        (text("[first] t = Abs(x) [second] y = Relu(t, t)"), "second"),
        (text("[first] t = Abs(x) [second] y = Relu(t)", gives="int64[1,4] y"), "second"),
    ],
)
def test_a_finding_names_the_node_where_onnx_does(model: onnx.ModelProto, place: str, tmp_path: Path) -> None:
    [finding] = findings(model, tmp_path, "ort")

    assert finding.node == place


def test_an_output_that_nobody_makes_is_said_whatever_else_it_lacks(tmp_path: Path) -> None:
    [finding] = findings(without_shapes(text("t = Relu(x)")), tmp_path, "ort")

    assert "Graph output 'y' is not an output of any node in graph" in finding.sentence
