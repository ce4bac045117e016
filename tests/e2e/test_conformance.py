"""Kernels through pytest, as a user meets them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_qparity.cli import main
from pytest_qparity.ledger import read_ledger
from tests.e2e.projects import BARE, session

pytest_plugins = ["pytester"]

CASE = """
[conformance]
kernels = [
    "quantize_linear-fp32_int8-per_tensor-opset1[39]", "quantize_linear-fp32_int8-per_tensor-opset2[1345]",
    "qdq_relu-s4-*", "cast-fp32_float4e2m1-opset*",
]
"""
ADDED = """
[[deviation]]
kernels = ["quantize_linear-*"]
versions = ">=1"
at_most_lsb = 1.0
observed = "off by one"
expected = "nothing of the kind"
"""
KERNELS = 9  # of that case, known_deviations aside
RELU = "cases/kernels.toml::ort::qdq_relu-s4-opset21"


def write_case(root: Path, text: str = CASE) -> Path:
    (root / "cases").mkdir(exist_ok=True)
    (root / "pytest.ini").write_text(f"[pytest]\naddopts = {BARE}\n")
    case_file = root / "cases" / "kernels.toml"
    case_file.write_text(text)
    return case_file


def write_record(root: Path, text: str) -> None:
    (root / "cases" / "known").mkdir()
    (root / "cases" / "known" / "ort.toml").write_text(text)


@pytest.fixture
def kernels(pytester: pytest.Pytester) -> pytest.Pytester:
    write_case(pytester.path)
    return pytester


@pytest.fixture(scope="module")
def judged_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which those kernels were judged."""
    root = tmp_path_factory.mktemp("kernels")
    write_case(root)
    assert session(root, "--backend=ort", "--qparity-examples=6").returncode == 0
    return root


@pytest.fixture
def judged(judged_once: Path, pytester: pytest.Pytester) -> pytest.Pytester:
    """Such a folder of the test's own."""
    shutil.copytree(judged_once, pytester.path, dirs_exist_ok=True)
    return pytester


def run(pytester: pytest.Pytester, *options: str) -> pytest.RunResult:
    return pytester.runpytest_subprocess("--backend=ort", "--qparity-examples=6", *options)


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "two workers"])
def test_kernels_are_items_and_what_is_known_is_waived(kernels: pytest.Pytester, workers: tuple[str, ...]) -> None:
    result = run(kernels, *workers)

    result.assert_outcomes(passed=7, xfailed=3)
    assert result.ret == 0
    text = result.stdout.str()
    assert "conformance: kernels ort: 6 of 9 kernels conform, 1 deviate as is known, 2" in text
    ledger = read_ledger(kernels.path / ".qparity" / "ledger.json")
    assert ledger.passes
    assert len(ledger.verdicts) == KERNELS + 1
    assert not list(kernels.path.glob("qparity-kernels-*"))


def test_a_record_of_ones_own_stands_beside_ours(kernels: pytest.Pytester) -> None:
    write_case(kernels.path, CASE + 'known = {ort = "known/ort.toml"}\n')
    write_record(kernels.path, ADDED)

    result = run(kernels)

    result.assert_outcomes(passed=6, xfailed=3, failed=1)
    result.stdout.fnmatch_lines(["QP-CONF-004*", "The deviation of quantize_linear-[*] (off by one)*"])
    text = " ".join(result.stdout.str().split())
    shipped = "pytest_qparity/checks/conformance/known/ort.toml (copy it, with shipped_known = false)"
    assert f"take it out of known/ort.toml or {shipped}, or narrow its versions" in text


def test_a_record_of_ones_own_takes_the_place_of_ours_where_ours_is_turned_off(kernels: pytest.Pytester) -> None:
    write_case(kernels.path, CASE + 'known = {ort = "known/ort.toml"}\nshipped_known = false\n')
    write_record(kernels.path, "")

    result = run(kernels)

    result.assert_outcomes(passed=7, failed=3)
    text = result.stdout.str()
    assert "QP-CONF-001" in text
    assert "QP-CONF-002" in text
    assert "list it under [[deviation]] in known/ort.toml" in " ".join(text.split())
    script = kernels.path / ".qparity" / "cache" / "conformance" / "ort-qdq_relu-s4-opset21.py"
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
    assert done.returncode == 1, done.stderr


def test_what_is_new_is_listed_in_a_file_that_the_case_does_not_name_yet(kernels: pytest.Pytester) -> None:
    write_case(kernels.path, '[conformance]\nkernels = ["qdq_relu-s4-*"]\nshipped_known = false\n')

    result = run(kernels)

    text = " ".join(result.stdout.str().split())
    where = 'a file that [conformance] known names: known = {ort = "known.toml"}'
    assert f"shows it without this package; report it, and list it under [[deviation]] in {where}" in text


def test_a_record_that_cannot_be_read_judges_nothing(kernels: pytest.Pytester) -> None:
    write_case(kernels.path, CASE + 'known = {ort = "known/ort.toml"}\n')
    write_record(kernels.path, "[[deviation]]\n")

    result = run(kernels)

    result.assert_outcomes(failed=KERNELS + 1)
    result.stdout.fnmatch_lines(["QP-CONF-006*"])


