"""What must never pass of engines, and of floats in disguise: each is a way in which a careless gate says yes."""

from __future__ import annotations

import datetime
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from pytest_qparity import read_ledger
from pytest_qparity.ledger import Ledger
from tests.e2e.gate_runs import FAST, codes, give, refused, waive
from tests.e2e.projects import CASE, accept_golden, session
from tests.e2e.spoiled import BACKENDS, CONFTEST
from tests.models import mlp, save

pytest_plugins = ["pytester"]


WRONG = [
    ("not-a-number", "parity", "QP-PAR-006"),
    ("too-few", "parity", "QP-PAR-001"),
    ("other-type", "parity", "QP-PAR-004"),
    ("other-order", "parity", "QP-PAR-001"),
    ("other-shape", "parity", "QP-PAR-005"),
    ("no-output", "parity", "QP-BACKEND-004"),
    ("strayed", "preflight", "QP-PRE-002"),
    ("unplaced", "preflight", "QP-PRE-002"),
    ("float-in-disguise", "preflight", "QP-PRE-003"),
    ("raises-later", "latency", "QP-BACKEND-003"),
    ("missing", "preflight", "QP-BACKEND-001"),
    ("missing", "parity", "QP-BACKEND-001"),
    ("missing", "accuracy", "QP-BACKEND-001"),
    ("missing", "latency", "QP-BACKEND-001"),
    ("missing", "memory", "QP-BACKEND-001"),
    ("float-with-noise", "parity", "QP-PAR-009"),  # as near to fp32 as int8 cannot be
    ("negative-facts", "preflight", "QP-BACKEND-005"),
    ("no-facts", "preflight", "QP-BACKEND-005"),
    ("facts-that-raise", "preflight", "QP-BACKEND-005"),
]


@pytest.fixture(scope="module")
def session_of_wrong_engines(
    template: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[subprocess.CompletedProcess[str], Ledger]:
    """One session in a project with two outputs in its model, on backends that are wrong in one way each."""
    root = tmp_path_factory.mktemp("spoiled")
    shutil.copytree(template, root, dirs_exist_ok=True)
    model = mlp()
    model.graph.output.append(helper.make_tensor_value_info("active", onnx.TensorProto.FLOAT, ["N", 32]))
    save(model, root / "cases" / "models" / "mlp.onnx")
    accept_golden(root / "cases" / "mlp.toml")
    (root / "spoiled_engines.py").write_text(BACKENDS, encoding="utf-8")
    (root / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    paths = os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])
    backends = ",".join(dict.fromkeys(backend for backend, _, _ in WRONG))
    checks = [f"cases/mlp.toml::{backend}-int8::{check}" for backend, check, _ in WRONG]
    done = session(root, f"--backend={backends}", "-rf", "--tb=short", *checks, PYTHONPATH=paths)
    return done, read_ledger(root / ".qparity" / "ledger.json")


class TestEngine:
    @pytest.mark.parametrize(("backend", "check", "code"), WRONG)
    def test_that_does_wrong_is_named(
        self,
        session_of_wrong_engines: tuple[subprocess.CompletedProcess[str], Ledger],
        backend: str,
        check: str,
        code: str,
    ) -> None:
        done, ledger = session_of_wrong_engines

        [event] = [each for each in ledger.verdicts if (each["backend"], each["check"]) == (backend, check)]
        found = [failure["code"] for failure in event["failures"]]
        assert event["outcome"] in ("accuracy-fail", "cannot-judge")
        assert f"FAILED cases/mlp.toml::{backend}-int8::{check}" in done.stdout
        assert set(found) == {code}

    def test_that_does_wrong_fails_the_session(
        self, session_of_wrong_engines: tuple[subprocess.CompletedProcess[str], Ledger]
    ) -> None:
        done, ledger = session_of_wrong_engines

        assert done.returncode == pytest.ExitCode.TESTS_FAILED
        assert f"= {len(WRONG)} failed in" in done.stdout
        assert not ledger.passes
        assert "Traceback" not in done.stdout

    def test_that_is_absent_is_cannot_judge_and_the_others_are_judged(self, project: pytest.Pytester) -> None:
        result = refused(project, "--backend=trt,ort", "--precision=fp32,int8")

        outcomes = {
            (event["backend"], event["outcome"])
            for event in read_ledger(project.path / ".qparity" / "ledger.json").verdicts
        }
        assert outcomes == {("trt", "cannot-judge"), ("ort", "pass")}
        assert result.stdout.str().count('Backend "trt" does not work here') <= 21

    def test_that_is_absent_may_be_waived(self, project: pytest.Pytester) -> None:
        waive(project, run="trt-*", expires=datetime.date.max)

        result = project.runpytest("--backend=trt,ort", "--precision=fp32,int8", FAST)

        assert result.ret == 0
        result.assert_outcomes(passed=10, xfailed=10)
        result.stdout.fnmatch_lines(["waived: mlp trt-fp32, trt-int8 (10 checks; QP-BACKEND-001):*"])


