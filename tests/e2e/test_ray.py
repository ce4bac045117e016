"""Sessions on a real Ray cluster of several processes of this machine. Skipped, and counted so, where ray is absent:
`tox -e ray` runs them."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_qparity import read_ledger
from pytest_qparity.digest import file_digest
from pytest_qparity.verdict import Code
from tests.e2e.projects import CASE, accept_golden, write_project

ray = pytest.importorskip("ray", reason="ray is not installed: tox -e ray")

pytest_plugins = ["pytester"]

# Test data that tell where they are read, and that hold up the first run that is judged on the node to be killed.
SAMPLES = """
import os
import time
from pathlib import Path

import numpy as np

CONTROL = Path({control!r})

def test():
    import ray
    if ray.is_initialized() and CONTROL.exists():
        node = ray.get_runtime_context().get_node_id()
        with (CONTROL / "calls").open("a") as calls:
            calls.write(f"{{node}} {{os.getpid()}} {{__file__}} {{os.environ.get('CUDA_VISIBLE_DEVICES')}}\\n")
        if (CONTROL / "crash").exists():
            os._exit(3)
        if (CONTROL / "doomed").read_text() == node:
            (CONTROL / "reached").touch()
            while True:
                time.sleep(0.05)
    return dict(np.load(Path(__file__).parent / "data" / "test.npz"))
"""
FAST = ("--qparity-latency-seconds=0.01",)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A head that judges nothing, and three nodes; the one with a GPU, which is not there, has many cores. Each has a
    folder of temporary files of its own, as if it were a machine, and so nothing that another one fetched or made."""
    from ray.cluster_utils import Cluster

    started = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    started.storage = tmp_path_factory.mktemp("storage")
    started.folders = {name: tmp_path_factory.mktemp(name) for name in ("doomed", "other", "gpu")}
    at = {name: {"env_vars": {"TMPDIR": str(folder)}} for name, folder in started.folders.items()}
    started.named = {
        "doomed": started.add_node(num_cpus=1, **at["doomed"]),
        "other": started.add_node(num_cpus=1, **at["other"]),
        "gpu": started.add_node(num_cpus=8, num_gpus=1, resources={"accelerator_type:X1": 1}, **at["gpu"]),
    }
    yield started
    started.shutdown()


@pytest.fixture
def control(tmp_path: Path) -> Path:
    """A folder through which test data and the test tell each other what happens."""
    folder = tmp_path / "control"
    folder.mkdir()
    (folder / "doomed").write_text("")
    (folder / "calls").write_text("")
    return folder


@pytest.fixture
def project(pytester: pytest.Pytester, control: Path) -> pytest.Pytester:
    """Two cases whose data come from a function beside them."""
    case = CASE.replace('"data/test.npz"', '"samples:test"').replace("[precisions.fp16]\n", "")
    for name in ("first", "second"):
        (pytester.path / "cases").mkdir(exist_ok=True)
        (pytester.path / "cases" / "samples.py").write_text(SAMPLES.format(control=str(control)), encoding="utf-8")
        accept_golden(write_project(pytester.path, case, name=name))
    return pytester


def session(project: pytest.Pytester, cluster: Any, *arguments: str) -> pytest.RunResult:
    return project.runpytest(
        f"--qparity-ray={cluster.address}",
        f"--qparity-ray-storage=file://{cluster.storage}",
        "--qparity-ray-files=cases/data/test.npz",
        *FAST,
        *arguments,
    )


def ledger_of(project: pytest.Pytester) -> Any:
    return read_ledger(project.path / ".qparity" / "ledger.json")


def test_a_node_that_is_killed_in_the_middle_loses_nothing(
    project: pytest.Pytester, cluster: Any, control: Path
) -> None:
    """Verdicts and evidence are those of a plain session, from files that each node got through storage."""
    assert project.runpytest("--backend=ort", *FAST).ret == 0
    plain = {event["node_id"]: event for event in ledger_of(project).verdicts}
    (control / "calls").write_text("")  # a plain session reads the data, too, where Ray is not begun
    doomed = cluster.named.pop("doomed")
    (control / "doomed").write_text(doomed.node_id)
    is_over = threading.Event()

    def kill_when_reached() -> None:
        while not (control / "reached").exists():
            if is_over.wait(0.05):
                return
        cluster.remove_node(doomed, allow_graceful=False)

    killer = threading.Thread(target=kill_when_reached)
    killer.start()
    try:
        result = session(project, cluster, "--benchmark-json=benchmarks.json")
    finally:
        is_over.set()
        killer.join()

    assert (control / "reached").exists()
    assert result.ret == 0, result.stdout.str()
    ledger = ledger_of(project)
    assert ledger.passes
    assert len(ledger.verdicts) == len(ledger.planned) == 20
    again = {event["run"] + event["case"] for event in ledger.verdicts if event["notes"]}
    told = [note for event in ledger.verdicts for note in event["notes"] if note.startswith("judged at attempt 2")]
    assert len(told) == 5, again  # the checks of the one run that was lost with the node
    nodes = {event["provenance"]["node"] for event in ledger.verdicts}
    assert doomed.node_id not in nodes
    assert len(nodes) == 2  # the two that were left, which work at the same time
    assert all(event["seconds"] > 0 and event["provenance"]["hardware"] for event in ledger.verdicts)
    assert all(event["reproduce"].startswith("pytest cases/") for event in ledger.verdicts)
    assert "ort-int8" in (project.path / "benchmarks.json").read_text(encoding="utf-8")  # samples came back

    judged = {event["node_id"]: event for event in ledger.verdicts}
    assert {node_id: event["outcome"] for node_id, event in judged.items()} == {
        node_id: event["outcome"] for node_id, event in plain.items()
    }
    for node_id, event in judged.items():
        assert event["provenance"]["variant"] == plain[node_id]["provenance"]["variant"]
        if event["check"] not in ("latency", "memory"):
            assert event["evidence"] == plain[node_id]["evidence"], node_id
    names = {cluster.named[name].node_id: name for name in cluster.named} | {doomed.node_id: "doomed"}
    calls = [line.split() for line in (control / "calls").read_text().splitlines()]
    assert all(Path(place).is_relative_to(cluster.folders[names[node]]) for node, _, place, _ in calls)


