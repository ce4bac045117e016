"""A run judged from files that came through storage, without a cluster: what a node does."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pickle
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from pytest_qparity import gate, load_case
from pytest_qparity.digest import file_digest
from pytest_qparity.gate import Canaries
from pytest_qparity.scale.node import JudgedRun, RunJob, judge_job
from pytest_qparity.scale.project import fetched_model, files_of_case, files_of_globs
from pytest_qparity.scale.storage import SharedStorage, StorageError, known_everywhere, names_from
from pytest_qparity.verdict import CannotJudge, Code
from tests.e2e.projects import CASE, accept_golden, write_project
from tests.models import inputs_for_mlp, mlp, save

CHECKS = ("preflight", "parity")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose model has external data and whose test data come from a function."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "node"))
    (tmp_path / "node").mkdir()
    root = tmp_path / "project"
    case = CASE.replace('"data/test.npz"', '"samples:test"')
    (root / "cases").mkdir(parents=True)
    (root / "cases" / "samples.py").write_text(
        "from pathlib import Path\nimport numpy as np\n\n"
        "def test():\n    return dict(np.load(Path(__file__).parent / 'data' / 'test.npz'))\n",
        encoding="utf-8",
    )
    case_file = write_project(root, case)
    onnx.save(
        mlp(), root / "cases" / "models" / "mlp.onnx", save_as_external_data=True, location="weights", size_threshold=0
    )
    accept_golden(case_file)
    return root


def sent(root: Path, storage: SharedStorage, globs: tuple[str, ...] = ("cases/data/test.npz",)) -> RunJob:
    case_file = root / "cases" / "mlp.toml"
    settings = dataclasses.replace(gate.default_settings(root), canaries=Canaries())
    with contextlib.closing(settings.worker(settings.limits)) as worker:
        paths = [*files_of_case(case_file, root / "golden" / case_file.stem, worker), *files_of_globs(root, globs)]
    run = gate.plan(load_case(case_file), settings, ["ort"], ["int8"])[0]
    return RunJob(
        session="one",
        root=root,
        case_file="cases/mlp.toml",
        case="mlp",
        run=run,
        node_ids={check: f"cases/mlp.toml::ort-int8::{check}" for check in CHECKS},
        reproduce=dict.fromkeys(CHECKS, "pytest"),
        settings=settings,
        canary_files=(),
        storage=storage.url,
        variants=storage.url,
        files=storage.put(names_from(root, paths)),
    )


def test_a_run_is_judged_from_what_came_through_storage(root: Path, tmp_path: Path) -> None:
    job = sent(root, SharedStorage(f"file://{tmp_path}/storage"))
    assert "cases/models/weights" in (job.files or {})
    here = judge_job(dataclasses.replace(job, storage=None, files=None), "here")
    root.rename(tmp_path / "gone")

    judged: JudgedRun = pickle.loads(pickle.dumps(judge_job(pickle.loads(pickle.dumps(job)), "node-1")))

    assert {event["outcome"] for event in judged.events.values()} == {"pass"}
    event, at_home = judged.events["cases/mlp.toml::ort-int8::parity"], here.events["cases/mlp.toml::ort-int8::parity"]
    assert event["provenance"]["node"] == "node-1"
    assert event["seconds"] >= 0
    for part in ("golden_key", "variant"):
        assert event["provenance"][part] == at_home["provenance"][part]
    assert event["evidence"] == at_home["evidence"]


def test_a_file_that_was_changed_in_the_storage_is_refused(root: Path, tmp_path: Path) -> None:
    storage = SharedStorage(f"file://{tmp_path}/storage")
    job = sent(root, storage)
    digest = (job.files or {})["cases/models/mlp.onnx"]
    stored = tmp_path / "storage" / "files" / digest[:2] / digest
    content = stored.read_bytes()
    stored.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))

    with pytest.raises(CannotJudge) as caught:
        judge_job(job, "node-2")

    assert caught.value.failure.code is Code.CLUSTER_FILES
    assert "cases/models/mlp.onnx" in caught.value.failure.sentence
    assert f"remove {stored} " in caught.value.failure.remedy  # it has the right size: nobody writes it again

    stored.unlink()
    with pytest.raises(CannotJudge, match="got FileNotFoundError, should be"):
        judge_job(job, "node-2")
    storage.put({"cases/models/mlp.onnx": root / "cases" / "models" / "mlp.onnx"})
    assert judge_job(job, "node-2").events


def test_what_one_node_makes_another_takes_from_the_storage(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And refuses it where a byte was changed there: it makes its own, says so, and puts that in its place."""
    job = sent(root, SharedStorage(f"file://{tmp_path}/storage"))
    root.rename(tmp_path / "gone")

    def judged_on(node: str) -> list[dict[str, Any]]:
        (tmp_path / node).mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / node))
        return list(judge_job(dataclasses.replace(job, session=node), node).events.values())

    first, second = judged_on("one"), judged_on("two")
    largest = max((tmp_path / "storage" / "blobs").iterdir(), key=lambda blob: blob.stat().st_size)
    stored = largest.read_bytes()
    largest.write_bytes(stored[:-1] + bytes([stored[-1] ^ 1]))
    third = judged_on("three")

    judged = (first, second, third)
    assert [events[-1]["provenance"]["variant_cache"] for events in judged] == ["made", "remote", "made"]
    assert first[-1]["evidence"] == second[-1]["evidence"] == third[-1]["evidence"]
    refused = [sum("refused its entry" in note for event in events for note in event["notes"]) for events in judged]
    assert refused == [0, 0, 1]
    assert largest.read_bytes() == stored


