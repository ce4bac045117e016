"""Every command of `qparity`: its help has examples, and with `--json` stdout is JSON and nothing else."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_qparity.cli import _parser, main
from tests.e2e.projects import CASE, INI, accept_golden, write_project
from tests.gate.test_pair import quantized_mlp
from tests.models import mlp, save


def commands(parser: argparse.ArgumentParser, name: str = "") -> Iterator[tuple[str, argparse.ArgumentParser, str]]:
    """Each command that has none below it: name, parser, and the help that is printed behind its options."""
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    for action in below:
        for key, each in action.choices.items():
            for found, leaf, epilog in commands(each, f"{name} {key}".strip()):
                yield found, leaf, epilog or each.epilog or ""
    if not below:
        yield name, parser, parser.epilog or ""


ALL = {name: (parser, epilog) for name, parser, epilog in commands(_parser())}


@pytest.mark.parametrize("name", ALL)
def test_every_command_has_json_and_help_with_examples(name: str) -> None:
    parser, epilog = ALL[name]

    assert "--json" in parser.format_help()
    assert epilog.startswith("examples")
    assert f"qparity {name}" in epilog


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that was judged once: a case, its golden, a ledger that passes."""
    root = tmp_path_factory.mktemp("project")
    case = CASE.replace("[precisions.fp16]\n[precisions.int8]\n", "")
    accept_golden(write_project(root, case))
    (root / "pytest.ini").write_text(f"{INI}qparity_latency_seconds = 0.01\n", encoding="utf-8")
    save(quantized_mlp(), root / "models" / "net_int8.onnx")
    save(mlp(), root / "models" / "net.onnx")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        assert pytest.main(["-q", "--backend=ort", "-p", "no:cacheprovider"]) == 0
    return root


LEDGER = ".qparity/ledger.json"
COMMANDS = {
    "accept": ("accept", 0),
    "baseline save": ("baseline save main", 0),
    "canaries": ("canaries other/canaries", 0),
    "conformance": (f"conformance {LEDGER}", 1),
    "explain": ("explain QP-ACC-001", 0),
    "diff": (f"diff {LEDGER} {LEDGER}", 0),
    "export": ("export cases/mlp.toml ort-fp32 -o release", 0),
    "history add": (f"history add {LEDGER}", 0),
    "history show": ("history show", None),
    "lint": ("lint models/net_int8.onnx --target ort", None),
    "quantize": ("quantize models/net.onnx --precision fp16 -o half.onnx", 0),
    "report": ("report", 0),
    "verify": ("verify release", 0),
}
ELSEWHERE = {"check", "init", "doctor", "diagnose", "merge", "rescue"}  # whose own tests read their JSON


def test_the_table_has_every_command() -> None:
    assert COMMANDS.keys() | ELSEWHERE == ALL.keys()


def test_stdout_is_json_alone(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One test, in the order of the table: later commands read what earlier ones wrote, and workers of pytest-xdist
    share nothing."""
    monkeypatch.chdir(project)
    for command, expected in COMMANDS.values():
        status = main([*command.split(), "--json"])

        printed = capsys.readouterr()
        assert expected is None or status == expected, printed.err
        assert json.loads(printed.out) is not None


def test_without_the_package_that_makes_completions_the_error_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    with pytest.raises(SystemExit, match="2"):
        main(["--print-completion", "bash"])

    assert 'pip install "pytest-qparity[completion]"' in capsys.readouterr().err


def test_completions_know_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("shtab")

    with pytest.raises(SystemExit, match="0"):
        main(["--print-completion", "bash"])

    printed = capsys.readouterr().out
    assert all(name.split()[0] in printed for name in ALL)
    assert "shtab" in sys.modules


@pytest.mark.parametrize("name", ALL)
def test_a_wrong_option_is_json_with_code_and_remedy(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([*name.split(), "--no-such-option", "--json"])

    said = capsys.readouterr()
    told = json.loads(said.out)
    assert told["exit_status"] == 2
    assert told["failure"]["code"] == "QP-USE-001"
    assert told["failure"]["remedy"] == f"qparity {name.split(maxsplit=1)[0]} --help"
    assert "usage: qparity" in said.err


@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        ("merge none.json other.json --output all.json", "QP-USE-001", "none.json"),
        ("report none.json", "QP-USE-001", "none.json"),
        ("conformance none.json", "QP-USE-001", "none.json"),
        ("diff none.json other.json", "QP-USE-001", "none.json"),
        ("check none.onnx other.onnx", "QP-USE-001", "none.onnx"),
        ("quantize none.onnx -o out.onnx --ranges none.cache", "QP-", "none."),
        ("lint none.onnx --target ort", "QP-MODEL-001", "none.onnx"),
        ("verify none", "QP-USE-001", "none"),
        ("explain QP-NO-999", "QP-USE-001", "QP-NO-999"),
        ("rescue wrong.toml ort-int8", "QP-CASE-002", "modle"),
        ("export wrong.toml ort-int8 -o elsewhere", "QP-CASE-002", "modle"),
        ("diagnose wrong.toml ort-int8", "QP-CASE-002", "modle"),
    ],
)
def test_what_ends_a_command_is_json_too(
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    code: str,
    says: str,
) -> None:
    monkeypatch.chdir(project)
    (project / "wrong.toml").write_text(CASE.replace("model =", "modle =", 1), encoding="utf-8")

    status = main([*command.split(), "--json"])

    told = json.loads(capsys.readouterr().out)
    assert status != 0
    failure = told.get("failure") or told["failures"][0]
    assert failure["code"].startswith(code)
    assert says in failure["sentence"]
    assert failure["remedy"]
