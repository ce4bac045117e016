"""What must never pass, of waivers: each of these is a way in which a careless gate says yes."""

from __future__ import annotations

import datetime
import shutil

import pytest

from pytest_qparity import read_ledger
from tests.e2e.gate_runs import FAST, refused, waive

pytest_plugins = ["pytester"]


class TestWaiver:
    def test_that_matches_nothing(self, project: pytest.Pytester) -> None:
        waive(project, run="trt-int4", expires=datetime.date.max)

        result = project.runpytest(FAST)

        assert result.ret == pytest.ExitCode.TESTS_FAILED
        result.stdout.fnmatch_lines(["QP-CASE-005*cases/mlp.toml:*"])

    def test_that_has_expired(self, project: pytest.Pytester) -> None:
        waive(project, run="trt-*", expires=datetime.date(2020, 1, 1))

        result = refused(project, "--backend=trt,ort", "--precision=fp32")

        result.stdout.fnmatch_lines(["Note:*expired on 2020-01-01*"])

    def test_under_runxfail_is_no_pass(self, project: pytest.Pytester) -> None:
        waive(project, run="trt-*", expires=datetime.date.max)

        result = project.runpytest("--backend=trt", "--precision=fp32", "--runxfail", FAST)

        assert result.ret == pytest.ExitCode.TESTS_FAILED

    def test_for_one_check_leaves_the_others_alone(self, project: pytest.Pytester) -> None:
        waive(project, run="trt-*", expires=datetime.date.max, more='checks = ["parity"]')

        refused(project, "--backend=trt", "--precision=int8")

        outcomes = {
            event["check"]: event["outcome"]
            for event in read_ledger(project.path / ".qparity" / "ledger.json").verdicts
        }
        assert outcomes.pop("parity") == "waived"
        assert set(outcomes.values()) == {"cannot-judge"}


class TestWhatWaiversCover:
    def test_a_waiver_for_every_backend_says_nothing_of_one_that_is_absent(self, project: pytest.Pytester) -> None:
        waive(project, run="*-int8", expires=datetime.date.max)

        refused(project, "--backend=trt", "--precision=int8")

    @pytest.mark.parametrize("damage", ["missing", "flipped"])
    def test_a_golden_that_cannot_be_trusted_is_never_waived(self, project: pytest.Pytester, damage: str) -> None:
        waive(project, run="ort-*", expires=datetime.date.max)
        [array] = (project.path / "golden" / "mlp").glob("*.npy")
        if damage == "missing":
            shutil.rmtree(project.path / "golden")
        else:
            array.write_bytes(array.read_bytes()[:-1] + b"\x07")

        refused(project, "--precision=int8")

    def test_codes_are_the_only_ones_a_waiver_covers(self, project: pytest.Pytester) -> None:
        waive(project, run="ort-int8", expires=datetime.date.max, more='codes = ["QP-PAR-003"]')
        case_file = project.path / "cases" / "mlp.toml"
        case_file.write_text(case_file.read_text() + "\n[parity.int8]\nsqnr_db = 90.0\n")

        refused(project, "--precision=int8", "-m", "parity")

        case_file.write_text(case_file.read_text().replace("QP-PAR-003", "QP-PAR-002"))
        project.runpytest(FAST, "--precision=int8", "-m", "parity").assert_outcomes(xfailed=1)