def test_another_version_on_the_node_is_refused(root: Path, tmp_path: Path) -> None:
    job = dataclasses.replace(sent(root, SharedStorage(f"file://{tmp_path}/storage")), version="0.0.1")

    with pytest.raises(RuntimeError, match=r"should be 0\.0\.1"):
        judge_job(job, "node-3")


def test_a_folder_that_others_can_write_to_is_no_place_for_files(root: Path, tmp_path: Path) -> None:
    storage = SharedStorage(f"file://{tmp_path}/storage")
    job = sent(root, storage)
    folder = Path(tempfile.gettempdir()) / f"qparity-cluster-{os.getuid()}"
    folder.mkdir()
    folder.chmod(0o777)

    with pytest.raises(RuntimeError, match="should be this user's own"):
        judge_job(job, "node-4")


def test_a_model_that_is_fetched_comes_through_the_storage(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node need not reach the address: nobody answers at this one."""
    model, cache = save(mlp(), tmp_path / "mlp.onnx"), root / ".qparity" / "cache"
    digest = file_digest(Path(model))
    name = f"models/fetched/{digest}.onnx"
    (cache / name).parent.mkdir(parents=True)
    (cache / name).write_bytes(Path(model).read_bytes())
    case_file = root / "cases" / "mlp.toml"
    address = f'{{url = "http://127.0.0.1:9/mlp.onnx", sha256 = "{digest}"}}'
    case_file.write_text(case_file.read_text().replace('"models/mlp.onnx"', address), encoding="utf-8")
    accept_golden(case_file)
    storage = SharedStorage(f"file://{tmp_path}/storage")
    settings = gate.default_settings(root)

    with contextlib.closing(settings.worker(settings.limits)) as worker:
        cached = storage.put(fetched_model(load_case(case_file), cache, worker))
    job = sent(root, storage)
    root.rename(tmp_path / "gone")

    assert cached == {name: digest}
    outcomes = [
        event["outcome"] for event in judge_job(dataclasses.replace(job, cached=cached), "node").events.values()
    ]
    assert outcomes == ["pass", "pass"]


class TestStorage:
    def test_what_a_node_has_is_not_fetched_again_and_what_was_swept_is(self, tmp_path: Path) -> None:
        (tmp_path / "model").write_bytes(b"large")
        (tmp_path / "case").write_bytes(b"first")
        storage = SharedStorage(f"file://{tmp_path}/storage")
        digests = storage.put({"model": tmp_path / "model", "case": tmp_path / "case"})
        first = storage.fetch_tree(digests, tmp_path / "trees")
        (tmp_path / "case").write_bytes(b"second")
        changed = {**digests, **storage.put({"case": tmp_path / "case"})}
        stored = tmp_path / "storage" / "files" / digests["model"][:2] / digests["model"]
        stored.unlink()

        second = storage.fetch_tree(changed, tmp_path / "trees")

        assert second != first
        assert (second / "model").read_bytes() == b"large"
        assert (first / "case").read_bytes() == b"first"
        assert (second / "model").stat().st_nlink == 1  # onnx refuses external data that have two names

        (second / "case").unlink()
        assert (storage.fetch_tree(changed, tmp_path / "trees") / "case").read_bytes() == b"second"

        (second / "model").unlink()
        with pytest.raises(CannotJudge, match=r"model from .* got FileNotFoundError"):
            storage.fetch_tree(changed, tmp_path / "trees")

    def test_a_file_that_was_cut_while_it_was_written_is_written_again(self, tmp_path: Path) -> None:
        file = tmp_path / "weights"
        np.save(file.open("wb"), inputs_for_mlp(3))
        storage = SharedStorage("memory://cut")
        digest = storage.put({"weights": file})["weights"]
        system, path = storage._place
        system.pipe(f"{path}/files/{digest[:2]}/{digest}", b"half")

        storage.put({"weights": file})

        tree = storage.fetch_tree({"models/weights": digest}, tmp_path / "trees")
        assert (tree / "models" / "weights").read_bytes() == file.read_bytes()

    @pytest.mark.parametrize("url", ["nosuch://bucket", "s3://bucket"])
    def test_a_url_that_nothing_opens_here_is_refused(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(__import__("sys").modules, "s3fs", None)

        with pytest.raises(StorageError, match="should be a URL that fsspec knows here"):
            SharedStorage(url).require_usable()

    def test_a_folder_is_told_with_its_whole_path(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        for url in ("s3://bucket/x", "file:///mnt/x", "/mnt/x", "simplecache::s3://bucket"):
            assert known_everywhere(url) == url
        assert known_everywhere("file://x") == known_everywhere("x") == f"file://{tmp_path}/x"

    def test_no_file_lands_outside_its_folder(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="should be below its folder"):
            SharedStorage("memory://x").fetch_tree({"../up": "0" * 64}, tmp_path)
        with pytest.raises(StorageError, match="should be below"):
            names_from(tmp_path, [Path("/etc/hostname")])
