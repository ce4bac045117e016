"""What the gate asks of a session: TF32 by the precision's name alone, and a folder for engines of these very bytes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from pytest_qparity import BackendSpec, gate, load_case
from pytest_qparity.backends.protocol import Optimizer, SessionOptions, options_from_json
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
        assert not run.options_at("fp32", run.variant_at("fp32")).tf32
    finally:
        run.close()
        run.material.close()


def test_engines_lie_in_a_folder_of_the_bytes_that_run(tmp_path: Path) -> None:
    run = run_at(tmp_path, "fp16")
    try:
        fp16, fp32 = run.options.engine_cache, run.options_at("fp32", run.variant_at("fp32")).engine_cache
        assert fp16 == tmp_path / ".qparity" / "cache" / "engines" / "mine" / run.variant.digest
        assert fp16 != fp32
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
    "options", [SessionOptions(), SessionOptions(3, Optimizer.OFF, tf32=True, engine_cache=Path("/somewhere"))]
)
def test_options_cross_a_process_border_as_they_are(options: SessionOptions) -> None:
    assert options_from_json(options.as_json()) == options
