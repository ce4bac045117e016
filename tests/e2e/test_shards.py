"""`--qparity-shard` over real sessions: every run in one shard, whole, and the books closed by `qparity merge`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from pytest_qparity import read_ledger
from pytest_qparity.cli import main
from tests.e2e.projects import CASE

pytest_plugins = ["pytester"]

FAST = ("--qparity-latency-seconds=0.01", "-m", "not memory")
PLAN = "cases/mlp.toml"


def judged(project: pytest.Pytester, ledger: str, *arguments: str, status: int = 0) -> list[str]:
    """The runs of which a session judged something."""
    result = project.runpytest(f"--qparity-ledger={ledger}", "--backend=ort", *arguments)
    assert result.ret == status, result.stdout.str()
    return sorted({event["run"] for event in read_ledger(project.path / ledger).verdicts})


@pytest.fixture
def cheap(project: pytest.Pytester) -> pytest.Pytester:
    """A project whose three runs have two checks each."""
    (project.path / PLAN).write_text(CASE.replace("[accuracy]\nmargin = 5.0\n", ""), encoding="utf-8")
    return project


def recorded(path: Path, seconds: dict[str, float]) -> str:
    """A ledger that says how long runs of the project took."""
    events = [
        {"event": "start"},
        *(
            {"event": "verdict", "node_id": f"{PLAN}::{run}::parity", "outcome": "pass", "seconds": cost}
            for run, cost in seconds.items()
        ),
    ]
    path.write_text('{"format": 1, "events": [\n' + ",\n".join(map(json.dumps, events)) + "\n]}\n", encoding="utf-8")
    return f"--qparity-durations={path.name}"


def test_shards_judge_every_run_once_and_merge_closes_the_books(
    cheap: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    durations = recorded(cheap.path / "earlier.json", {"ort-fp32": 9.0, "ort-fp16": 4.0, "ort-int8": 3.0})
    chosen = ("-k", "preflight or parity", durations)

    first = judged(cheap, "1.json", "--qparity-shard=1/2", *chosen)
    second = judged(cheap, "2.json", "--qparity-shard=2/2", "-n", "2", *chosen)

    assert first == ["ort-fp32"]  # as costly as the two others together
    assert second == ["ort-fp16", "ort-int8"]
    ledger = read_ledger(cheap.path / "1.json")
    assert ledger.start["shard"]["of"] == 2
    assert len(ledger.planned) == 2
    assert len(ledger.planned) + len(ledger.deselected) == 12
    assert all(event["seconds"] > 0 for event in ledger.verdicts)
    # What -k left out in both is told by neither as judged.
    assert main(["merge", str(cheap.path / "1.json"), str(cheap.path / "2.json"), "--output", "whole.json"]) == 2
    assert "checks that no shard was asked for" in capsys.readouterr().err

    other = recorded(cheap.path / "other.json", {"ort-fp32": 1.0, "ort-fp16": 9.0, "ort-int8": 1.0})
    judged(cheap, "3.json", "--qparity-shard=2/2", "-k", "parity", other)
    assert main(["merge", str(cheap.path / "1.json"), str(cheap.path / "3.json"), "--output", "whole.json"]) == 2
    assert "give all shards the same N and the same --qparity-durations" in capsys.readouterr().err


def test_all_of_them_pass_together(project: pytest.Pytester) -> None:
    (project.path / PLAN).write_text(CASE.replace("[precisions.int8]\n", ""), encoding="utf-8")
    assert judged(project, "1.json", "--qparity-shard=1/2", "--qparity-latency-seconds=0.01") == ["ort-fp16"]
    assert judged(project, "2.json", "--qparity-shard=2/2", "--qparity-latency-seconds=0.01") == ["ort-fp32"]

    assert main(["merge", "1.json", "2.json", "--output", "whole.json"]) == 0
    whole = read_ledger(project.path / "whole.json")
    assert whole.passes
    assert len(whole.verdicts) == 10


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["alone", "xdist"])
def test_more_shards_than_runs_are_a_usage_error(project: pytest.Pytester, workers: tuple[str, ...]) -> None:
    result = project.runpytest("--backend=ort", "--qparity-shard=1/4", *workers)

    assert result.ret != 0
    said = result.stdout.str() + result.stderr.str()
    assert "--qparity-shard: got 4 shards of 3 runs, should be at most one shard a run" in said


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--qparity-shard=9/8", "got shard '9/8', should be K/N"),
        ("--qparity-durations=absent.json", "got No such file or directory for absent.json, should be an earlier"),
        ("--qparity-durations=pytest.ini", "--qparity-durations: got '', should be a ledger of format 1"),
        ("--qparity-durations=empty.json", "got a ledger without the seconds of a check"),
    ],
    ids=["no shard", "no ledger", "another file", "a ledger of an older version"],
)
def test_what_cannot_be_is_refused(project: pytest.Pytester, option: str, said: str) -> None:
    recorded(project.path / "empty.json", {})

    result = project.runpytest("--backend=ort", option)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{said}*"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--qparity-ray=local", "-n", "2"), "got --qparity-ray beside -n, should be one of them"),
        (("--qparity-ray=local", "--qparity-accept=missing"), "got --qparity-accept beside --qparity-ray"),
        (("--qparity-ray=local", "--qparity-ray-storage=memory://x"), "should be what other processes reach too"),
        (("--qparity-ray-storage=file:///x",), "without --qparity-ray, should be with it"),
        (("--qparity-ray=local", "--qparity-ray-resources=trt:gpu=0.5"), "got 'gpu=0.5' in 'trt:gpu=0.5'"),
    ],
    ids=["xdist", "accept", "memory", "storage alone", "half a GPU"],
)
def test_a_cluster_that_cannot_be_is_refused(pytester: pytest.Pytester, arguments: tuple[str, ...], said: str) -> None:
    result = pytester.runpytest("--backend=ort", *arguments)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert said in result.stderr.str()


def test_without_ray_or_storage_to_write_to_nothing_is_judged(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)

    result = project.runpytest("--backend=ort", "--qparity-ray=local")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["*got no package ray, should be installed: pip install 'pytest-qparity[[]ray]'*"])
    assert not read_ledger(project.path / ".qparity" / "ledger.json").verdicts

    result = project.runpytest("--backend=ort", "--qparity-ray=local", "--qparity-ray-storage=file:///dev/null/no")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["*--qparity-ray-storage: got Not a directory for file:///dev/null/no*"])


def test_xdist_without_a_mode_keeps_each_run_in_one_worker(project: pytest.Pytester) -> None:
    """Other tests of the session are handed out one by one. The costliest run goes first."""
    project.makeconftest(
        """
        import os
        import pytest

        @pytest.hookimpl(tryfirst=True)
        def pytest_runtest_logstart(nodeid):
            if "PYTEST_XDIST_WORKER" in os.environ:
                with open("workers.txt", "a") as file:
                    file.write(f"{os.environ['PYTEST_XDIST_WORKER']} {nodeid}\\n")
        """
    )
    project.makepyfile(test_own="import pytest\n\n@pytest.mark.parametrize('i', range(3))\ndef test_i(i): pass\n")
    durations = recorded(project.path / "earlier.json", {"ort-fp32": 1.0, "ort-fp16": 1.0, "ort-int8": 9.0})

    result = project.runpytest_subprocess("-n", "2", "cases", "test_own.py", durations, *FAST)

    result.assert_outcomes(passed=15)
    lines = [line.split() for line in (project.path / "workers.txt").read_text().splitlines()]
    workers: dict[str, set[str]] = {}
    for worker, node_id in lines:
        workers.setdefault(node_id.rpartition("::")[0], set()).add(worker)
    assert all(len(used) == 1 for run, used in workers.items() if run.startswith("cases"))
    first_run_of = dict(reversed(lines))
    assert f"{PLAN}::ort-int8::preflight" in first_run_of.values()
