"""The plugin of the page on extending, installed as packages are: sessions, workers and commands find what it adds."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from pytest_qparity.ledger import Ledger, read_ledger
from tests.documentation.test_executed import python_of, toml_of
from tests.models import mlp, save

INI = "[pytest]\nqparity_canaries =\n"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Where the plugin is installed: modules, and the record of a distribution with its entry point."""
    site = tmp_path_factory.mktemp("site")
    for name in ("qparity_acme.py", "acme_tools.py"):
        parts = [code for block, code in python_of("extending") if block == name]
        (site / name).write_text("\n".join(parts), encoding="utf-8")
    stated = tomllib.loads(toml_of("extending", "# pyproject.toml"))["project"]["entry-points"]["pytest11"]
    record = site / "qparity_acme-1.2.dist-info"
    record.mkdir()
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: qparity-acme\nVersion: 1.2\n")
    points = "\n".join(f"{name} = {module}" for name, module in stated.items())
    (record / "entry_points.txt").write_text(f"[pytest11]\n{points}\n")
    paths = [str(site), str(Path(__file__).parents[2])]
    unset = ("CI", "BUILD_NUMBER", "GITHUB_ACTIONS", "PYTEST_XDIST_WORKER", "PYTEST_ADDOPTS")
    return {name: value for name, value in os.environ.items() if name not in unset} | {
        "PYTHONPATH": os.pathsep.join(paths)
    }


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    save(mlp(), root / "cases" / "models" / "mlp.onnx")
    (root / "pytest.ini").write_text(INI)
    data = toml_of("extending", '[data]\ntest = "acme-hub:')
    precisions = toml_of("extending", "[precisions.acme-int8]").replace(
        'keep_float = ["fc2"]', 'keep_float = ["op:Gemm"]'
    )
    (root / "cases" / "mlp.toml").write_text(f'model = "models/mlp.onnx"\n{data}\n{precisions}')
    return root


def typed(project: Path, environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", *words], cwd=project, env=environment, capture_output=True, text=True)


def ledger_of(project: Path) -> Ledger:
    return read_ledger(project / ".qparity" / "ledger.json")


def test_pytest_its_workers_and_the_commands_find_what_a_plugin_adds(
    project: Path, environment: dict[str, str]
) -> None:
    """One test: the command's report is of the ledger that the session left."""
    accepting = typed(project, environment, "pytest_qparity.cli", "accept", "--missing")
    assert accepting.returncode == 0, accepting.stderr

    # Latency is left out: two workers on a busy machine would wait for one another.
    judging = typed(
        project, environment, "pytest", "-n", "2", "-p", "no:cacheprovider", "-m", "preflight or parity",
        "--precision=acme-int8,int8-head-float,acme-stock", "--qparity-report=in_session.html",
    )  # fmt: skip

    ledger = ledger_of(project)
    recipes = {event["precision"]: event["provenance"]["variant"]["recipe"] for event in ledger.verdicts}
    assert recipes["acme-int8"]["calibration"] == "minmax"
    assert recipes["acme-int8"]["base"] == recipes["acme-stock"]["base"] == "int8"
    assert recipes["acme-stock"]["notes"] == ["made by acme_tools:quantize"]
    assert recipes["int8-head-float"]["keep_float"]
    outcomes = {(event["precision"], event["check"]): event["outcome"] for event in ledger.verdicts}
    assert outcomes["acme-int8", "parity"] == outcomes["acme-stock", "parity"] == "pass"
    assert re.search(
        r"Runs by backend\nWhat each backend made of its checks.\nbackend +outcome +checks\nort ", judging.stdout
    )
    assert "<h3>Runs by backend</h3>" in (project / "in_session.html").read_text(encoding="utf-8")

    reporting = typed(project, environment, "pytest_qparity.cli", "report", "-o", "r.html", "-o", "r.md")
    assert reporting.returncode == 0, reporting.stderr
    assert "<h3>Runs by backend</h3>" in (project / "r.html").read_text(encoding="utf-8")
    assert "<details><summary>Runs by backend</summary>" in (project / "r.md").read_text(encoding="utf-8")