def test_what_a_node_made_is_taken_from_the_storage_and_a_changed_byte_there_is_refused(
    project: pytest.Pytester, cluster: Any
) -> None:
    """Of a session that another node judges, which has nothing."""
    only = ("-k", "first and int8 and (preflight or parity)")
    assert session(project, cluster, "--qparity-ray-resources=ort:gpu=1,accelerator=X1", *only).ret == 0
    folder = cluster.folders["fresh"] = cluster.folders["gpu"].parent / "fresh"
    folder.mkdir()
    fresh = cluster.named["fresh"] = cluster.add_node(
        num_cpus=1, resources={"accelerator_type:X3": 1}, env_vars={"TMPDIR": str(folder)}
    )
    here = "--qparity-ray-resources=ort:accelerator=X3"

    assert session(project, cluster, here, *only).ret == 0

    for event in ledger_of(project).verdicts:
        assert (event["provenance"]["node"], event["provenance"]["variant_cache"]) == (fresh.node_id, "remote")
    model = project.path / "cases" / "models" / "mlp.onnx"
    shutil.rmtree(folder / f"qparity-cluster-{os.getuid()}")
    stored = next(file for file in (cluster.storage / "files").rglob(file_digest(model)))
    content = stored.read_bytes()
    stored.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))

    assert session(project, cluster, here, *only).ret == 1

    said = [event["failures"][0] for event in ledger_of(project).verdicts]
    assert [failure["code"] for failure in said] == [Code.CLUSTER_FILES.code] * 2
    assert f"remove {stored} " in said[0]["remedy"]
    stored.unlink()
    assert session(project, cluster, here, *only).ret == 0


def test_what_no_node_takes_and_what_crashes_cannot_be_judged(
    project: pytest.Pytester, cluster: Any, control: Path
) -> None:
    """A crash is an answer, which is not asked for again."""
    (control / "crash").touch()

    result = session(
        project,
        cluster,
        "--backend=ort,openvino",
        "--qparity-ray-resources=openvino:gpu=1,accelerator=X2",
        "-k",
        "first and int8 and parity",
    )

    assert result.ret == 1
    said = {event["backend"]: event["failures"][0] for event in ledger_of(project).verdicts}
    assert said["ort"]["code"] == Code.CLUSTER_RUN.code
    assert "WorkerCrashedError" in said["ort"]["sentence"]
    assert len((control / "calls").read_text().splitlines()) == 1
    assert said["openvino"]["code"] == Code.CLUSTER_RESOURCES.code
    assert "GPU 1, accelerator_type:X2" in said["openvino"]["sentence"]


def test_runs_on_one_gpu_are_judged_one_after_another(project: pytest.Pytester, cluster: Any, control: Path) -> None:
    """The node has eight cores and one GPU. Each run reads its data once, in one process of Ray's, which is not used
    by two at a time; that of the GPU is one alone. The case files ask for it."""
    for case_file in (project.path / "cases").glob("*.toml"):
        asked = '[resources.ort]\ngpu = 1\naccelerator = "X1"\nmemory_mb = 200\n'
        case_file.write_text(f"{case_file.read_text(encoding='utf-8')}\n{asked}", encoding="utf-8")

    result = session(project, cluster, "-m", "preflight or parity or latency")

    assert result.ret == 0, result.stdout.str()
    events = ledger_of(project).verdicts
    assert {event["provenance"]["node"] for event in events} == {cluster.named["gpu"].node_id}
    calls = [line.split()[1] for line in (control / "calls").read_text().splitlines()]
    assert len(calls) == 4
    assert len(set(calls)) == 1
    assert {line.split()[3] for line in (control / "calls").read_text().splitlines()} == {
        "0"
    }  # of the GPU that is its own
    timed = [event["evidence"]["conditions"] for event in events if event["check"] == "latency"]
    assert all(conditions["alone"] for conditions in timed)


def test_an_address_where_nobody_answers_is_refused(project: pytest.Pytester) -> None:
    result = project.runpytest("--backend=ort", "--qparity-ray=127.0.0.1:1")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "should be a cluster at '127.0.0.1:1'" in result.stdout.str()
