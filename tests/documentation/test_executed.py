"""What pages show is run as it stands, in one small project: blocks marked `<!-- run -->`, the code of the pages on
notebooks and on extending."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_qparity import gate, load_case
from pytest_qparity.case.loading import Case
from pytest_qparity.cli import main
from pytest_qparity.verdict import Outcome
from tests.documentation.commands import PAGES, lines_of_blocks, words_of
from tests.e2e.projects import CASE, write_project

DOCS = Path(__file__).parents[2] / "docs"
ORDER = ("index", "regression", "export", "baselines", "goldens", "canaries")  # each finds what those before it left
OURS = ("qparity ", "pytest ")
# The pages show this repository's own case; here it is the project's.
INSTEAD = {"digits_resnet": "my_model", "int8-fast": "int8"}
_RUN = re.compile(r"^<!-- run -->\n```sh\n(.*?)^```", flags=re.MULTILINE | re.DOTALL)
_PYTHON = re.compile(r"^```python\n(?:# (\w+\.py)\n)?(.*?)^```", flags=re.MULTILINE | re.DOTALL)
_TOML = re.compile(r"^```toml\n(.*?)^```", flags=re.MULTILINE | re.DOTALL)
# A speed-up that is saved takes 20 quiet pairs, within 20 times these seconds: on a busy machine too.
QUICK = "--qparity-latency-seconds=0.2 -p no:cacheprovider"


def marked(page: str) -> list[str]:
    """The lines of a page's marked blocks, less comments and other programs."""
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    for word, instead in INSTEAD.items():
        text = text.replace(word, instead)
    lines = (shlex.join(words_of(line)) for block in _RUN.findall(text) for line in block.splitlines())
    return [line for line in lines if line.startswith(OURS)]


def python_of(page: str) -> list[tuple[str, str]]:
    return _PYTHON.findall((DOCS / f"{page}.md").read_text(encoding="utf-8"))


def toml_of(page: str, beginning: str) -> str:
    blocks = _TOML.findall((DOCS / f"{page}.md").read_text(encoding="utf-8"))
    (found,) = [block for block in blocks if block.startswith(beginning)]
    return str(found)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the commands are typed: a project with cases/my_model.toml, and without its golden."""
    root = tmp_path_factory.mktemp("project")
    (root / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    write_project(root, CASE.replace("[precisions.fp32]\n[precisions.fp16]\n", ""), name="my_model")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CI", "BUILD_NUMBER", "PYTEST_XDIST_WORKER"):
            patch.delenv(name, raising=False)
        patch.chdir(root)
        patch.setenv("PYTEST_ADDOPTS", QUICK)
        yield root


def typed(line: str) -> int:
    """The exit status of a line of shell that calls qparity or pytest."""
    program, *words = words_of(line)
    if program == "qparity":
        return main(words)
    assert program == "pytest"
    return subprocess.run([sys.executable, "-m", "pytest", *words], env=os.environ, capture_output=True).returncode


def test_every_marked_command_succeeds_and_the_notebook_runs_behind_them(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A session of pytest that a page before had is not had again.

    One test: the notebook reads the ledger that the commands leave, and workers of pytest-xdist share none."""
    shown = [line for page in ORDER for line in marked(page)]
    lines = [line for at, line in enumerate(shown) if not (line.startswith("pytest ") and line in shown[:at])]
    assert {line: status for line in lines if (status := typed(line)) != 0} == {}
    assert len(lines) == 14
    assert (project / "golden" / "my_model").is_dir()
    assert "<html" in (project / "report.html").read_text(encoding="utf-8")
    assert (project / "baselines" / "main.json").exists()
    capsys.readouterr()

    cells: dict[str, object] = {}
    for _, code in python_of("notebook"):
        exec(code, cells)

    said = capsys.readouterr().out
    assert re.search(r"^ort-int8 +parity +pass +[\d.]+ dB$", said, flags=re.MULTILINE)
    assert said.rstrip().endswith("passes")


def test_every_marked_block_is_run() -> None:
    found = {page.stem for page in PAGES if _RUN.search(page.read_text(encoding="utf-8"))}

    assert found == set(ORDER)


def test_how_many_commands_of_the_pages_are_parsed_and_not_run() -> None:
    """The number stands here so that it is looked at when it grows. All of them are parsed by the real parsers."""
    shown = [shlex.join(words_of(line)) for page in PAGES for line in lines_of_blocks(page)]
    named = {line for line in shown if line.startswith(OURS)}
    run = {line for page in ORDER for line in marked(page)}

    assert len(named) - len(run) <= 26


@pytest.fixture
def extended(project: Path) -> Path:
    """The files of the page on extending, beside the case file."""
    for name, code in python_of("extending"):
        (project / "cases" / name).write_text(code, encoding="utf-8")
    (project / "cases" / "conftest.py").unlink()
    return project


def judged(case: Case, root: Path) -> dict[str, Outcome]:
    settings = replace(gate.default_settings(root, latency_seconds=0.05), canaries=gate.Canaries(root, ()))
    (run,) = gate.plan(case, settings, ["ort"])
    return {check: verdict.outcome for check, verdict in gate.judge_run(case, run, settings)}


def accepted(path: Path, root: Path) -> Case:
    case = load_case(path)
    material = gate.CaseMaterial(case, gate.default_settings(root), path.name)
    try:
        material.accept_golden()
    finally:
        material.close()
    return case


def test_the_metric_and_the_maker_of_the_page_on_extending_are_judged(extended: Path) -> None:
    metric, recipe = toml_of("extending", "[accuracy]"), toml_of("extending", "[precisions.int8-ours]")
    path = extended / "cases" / "extended.toml"
    data = '[data]\ntest = "data/test.npz"\ncalibration = "data/calibration.npz"\npopulation = false\n'
    path.write_text(f'model = "models/mlp.onnx"\n{data}\n{recipe}\n{metric}'.replace('"python"', f'"{sys.executable}"'))

    outcomes = judged(accepted(path, extended), extended)

    assert outcomes == dict.fromkeys(("preflight", "parity", "accuracy", "latency", "memory"), Outcome.PASS)


def test_the_data_of_the_page_on_extending_are_laid_out_as_data_are(extended: Path) -> None:
    data = toml_of("extending", '[data]\ntest = "samples:')
    path = extended / "cases" / "made.toml"
    path.write_text(f'model = "models/mlp.onnx"\n\n{data}\n[precisions.fp16]\n')

    case = accepted(path, extended)

    assert case.spec.data.test == "samples:validation"
    assert (extended / "golden" / "made").is_dir()


def test_the_hook_of_the_page_on_extending_gives_a_metric() -> None:
    (hook,) = (code for name, code in python_of("extending") if name == "conftest.py")
    conftest: dict[str, object] = {}
    exec(hook, conftest)

    (metric,) = conftest["pytest_qparity_metrics"]()  # type: ignore[operator]
    assert (metric.name, metric.direction) == ("squared_margin", "higher")