def test_an_item_by_itself_says_what_it_did_not_judge(kernels: pytest.Pytester) -> None:
    result = run(kernels, RELU)

    result.assert_outcomes(xfailed=1)
    result.stdout.fnmatch_lines(["*9 checks of these cases were not asked for*"])
    assert not read_ledger(kernels.path / ".qparity" / "ledger.json").passes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[conformance]\nkernels = ["quantise_linear-*"]\n', "*'quantise_linear-[*]' in kernels, should match*"),
        ('[conformance]\nkernels = [""]\n', "item 1 of kernels in *: got ??, should be something that is not empty."),
        ('[conformance]\nknown = {orrt = "a.toml"}\n', "*orrt*"),
        ('[conformance]\nkernel = ["*"]\n', '*Unknown key "kernel" in ?conformance?, should be one of: *kernels*'),
        ('model = "m.onnx"\n[conformance]\n', '*Unknown key "model" in the case file, should be one of: *conformance*'),
    ],
    ids=[
        "a glob without a kernel",
        "an empty glob",
        "a backend that nobody knows",
        "a misspelt key",
        "a model beside kernels",
    ],
)
def test_a_wrong_case_file_is_one_clear_error(kernels: pytest.Pytester, text: str, message: str) -> None:
    write_case(kernels.path, text)

    result = run(kernels)

    assert result.ret == 1
    result.stdout.fnmatch_lines([message])
    assert result.stdout.str().count("QP-CASE-") == 1


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--qparity-examples=0", "*should be a whole number of at least 1"),
        ("--qparity-examples=ten", "*should be a whole number of at least 1"),
        ("--qparity-examples=99999999999999999999", "*should be a whole number of at most 999,999,999"),
        ("--qparity-seed=-1", "*should be a whole number of at least 0"),
    ],
)
def test_a_wrong_number_is_a_usage_error(kernels: pytest.Pytester, option: str, message: str) -> None:
    result = kernels.runpytest_subprocess("--backend=ort", option)

    assert result.ret == 4
    result.stderr.fnmatch_lines([message])


def test_a_backend_that_is_not_here_cannot_be_judged(kernels: pytest.Pytester) -> None:
    result = kernels.runpytest_subprocess("--backend=trt")

    result.assert_outcomes(failed=KERNELS + 1)
    result.stdout.fnmatch_lines(["QP-BACKEND-001*"])


def test_the_page_of_a_ledger(
    judged: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(judged.path)

    assert main(["conformance"]) == 0

    page = capsys.readouterr().out
    assert "| QuantizeLinear | fp32 → int8 | 6/0/0/0; 36 |" in page
    assert "| Q/DQ relu | s4 | 0/1/0/0;" in page
    assert "Relu before a 4-bit QuantizeLinear is dropped" in page
    assert "(`qdq_relu-s4-opset21`; `docs/upstream/onnxruntime-dropped-relu.py`)" in page


def test_the_page_of_a_ledger_in_a_terminal(
    judged: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(judged.path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)

    assert main(["conformance"]) == 0
    page = capsys.readouterr().out
    assert main(["conformance", "--markdown"]) == 0

    assert max(len(line) for line in page.splitlines()) <= 80
    assert "What does not conform on ort\n" in page
    assert "    docs/upstream/onnxruntime-dropped-relu.py\n" in page
    assert capsys.readouterr().out.startswith("# Conformance of kernels\n")


def test_the_page_of_a_ledger_as_html(
    judged: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(judged.path)

    assert main(["conformance", "--html", "kernels.html"]) == 0
    assert capsys.readouterr().out == "written to kernels.html\n"
    assert main(["conformance", "--html", "cases"]) == 2
    assert "should be room to write" in capsys.readouterr().err

    page = (judged.path / "kernels.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "Relu before a 4-bit QuantizeLinear is dropped" in page
    assert "<code>docs/upstream/onnxruntime-dropped-relu.py</code>" in page


def test_a_ledger_without_kernels_has_no_page(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(pytester.path)

    assert main(["conformance", "absent.json"]) == 2
    assert "should be a ledger" in capsys.readouterr().err


def test_kernels_have_no_golden_to_accept(
    kernels: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(kernels.path)

    assert main(["accept"]) == 0
    assert capsys.readouterr().err == ""


def test_a_backend_of_thirty_lines_gets_the_suite_by_being_named(kernels: pytest.Pytester) -> None:
    (kernels.path / "my_engine.py").write_text(
        """
from pytest_qparity.backends.reference import OnnxReference


class MyEngine(OnnxReference):
    pass
"""
    )
    kernels.makeconftest(
        """
from pytest_qparity.backends.registry import BackendSpec


def pytest_qparity_backends(config):
    return [BackendSpec("my-engine", "my_engine:MyEngine")]
"""
    )
    write_case(
        kernels.path,
        '[conformance]\nkernels = ["matmul_integer-*-per_[tc]*-opset13"]\n',
    )

    result = kernels.runpytest_subprocess("--backend=my-engine", "-p", "no:randomly")

    result.assert_outcomes(passed=9)
    result.stdout.fnmatch_lines(["conformance: kernels my-engine: 8 of 8 kernels conform*"])
