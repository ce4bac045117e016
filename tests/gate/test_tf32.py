"""What the gate asks of a session: TF32 by the precision's name alone, and a folder for engines."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from pytest_qparity import BackendSpec, gate, load_case
from pytest_qparity.backends.protocol import Optimizer, SessionOptions
from tests.e2e.projects import CASE, write_project

TF32 = CASE.replace("[precisions.fp16]", "[precisions.tf32]\n[precisions.fp16]")


def run_at(root: Path, precision: str, emulated: tuple[str, ...] = ()) -> gate.RunMaterial:
    """A run on ONNX Runtime under the name of a backend that computes in all but `emulated`."""
    case = load_case(write_project(root, TF32))
    spec = BackendSpec("mine", "pytest_qparity.backends.ort:OnnxRuntimeCpu", "ort", emulated=emulated)
    settings = dataclasses.replace(gate.default_settings(root), backends={"mine": spec})
    return gate.RunMaterial(gate.CaseMaterial(case, settings, "cases/mlp.toml"), "mine", precision)


@pytest.mark.parametrize(
    ("precision", "emulated", "expected"),
    [("tf32", (), True), ("tf32", ("tf32",), False), ("fp32", (), False), ("fp16", (), False)],
)
def test_tf32_is_asked_for_by_name_where_the_backend_computes_in_it(
    tmp_path: Path, precision: str, emulated: tuple[str, ...], expected: bool
) -> None:
    run = run_at(tmp_path, precision, emulated)
    try:
        assert run.options.tf32 is expected
        assert run.options.cache == tmp_path / ".qparity" / "cache" / "engines"
    finally:
        run.close()
        run.material.close()


def test_a_cpu_engine_refuses_tf32(tmp_path: Path) -> None:
    """It would compute in float32, and pass for TF32."""
    from pytest_qparity.verdict import CannotJudge

    run = run_at(tmp_path, "tf32")
    try:
        with pytest.raises(CannotJudge, match="tf32"):
            _ = run.session
    finally:
        run.close()
        run.material.close()


@pytest.mark.parametrize(
    "options", [SessionOptions(), SessionOptions(3, Optimizer.OFF, tf32=True, cache=Path("/somewhere"))]
)
def test_options_cross_a_process_border_as_they_are(options: SessionOptions) -> None:
    assert SessionOptions.from_json(options.as_json()) == options
