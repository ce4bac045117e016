"""What must never pass, of goldens, data and variants: each of these is a way in which a careless gate says yes."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from tests.e2e.gate_runs import codes, give, refused
from tests.e2e.projects import CASE
from tests.models import mlp, save

pytest_plugins = ["pytester"]


class TestGolden:
    def test_missing(self, project: pytest.Pytester) -> None:
        shutil.rmtree(project.path / "golden")

        result = refused(project, "-m", "parity or accuracy")

        assert codes(project, "parity") == codes(project, "accuracy") == {"QP-GOLDEN-001"}
        result.stdout.fnmatch_lines(["Try:*qparity accept cases/mlp.toml --missing*"])

    def test_truncated(self, project: pytest.Pytester) -> None:
        [array] = (project.path / "golden" / "mlp").glob("*.npy")
        array.write_bytes(array.read_bytes()[:-1])

        refused(project, "-m", "parity")

        assert codes(project, "parity") == {"QP-GOLDEN-003"}

    def test_one_bit_flipped(self, project: pytest.Pytester) -> None:
        [array] = (project.path / "golden" / "mlp").glob("*.npy")
        content = bytearray(array.read_bytes())
        content[-1] ^= 1
        array.write_bytes(content)

        refused(project, "-m", "parity")

        assert codes(project, "parity") == {"QP-GOLDEN-003"}

    def test_of_another_model(self, project: pytest.Pytester) -> None:
        save(mlp(seed=7), project.path / "cases" / "models" / "mlp.onnx")

        result = refused(project, "-m", "parity")

        assert codes(project, "parity") == {"QP-GOLDEN-002"}
        result.stdout.fnmatch_lines(["*model*"])

    def test_of_other_test_data(self, project: pytest.Pytester) -> None:
        data = dict(np.load(project.path / "cases" / "data" / "test.npz"))
        data["input"][0, 0] += 1
        np.savez(project.path / "cases" / "data" / "test.npz", **data)

        refused(project, "-m", "parity")

        assert codes(project, "parity") == {"QP-GOLDEN-002"}

    def test_made_with_another_batch(self, project: pytest.Pytester) -> None:
        case_file = project.path / "cases" / "mlp.toml"
        case_file.write_text(CASE.replace("batch = 40", "batch = 60"))

        refused(project, "-m", "parity")

        assert codes(project, "parity") == {"QP-GOLDEN-002"}

    def test_a_plain_run_writes_nothing_into_golden(self, project: pytest.Pytester) -> None:
        shutil.rmtree(project.path / "golden")

        refused(project)

        assert not (project.path / "golden").exists()


class TestData:
    def test_zero_samples(self, project: pytest.Pytester) -> None:
        np.savez(
            project.path / "cases" / "data" / "test.npz",
            input=np.empty((0, 16), np.float32),
            labels=np.empty(0, np.int64),
        )

        refused(project, "-m", "parity", "--precision=fp32,int8")

        assert "QP-DATA-004" in codes(project)

    def test_a_calibration_set_that_is_empty(self, project: pytest.Pytester) -> None:
        np.savez(project.path / "cases" / "data" / "calibration.npz", input=np.empty((0, 16), np.float32))

        refused(project, "-m", "parity")

        assert codes(project) == {"QP-DATA-004"}

    def test_a_calibration_set_of_zeros(self, project: pytest.Pytester) -> None:
        np.savez(project.path / "cases" / "data" / "calibration.npz", input=np.zeros((64, 16), np.float32))

        refused(project, "-m", "parity")

        assert codes(project) == {"QP-CAL-002"}

    def test_no_calibration_set(self, project: pytest.Pytester) -> None:
        case_file = project.path / "cases" / "mlp.toml"
        case_file.write_text(CASE.replace('calibration = "data/calibration.npz"', ""))

        refused(project, "-m", "parity")

        assert codes(project) == {"QP-CAL-001"}

    def test_labels_of_other_samples(self, project: pytest.Pytester) -> None:
        data = dict(np.load(project.path / "cases" / "data" / "test.npz"))
        np.savez(project.path / "cases" / "data" / "test.npz", input=data["input"], labels=data["labels"][:-1])

        refused(project, "-m", "accuracy", "--precision=fp32,int8")

        assert "QP-DATA-005" in codes(project)


class TestVariant:
    def test_an_int8_file_without_quantization(self, project: pytest.Pytester) -> None:
        give(project, "int8-shipped", mlp())

        refused(project, "--precision=int8-shipped", "-m", "preflight")

        assert codes(project) == {"QP-PRE-001", "QP-PRE-003"}

    def test_a_file_with_other_inputs(self, project: pytest.Pytester) -> None:
        model = mlp()
        model.graph.input[0].name = model.graph.node[0].input[0] = "renamed"
        give(project, "int8-shipped", model)

        refused(project, "--precision=int8-shipped", "-m", "preflight")

        assert codes(project) == {"QP-VARIANT-003"}

    def test_a_file_that_is_cut(self, project: pytest.Pytester) -> None:
        give(project, "int8-shipped", mlp())
        shipped = project.path / "cases" / "models" / "shipped.onnx"
        shipped.write_bytes(shipped.read_bytes()[:200])

        refused(project, "--precision=int8-shipped")

        assert codes(project) == {"QP-MODEL-001"}

    def test_a_keep_float_pattern_that_matches_nothing(self, project: pytest.Pytester) -> None:
        case_file = project.path / "cases" / "mlp.toml"
        case_file.write_text(CASE.replace("[precisions.int8]", '[precisions.int8]\nkeep_float = ["frist"]'))

        result = refused(project, "--precision=int8")

        assert codes(project) == {"QP-VARIANT-002"}
        result.stdout.fnmatch_lines(["*first*"])
