"""Preflight on the backend trt: a file that TensorRT's importer refuses is known before an engine is built of it.

An engine of another name stands in for TensorRT: what is asked of the file needs none.
"""

from __future__ import annotations

import dataclasses
from importlib import metadata
from pathlib import Path

import numpy as np
import onnx
import pytest

from pytest_qparity import gate, load_case
from pytest_qparity.backends.ort import OnnxRuntimeCpu
from pytest_qparity.backends.protocol import Unavailable
from pytest_qparity.backends.registry import BackendSpec
from pytest_qparity.gate.canaries import Canaries
from pytest_qparity.gate.linting import installed_target, lint, lint_variant
from pytest_qparity.verdict import CannotJudge, Code, Outcome, Verdict
from pytest_qparity.worker.in_process import InProcess
from pytest_qparity.worker.limits import Limits
from tests.checks.linting.files import activation, conv, node, scalar, weights
from tests.e2e.projects import CASE, accept_golden, write_project
from tests.models import save


class Unbuilt(OnnxRuntimeCpu):
    """An engine that must not be asked to load."""

    def load(self, model, options):
        raise AssertionError(f"an engine was built of {model}")


def preflight(root: Path, case: str = CASE, *, target: str, name: str = "trt", precision: str = "int8") -> Verdict:
    case_file = write_project(root, case)
    accept_golden(case_file)
    settings = gate.default_settings(root, latency_seconds=0.01)
    backends = {**settings.backends, name: BackendSpec(name, target, "trt")}
    settings = dataclasses.replace(settings, backends=backends, canaries=Canaries(root, ()))
    loaded = load_case(case_file)
    [run] = gate.plan(loaded, settings, [name], [precision])
    return next(verdict for check, verdict in gate.judge_run(loaded, run, settings) if check == "preflight")


FOR_ORT = CASE.replace("[precisions.int8]", '[precisions.int8]\ntarget = "ort"')
UNBUILT, BUILT = f"{__name__}:Unbuilt", "pytest_qparity.backends.ort:OnnxRuntimeCpu"


def test_a_file_that_is_refused_fails_before_an_engine_is_built(tmp_path: Path) -> None:
    verdict = preflight(tmp_path, FOR_ORT, target=UNBUILT)

    assert verdict.outcome is Outcome.CANNOT_JUDGE
    assert {failure.code for failure in verdict.failures} == {Code.PREFLIGHT_REFUSED}
    rules = sorted(failure.sentence.split()[0] for failure in verdict.failures)
    assert rules == ["TRT-Q-001", "TRT-Q-013"]
    bias = next(failure for failure in verdict.failures if failure.sentence.startswith("TRT-Q-013"))
    assert bias.sentence == (
        'TRT-Q-013 at "b2_DequantizeLinear" (and 1 more): got an int32 DequantizeLinear, should be a float initializer.'
    )
    assert "--fix" in bias.remedy
    assert bias.likely is not None
    assert bias.likely.startswith("an int32 DequantizeLinear (NvInfer.h")
    assert verdict.deciding == "4 refused"
    assert verdict.evidence["lint"]["TRT-Q-013"]["count"] == 2
    assert verdict.evidence["quantized_nodes"] > 0
    assert any(note.startswith("TRT-Q-012: uint8 that is read as int8: ") for note in verdict.notes)


GIVEN = CASE.replace("[precisions.int8]", '[precisions.int8]\nfile = "models/given.onnx"')


def give(root: Path, scale: float, zero: np.ndarray) -> None:
    """The model with a Q/DQ pair behind its input, as the file that ships."""
    case_file = write_project(root, GIVEN)
    models = case_file.parent / "models"
    model = onnx.load(models / "mlp.onnx")
    model.graph.node[0].input[0] = "dequantized"
    for name, array in (("s", scalar(scale)), ("z", zero)):
        model.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    model.graph.node.insert(0, node("DequantizeLinear", "codes s z", "dequantized", "DQ"))
    model.graph.node.insert(0, node("QuantizeLinear", "input s z", "codes", "Q"))
    save(model, models / "given.onnx")


def test_a_refused_file_is_told_what_is_wrong_with_it_besides(tmp_path: Path) -> None:
    """The canary with a NaN scale is caught by its own code, whatever else its engine says."""
    give(tmp_path, np.nan, scalar(0, np.int8))

    verdict = preflight(tmp_path, GIVEN, target=UNBUILT)

    assert [failure.code for failure in verdict.failures] == [Code.PREFLIGHT_SCALE, Code.PREFLIGHT_REFUSED]


def test_a_file_for_tensorrt_is_judged_as_on_any_backend(tmp_path: Path) -> None:
    verdict = preflight(tmp_path, target=BUILT)

    assert verdict.outcome is Outcome.PASS
    assert "lint" not in verdict.evidence


def test_rules_that_only_warn_are_notes(tmp_path: Path) -> None:
    give(tmp_path, 0.05, scalar(0, np.uint8))

    verdict = preflight(tmp_path, GIVEN, target=BUILT)

    assert Code.PREFLIGHT_REFUSED not in {failure.code for failure in verdict.failures}
    assert "TRT-Q-012: uint8 that is read as int8: Q" in verdict.notes
    assert verdict.evidence["lint"]["TRT-Q-012"] == {
        "weight": "warned",
        "title": "uint8 that is read as int8",
        "count": 1,
        "nodes": ["Q"],
    }


