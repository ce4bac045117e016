"""What must never pass of engines, and of floats in disguise: each is a way in which a careless gate says yes."""

from __future__ import annotations

import datetime

import numpy as np
import onnx
import pytest
from onnx import helper

from pytest_qparity import read_ledger
from tests.e2e.gate_runs import FAST, codes, give, refused, waive
from tests.e2e.projects import CASE
from tests.models import mlp

pytest_plugins = ["pytester"]


class TestEngine:
    @pytest.mark.parametrize(
        ("backend", "check", "code"),
        [
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
        ],
    )
    def test_that_does_wrong_is_named(
        self, spoiled_engines: pytest.Pytester, backend: str, check: str, code: str
    ) -> None:
        refused(spoiled_engines, f"--backend={backend}", "--precision=int8", "-m", check)

        assert code in codes(spoiled_engines, check)

    def test_that_is_absent_is_cannot_judge_and_the_others_are_judged(self, project: pytest.Pytester) -> None:
        result = refused(project, "--backend=trt,ort")

        outcomes = {
            (event["backend"], event["outcome"])
            for event in read_ledger(project.path / ".qparity" / "ledger.json").verdicts
        }
        assert outcomes == {("trt", "cannot-judge"), ("ort", "pass")}
        assert result.stdout.str().count('Backend "trt" does not work here') <= 31

    def test_that_is_absent_may_be_waived(self, project: pytest.Pytester) -> None:
        waive(project, run="trt-*", expires=datetime.date.max)

        result = project.runpytest("--backend=trt,ort", FAST)

        assert result.ret == 0
        result.assert_outcomes(passed=15, xfailed=15)
        result.stdout.fnmatch_lines(["waived: mlp trt-fp32, trt-fp16, trt-int8 (15 checks; QP-BACKEND-001):*"])


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

    def test_an_int8_run_that_is_as_near_to_fp32_as_int8_cannot_be(self, spoiled_engines: pytest.Pytester) -> None:
        refused(spoiled_engines, "--backend=float-with-noise", "--precision=int8", "-m", "parity")

        assert codes(spoiled_engines) == {"QP-PAR-009"}

    @pytest.mark.parametrize("backend", ["negative-facts", "no-facts", "facts-that-raise"])
    def test_facts_that_prove_nothing(self, spoiled_engines: pytest.Pytester, backend: str) -> None:
        refused(spoiled_engines, f"--backend={backend}", "--precision=int8", "-m", "preflight")

        assert codes(spoiled_engines) == {"QP-BACKEND-005"}

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
