"""`qparity merge` over the ledgers of real sessions: the ways in which people split a plan, and what is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_qparity import read_ledger
from pytest_qparity.cli import main
from tests.e2e.projects import session

pytest_plugins = ["pytester"]

FAST = "--qparity-latency-seconds=0.01"
FP32 = ("--precision=fp32", FAST)
Merge = Callable[..., tuple[int, str, str]]

# What pytest-split and its like do: deselect by position, told by the hook or not.
SPLITTING = """
def pytest_addoption(parser):
    parser.addoption("--group", type=int, default=0)

def pytest_collection_modifyitems(config, items):
    group = config.getoption("--group")
    left_out = [item for index, item in enumerate(items) if group and index % 2 + 1 != group]
    items[:] = [item for item in items if item not in left_out]
    {told}
"""


@pytest.fixture
def merge(project: pytest.Pytester, capsys: pytest.CaptureFixture[str]) -> Merge:
    """Runs `qparity merge` in the project: exit status and what it said."""

    def run(*arguments: str, output: str = "whole.json") -> tuple[int, str, str]:
        capsys.readouterr()
        status = main(["merge", *arguments, "--output", output])
        return status, *capsys.readouterr()

    return run


def judge(project: pytest.Pytester, name: str, *arguments: str) -> Path:
    """One shard's session; gives its ledger."""
    project.runpytest(f"--qparity-ledger={name}", *arguments)
    return project.path / name