@pytest.mark.parametrize("name", ["ort", "ort-tensorrt"])
def test_other_backends_have_other_importers(tmp_path: Path, name: str) -> None:
    """onnxruntime's own graph optimizer stands in front of TensorRT's importer, and folds what that would refuse."""
    assert "lint" not in preflight(tmp_path, FOR_ORT, target=BUILT, name=name).evidence


class Absent:
    def unavailable(self) -> Unavailable:
        return Unavailable("libnvinfer is not here", "install it")


ABSENT = f"{__name__}:Absent"


def test_what_is_refused_is_told_where_the_backend_is_not_there(tmp_path: Path) -> None:
    verdict = preflight(tmp_path, FOR_ORT, target=ABSENT)

    assert verdict.outcome is Outcome.CANNOT_JUDGE
    codes = [failure.code for failure in verdict.failures]
    assert codes == [Code.BACKEND_UNAVAILABLE, *[Code.PREFLIGHT_REFUSED] * 2]
    assert verdict.deciding == "4 refused"
    assert verdict.evidence["lint"]["TRT-Q-013"]["count"] == 2
    assert any(note.startswith("TRT-Q-012: ") for note in verdict.notes)


def test_a_file_that_is_accepted_waits_for_its_backend_alone(tmp_path: Path) -> None:
    verdict = preflight(tmp_path, target=ABSENT)

    assert [failure.code for failure in verdict.failures] == [Code.BACKEND_UNAVAILABLE]
    assert verdict.deciding == "backend"
    assert verdict.evidence["lint"] == {}
    assert verdict.evidence["quantized_nodes"] > 0


def test_a_file_that_nobody_can_read_is_told_where_the_backend_is_not_there(tmp_path: Path) -> None:
    give(tmp_path, 0.05, scalar(0, np.int8))
    (tmp_path / "cases" / "models" / "given.onnx").write_bytes(b"no model")

    verdict = preflight(tmp_path, GIVEN, target=ABSENT)

    assert [failure.code for failure in verdict.failures] == [Code.BACKEND_UNAVAILABLE, Code.MODEL_UNREADABLE]


def test_of_other_backends_that_are_not_there_nothing_is_told_but_that(tmp_path: Path) -> None:
    verdict = preflight(tmp_path, FOR_ORT, target=ABSENT, name="ort-tensorrt")

    assert [failure.code for failure in verdict.failures] == [Code.BACKEND_UNAVAILABLE]
    assert verdict.evidence == {}


WAIVER = """
[[waivers]]
run = "trt-*"
codes = ["QP-BACKEND-001"]
reason = "no GPU on this runner"
expires = 9999-12-31
"""


@pytest.mark.parametrize(
    ("case", "outcome"), [(CASE, Outcome.WAIVED), (FOR_ORT, Outcome.CANNOT_JUDGE)], ids=["accepted", "refused"]
)
def test_a_waiver_of_the_backend_does_not_cover_what_its_importer_refuses(
    tmp_path: Path, case: str, outcome: Outcome
) -> None:
    assert preflight(tmp_path, case + WAIVER, target=ABSENT).outcome is outcome


@pytest.mark.parametrize(
    ("installed", "target"),
    [
        ({}, "trt11"),
        ({"tensorrt": "10.16.1.11"}, "trt10"),
        ({"tensorrt": "11.4.0.9"}, "trt11"),
        ({"tensorrt-cu12": "10.9.0"}, "trt10"),
    ],
)
def test_the_rules_are_those_of_the_tensorrt_that_is_installed(
    monkeypatch: pytest.MonkeyPatch, installed: dict[str, str], target: str
) -> None:
    def version(name: str) -> str:
        if name not in installed:
            raise metadata.PackageNotFoundError(name)
        return installed[name]

    monkeypatch.setattr(metadata, "version", version)

    assert installed_target() == target


def test_the_gate_makes_its_own_profiles_and_does_not_ask_for_them(tmp_path: Path) -> None:
    path = save(activation(shape=("N", 4)), tmp_path / "model.onnx")
    worker = InProcess(Limits())

    assert [finding.rule.id for finding in lint(path, "trt11", worker).findings] == ["TRT-SHAPE-001"]
    assert lint_variant(path, worker) == ()


def test_mending_writes_whole_files_alone(tmp_path: Path) -> None:
    path = save(conv(bias=weights(6, dtype=np.int32)), tmp_path / "model.onnx")
    output = tmp_path / "out" / "fixed.onnx"

    found = lint(path, "trt11", InProcess(Limits()), output)

    assert found.findings == ()
    assert found.fixed is not None
    assert found.fixed.done == ("1 int32 DequantizeLinear folded to the float32 constants they stand for: exact",)
    onnx.checker.check_model(output)
    assert [each.name for each in output.parent.iterdir()] == ["fixed.onnx"]


def test_external_data_that_are_not_the_models_own_are_not_read(tmp_path: Path) -> None:
    model = conv()
    folder = tmp_path / "model"
    folder.mkdir()
    onnx.save(model, folder / "model.onnx", save_as_external_data=True, location="data.bin", size_threshold=0)
    (folder / "data.bin").rename(tmp_path / "data.bin")
    (folder / "data.bin").symlink_to(tmp_path / "data.bin")

    with pytest.raises(CannotJudge) as raised:
        lint(folder / "model.onnx", "trt11", InProcess(Limits()))

    assert raised.value.failure.code is Code.MODEL_EXTERNAL_DATA
    assert "got a symbolic link" in raised.value.failure.sentence