class TestLies:
    """Variants and engines that are the float model in disguise, and facts that cannot be."""

    def test_a_float_model_named_int8_by_its_base(self, project: pytest.Pytester) -> None:
        case_file = project.path / "cases" / "mlp.toml"
        case_file.write_text(CASE.replace("[precisions.int8]", '[precisions.int8]\nbase = "fp32"'))

        result = project.runpytest(FAST)

        assert result.ret != 0
        result.stdout.fnmatch_lines(["QP-CASE-003*cases/mlp.toml:*"])

    @pytest.mark.parametrize("precision", ["int8", "fp16"])
    def test_a_float_model_with_nodes_that_lead_nowhere(self, project: pytest.Pytester, precision: str) -> None:
        model = mlp()
        scale = onnx.numpy_helper.from_array(np.float32(0.1), "scale")
        zero = onnx.numpy_helper.from_array(np.uint8(0), "zero")
        model.graph.initializer.extend([scale, zero])
        if precision == "int8":
            model.graph.node.append(helper.make_node("QuantizeLinear", ["input", "scale", "zero"], ["dead"]))
            model.graph.node.append(helper.make_node("DequantizeLinear", ["dead", "scale", "zero"], ["deader"]))
        else:
            model.graph.node.append(helper.make_node("Cast", ["input"], ["dead"], to=onnx.TensorProto.FLOAT16))
        weights = next(tensor for tensor in model.graph.initializer if tensor.name == "w1")
        weights.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(weights) * np.float32(1.00001), "w1"))
        give(project, f"{precision}-shipped", model)

        refused(project, f"--precision={precision}-shipped")

        assert "QP-PRE-001" in codes(project, "preflight")

    def test_a_metric_without_a_direction(self, project: pytest.Pytester) -> None:
        (project.path / "cases" / "errors.py").write_text(
            "import numpy as np\n\ndef scores(outputs, labels):\n    return np.ones(len(labels))\n"
        )
        case_file = project.path / "cases" / "mlp.toml"
        case_file.write_text(CASE.replace("margin = 5.0", 'metric = "errors:scores"'))

        refused(project, "-m", "accuracy")

        assert codes(project) == {"QP-ACC-005"}

    def test_a_metric_of_too_few_samples(self, project: pytest.Pytester) -> None:
        project.makepyfile(fewer="import numpy as np\n\ndef scores(outputs, labels):\n    return np.ones(3)\n")
        project.makeconftest(
            """
            from pytest_qparity import Metric

            def pytest_qparity_metrics(config):
                return [Metric("fewer", "fewer:scores", direction="higher")]
            """
        )
        project.syspathinsert()
        case_file = project.path / "cases" / "mlp.toml"
        case_file.write_text(CASE.replace("margin = 5.0", 'metric = "fewer"'))

        refused(project, "-m", "accuracy")

        assert codes(project) == {"QP-ACC-002"}
