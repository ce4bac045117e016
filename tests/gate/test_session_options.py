"""What the gate asks a session for: TF32 where the precision says so, the shapes of the case's data, a cache."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import onnx
import pytest

from pytest_qparity import gate, load_case
from pytest_qparity.backends.hosted import EngineHost, HostedSession
from pytest_qparity.backends.protocol import Optimizer, SessionOptions
from pytest_qparity.backends.registry import BackendSpec, backend_table
from pytest_qparity.backends.shapes import InputShapes
from pytest_qparity.gate.run_material import RunMaterial
from pytest_qparity.worker.protocol import Isolation
from tests.e2e.projects import CASE, SAMPLES, write_project

NATIVE = BackendSpec("native", "pytest_qparity.backends.ort:OnnxRuntimeCpu")
LOWERING = BackendSpec("lowering", "pytest_qparity.backends.ort:OnnxRuntimeCpu", emulated=("tf32",))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[SessionOptions]:
    """The options of each session that is loaded."""
    options_of: list[SessionOptions] = []
    load = EngineHost.load

    def watched(host: EngineHost, model: Path, options: SessionOptions) -> HostedSession:
        options_of.append(options)
        return load(host, model, dataclasses.replace(options, tf32=False))  # the CPU has none, and would refuse

    monkeypatch.setattr(EngineHost, "load", watched)
    return options_of


@contextlib.contextmanager
def run_of(root: Path, precision: str, backend: str = "native", case: str = CASE) -> Iterator[RunMaterial]:
    case_file = root / "cases" / "mlp.toml"
    if not case_file.exists():
        write_project(root, case.replace("[precisions.fp16]", "[precisions.tf32]"))
    table = backend_table([NATIVE, LOWERING])
    settings = dataclasses.replace(gate.default_settings(root), backends=table, isolation=Isolation.NONE)
    with contextlib.closing(gate.CaseMaterial(load_case(case_file), settings, "cases/mlp.toml")) as material:
        run = RunMaterial(material, backend, precision)
        try:
            yield run
        finally:
            run.close()


def test_tf32_is_asked_for_by_its_precision_alone(tmp_path: Path, asked: list[SessionOptions]) -> None:
    with run_of(tmp_path, "tf32") as run:
        run.session  # noqa: B018
        run.session_at("fp32")

    assert [options.tf32 for options in asked] == [True, False]
    assert run.options.tf32


def test_a_file_that_is_lowered_to_tf32_rounds_by_itself(tmp_path: Path, asked: list[SessionOptions]) -> None:
    with run_of(tmp_path, "tf32", "lowering") as run:
        run.session  # noqa: B018

    assert [options.tf32 for options in asked] == [False]


def test_a_model_of_open_shapes_comes_with_those_of_its_feeds(tmp_path: Path, asked: list[SessionOptions]) -> None:
    with run_of(tmp_path, "fp32", case=CASE.replace("batch = 40", f"batch = {SAMPLES - 1}")) as run:
        run.session  # noqa: B018

    whole, last = (SAMPLES - 1, 16), (1, 16)
    assert asked[0].shapes == {"input": InputShapes(last, whole, whole)}
    assert asked[0].cache == tmp_path / ".qparity" / "cache" / "engines"


def test_a_model_of_fixed_shapes_needs_none(tmp_path: Path, asked: list[SessionOptions]) -> None:
    path = write_project(tmp_path).parent / "models" / "mlp.onnx"
    model = onnx.load(path)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 40
    onnx.save(model, path)

    with run_of(tmp_path, "fp32") as run:
        run.session  # noqa: B018

    assert asked[0].shapes == {}


def test_data_that_cannot_be_read_keep_no_session_from_loading(tmp_path: Path, asked: list[SessionOptions]) -> None:
    write_project(tmp_path)
    (tmp_path / "cases" / "data" / "test.npz").write_bytes(b"no archive")

    with run_of(tmp_path, "fp32") as run:
        run.session  # noqa: B018

    assert asked[0].shapes == {}


def test_options_cross_a_process_border(tmp_path: Path) -> None:
    shapes = {"x": InputShapes((1,), (2,), (3,))}
    options = SessionOptions(3, Optimizer.OFF, tf32=True, shapes=shapes, cache=tmp_path)

    assert SessionOptions.from_json(options.as_json()) == options
    assert SessionOptions.from_json(SessionOptions().as_json()) == SessionOptions()
