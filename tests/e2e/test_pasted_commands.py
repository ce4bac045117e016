"""Who pastes a command of ours into a shell runs that command, whatever the files are called."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from pytest_qparity import read_ledger
from pytest_qparity.report.text import layers_command
from tests.e2e.gate_runs import FAST
from tests.e2e.projects import CASE, accept_golden, write_project

pytest_plugins = ["pytester"]

NAME = "$(touch pwned)`touch pwned2`\"; touch pwned3; '"
CASE_FILE = f"cases/{NAME}.toml"
PARITY = f"{CASE_FILE}::ort-int8::parity"


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    write_project(pytester.path, f"{CASE}\n[parity.int8]\nsqnr_db = 90.0\n", name=NAME)
    return pytester


def words_of(project: pytest.Pytester, command: str) -> list[str]:
    """What a shell makes of a command; the program is not run, all else is."""
    printing = f"printf '%s\\n' {command}"
    told = subprocess.run(["/bin/sh", "-c", printing], cwd=project.path, check=True, capture_output=True, text=True)
    assert not list(project.path.glob("pwned*"))
    return told.stdout.splitlines()


def test_the_commands_of_a_failure_name_the_case_file_and_run_nothing_in_it(project: pytest.Pytester) -> None:
    accept_golden(project.path / CASE_FILE)

    said = project.runpytest(FAST, "--backend=ort", "-k", "int8 and parity").stdout.str()

    repeat, layers = (re.findall(f"^{label}: (.*)$", said, re.MULTILINE) for label in ("Repeat", "Layers"))
    assert [words_of(project, each) for each in repeat] == [["pytest", PARITY, "--backend=ort"]]
    assert [words_of(project, each) for each in layers] == [["qparity", "diagnose", CASE_FILE, "ort-int8"]]
    (event,) = read_ledger(project.path / ".qparity" / "ledger.json").verdicts
    assert (event["reproduce"], layers_command(event, event["failures"][0])) == (repeat[0], layers[0])


def test_so_do_those_for_a_golden_that_is_missing(project: pytest.Pytester) -> None:
    project.runpytest(FAST, "--backend=ort", "-k", "int8 and parity")
    (event,) = read_ledger(project.path / ".qparity" / "ledger.json").verdicts

    command = [sys.executable, "-m", "pytest_qparity.cli", "accept"]
    shown = subprocess.run(command, cwd=project.path, capture_output=True, text=True)

    wanted = ["qparity", "accept", CASE_FILE, "--missing"]
    assert words_of(project, event["failures"][0]["remedy"]) == wanted
    (tried,) = re.findall("^Try: +(.*)$", shown.stdout, re.MULTILINE)
    assert (shown.returncode, words_of(project, tried)) == (1, wanted)