class TestShards:
    def test_by_name(self, project: pytest.Pytester, merge: Merge, capsys: pytest.CaptureFixture[str]) -> None:
        judge(project, "a.json", "-k", "parity", *FP32)
        judge(project, "b.json", "-k", "not parity", *FP32)

        status, said, _ = merge("a.json", "b.json")

        assert status == 0
        assert "5 checks planned: 5 pass" in said
        assert "ledger: whole.json\nPasses: Every check" in said
        whole = read_ledger(project.path / "whole.json")
        assert whole.passes
        assert len(whole.planned) == 5
        assert {verdict["session"] for verdict in whole.verdicts} == {
            start["session"] for start in whole.start["shards"]
        }

        assert main(["merge", "a.json", "b.json", "--output", "again.json", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["planned"] == 5

    def test_by_backend_as_on_two_machines(self, project: pytest.Pytester, merge: Merge) -> None:
        backends = "--backend=ort,openvino"
        judge(project, "cpu.json", backends, "-k", "ort-", *FP32)
        judge(project, "other.json", backends, "-k", "openvino", *FP32)

        assert merge("cpu.json", "other.json")[0] == 0
        assert len(read_ledger(project.path / "whole.json").verdicts) == 10

    def test_by_path(self, project: pytest.Pytester, merge: Merge) -> None:
        shutil.copy(project.path / "cases" / "mlp.toml", project.path / "cases" / "other.toml")
        shutil.copytree(project.path / "golden" / "mlp", project.path / "golden" / "other")
        judge(project, "a.json", "cases/mlp.toml", "-m", "parity", *FP32)
        judge(project, "b.json", "cases/other.toml", *FP32)

        status, _, refused = merge("a.json", "b.json")
        assert status == 2
        assert "checks that no shard was asked for" in refused
        judge(project, "rest.json", "cases/mlp.toml", "-m", "not parity", *FP32)

        status, said, _ = merge("a.json", "rest.json", "b.json")
        assert status == 0
        assert "10 checks planned: 10 pass" in said

    @pytest.mark.parametrize(
        "told", ["config.hook.pytest_deselected(items=left_out)", "pass"], ids=["told", "without a word"]
    )
    @pytest.mark.parametrize("arguments", [[], ["-n", "1"]], ids=["alone", "xdist"])
    def test_by_a_plugin(self, project: pytest.Pytester, merge: Merge, told: str, arguments: list[str]) -> None:
        project.makeconftest(SPLITTING.format(told=told))
        for group in ("1", "2"):
            project.runpytest_subprocess(f"--qparity-ledger={group}.json", f"--group={group}", *arguments, *FP32)

        assert merge("1.json", "2.json")[0] == 0
        assert merge("1.json", "1.json")[0] == 2

    def test_that_do_not_pass_are_written_and_say_why(self, project: pytest.Pytester, merge: Merge) -> None:
        shutil.rmtree(project.path / "golden")
        judge(project, "a.json", "-k", "parity", *FP32)
        judge(project, "b.json", "-k", "not parity", *FP32)

        status, said, _ = merge("a.json", "b.json")

        assert status == 1
        assert said.endswith(
            "Does not pass: cases/mlp.toml::ort-fp32::parity got cannot-judge, should pass; 1 more did not.\n"
        )
        assert not read_ledger(project.path / "whole.json").passes


REFUSED = [
    (["a.json"], "whole.json", "got 1 ledger, should be two or more"),
    (["a.json", "./a.json"], "whole.json", "got a.json twice"),
    (["a.json", "copy.json"], "whole.json", "got one session twice, as a.json and copy.json"),
    (["a.json", "b.json"], "b.json", "got b.json as output too"),
    (["a.json", "cut.json"], "whole.json", "got cut.json without an end"),
    (["a.json", "killed.json"], "whole.json", "got killed.json without an end"),
    (["a.json", "text.json"], "whole.json", "got 'no ledger', should be a ledger of format 1"),
    (["a.json", "newer.json"], "whole.json", "should be a ledger of format 1"),
    (["a.json", "odd.json"], "whole.json", "got exit_status 'fine' in an event 'end'"),
    (["a.json", "nowhere.json"], "whole.json", "No such file"),
    (["a.json", "b.json"], "cases", "a directory"),
    (["a.json", "b.json"], "/dev/null", "got a device, pipe or socket as output /dev/null"),
    (["a.json", "b.json"], "out", "got a link as output out, should be a regular file"),
    (["a.json", "part.json"], "whole.json", "got 3 checks that no shard was asked for (cases/mlp.toml::"),
    (["a.json", "fp16.json"], "whole.json", "got precisions fp16 in fp16.json and fp32 in a.json"),
]


@pytest.fixture(scope="module")
def ledgers(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the ledgers of two shards that are whole together, and of two that are not of them."""
    root = tmp_path_factory.mktemp("shards")
    shutil.copytree(template, root, dirs_exist_ok=True)
    assert session(root, "--qparity-ledger=a.json", "-k", "parity", *FP32).returncode == 0
    assert session(root, "--qparity-ledger=b.json", "-k", "not parity", *FP32).returncode == 0
    assert session(root, "--qparity-ledger=part.json", "-k", "latency", *FP32).returncode == 0
    fp16 = ("-k", "not parity", "--precision=fp16")
    assert session(root, "--qparity-ledger=fp16.json", *fp16).returncode == 0
    return root


class TestRefusals:
    @pytest.fixture
    def shards(self, project: pytest.Pytester, ledgers: Path) -> pytest.Pytester:
        for path in ledgers.glob("*.json"):
            shutil.copy(path, project.path)
        return project

    @pytest.mark.parametrize(
        ("arguments", "output", "sentence"),
        REFUSED,
        ids=[
            "one ledger",
            "one file twice",
            "a copy",
            "output over a shard",
            "cut",
            "killed",
            "no ledger",
            "a newer format",
            "an event that is none",
            "no file",
            "output is a folder",
            "output is a device",
            "output is a link",
            "a shard is missing",
            "other precisions",
        ],
    )
    def test_are_one_sentence_and_write_nothing(
        self, shards: pytest.Pytester, merge: Merge, arguments: list[str], output: str, sentence: str
    ) -> None:
        (shards.path / "out").symlink_to("/dev/stdout")
        (shards.path / "copy.json").write_bytes((shards.path / "a.json").read_bytes())
        text = (shards.path / "b.json").read_text()
        end = text.index(',\n{"event": "end"')
        (shards.path / "killed.json").write_text(text[:end] + "\n]}\n")
        (shards.path / "cut.json").write_text(text[:-10])
        (shards.path / "text.json").write_text("no ledger")
        (shards.path / "newer.json").write_text(text.replace('"format": 1', '"format": 2', 1))
        (shards.path / "odd.json").write_text(text.replace('"exit_status": 0', '"exit_status": "fine"'))
        before = {path.name: path.read_bytes() for path in shards.path.glob("*.json")}

        status, said, refused = merge(*arguments, output=output)

        assert status == 2
        assert said == ""
        assert refused.count("\n") == 1
        assert refused.startswith("qparity: got ")
        assert sentence in refused
        assert (shards.path / "out").is_symlink()
        assert {path.name: path.read_bytes() for path in shards.path.glob("*.json")} == before

    def test_a_case_file_that_both_left_out(self, project: pytest.Pytester, merge: Merge) -> None:
        shutil.copy(project.path / "cases" / "mlp.toml", project.path / "cases" / "other.toml")
        judge(project, "a.json", "--ignore=cases/other.toml", "-k", "parity", *FP32)
        judge(project, "b.json", "--ignore=cases/other.toml", "-k", "not parity", *FP32)

        status, _, refused = merge("a.json", "b.json")

        assert status == 2
        assert "got 1 case file that no shard collected (cases/other.toml)" in refused

    def test_a_case_file_that_changed_between_the_shards(self, project: pytest.Pytester, merge: Merge) -> None:
        judge(project, "a.json", "-k", "parity", *FP32)
        case_file = project.path / "cases" / "mlp.toml"
        case_file.write_text(case_file.read_text().replace("margin = 5.0", "margin = 6.0"))
        judge(project, "b.json", "-k", "not parity", *FP32)

        assert "got cases/mlp.toml with other content in b.json than in a.json" in merge("a.json", "b.json")[2]

    @pytest.mark.parametrize("outcome", ["pass", "cannot-judge"])
    def test_names_in_a_ledger_send_nothing_to_the_terminal_and_forge_no_line(
        self, shards: pytest.Pytester, merge: Merge, outcome: str
    ) -> None:
        for name in ("a.json", "b.json"):
            text = (shards.path / name).read_text().replace('"outcome": "pass"', f'"outcome": "{outcome}"')
            if outcome != "pass":
                text = text.replace('"failures": []', '"failures": [{"code": "QP-DATA-004"}]')
            hostile = text.replace("ort-fp32", r"ort-fp32\u001b[2J\nqparity: all is well")
            (shards.path / name).write_text(hostile)
        (shards.path / "c.json").write_text(hostile.replace(r"\u001b", r"\u009b"))

        merged, refused = merge("a.json", "b.json"), merge("a.json", "c.json")

        assert (merged[0], refused[0]) == (int(outcome != "pass"), 2)
        said = "".join([*merged[1:], *refused[1:]])
        assert "all is well" in said
        assert not {"\x1b", "\x9b"} & set(said)
        assert not [line for line in said.splitlines() if line.startswith("qparity: all is well")]
