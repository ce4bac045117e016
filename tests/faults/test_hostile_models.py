"""Hostile files, driven through the whole gate: each ends in a verdict, and the session survives them all."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings

from pytest_qparity.backends.hosted import EngineHost
from pytest_qparity.backends.protocol import SessionOptions
from pytest_qparity.backends.registry import backend_table
from pytest_qparity.case.model import read_model_file
from pytest_qparity.verdict import CannotJudge
from pytest_qparity.worker.limits import Limits
from pytest_qparity.worker.process import WorkerProcess
from pytest_qparity.worker.renewed import RenewedWorker
from tests.e2e.projects import accept_golden
from tests.faults.bench import Bench
from tests.faults.hostile import building as b
from tests.faults.hostile.catalogue import CATALOGUE
from tests.faults.hostile.mutations import SOUND, hostile_bytes

CHOSEN = CATALOGUE[::6]  # all of it: python -m tests.faults.hostile.tally
LIMITS = Limits(load_s=10, first_run_s=3, run_s=3, memory_mb=700)
MOST_MB = 300
PEAK = """
import pathlib

def pytest_unconfigure():
    status = pathlib.Path("/proc/self/status").read_text()
    with open("peaks_kib", "a") as stream:
        stream.write(status.split("VmHWM:")[1].split()[0] + "\\n")
"""


def _float() -> onnx.ModelProto:
    weight = b.array("w", np.arange(-8, 8, dtype=np.float32).reshape(4, 4) / 10)
    return b.model([b.node("MatMul", "x w", "product"), b.node("Relu", "product", "y")], weight)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A case whose every int8 is a hostile file, given in the place of what should ship."""
    root = tmp_path_factory.mktemp("hostile")
    cases = root / "cases"
    cases.mkdir()
    onnx.save(_float(), cases / "float.onnx")
    np.savez(cases / "test.npz", x=np.random.default_rng(1).standard_normal((4, 4)).astype(np.float32))
    lines = ['model = "float.onnx"', "[data]", 'test = "test.npz"', "[precisions.fp32]"]
    for entry in CHOSEN:
        path = entry.make(cases / "hostile" / entry.id)
        if path.is_file():
            lines += [f"[precisions.int8-{entry.id}]", f'file = "{path.relative_to(cases)}"']
    (cases / "hostile.toml").write_text("\n".join(lines))
    (root / "pytest.ini").write_text("[pytest]\naddopts = -p no:cacheprovider\n")
    (root / "conftest.py").write_text(PEAK)
    accept_golden(cases / "hostile.toml")
    return Bench(root)


def test_every_hostile_file_ends_in_a_verdict_and_the_session_survives(project: Bench) -> None:
    limits = (
        f"load_s={LIMITS.load_s},first_run_s={LIMITS.first_run_s},run_s={LIMITS.run_s},memory_mb={LIMITS.memory_mb}"
    )

    chosen = ("--backend=ort,openvino", "-m", "preflight or parity", f"--qparity-limits={limits}")
    session = project.session(*chosen, "-n", "2", "--dist", "loadscope", "-q", "--tb=no", timeout_s=900)

    assert session.status == 1
    assert session.ledger is not None
    assert len(session.ledger.verdicts) == len(session.ledger.planned) >= 2 * 2 * 150
    assert session.ledger.unjudged == ()
    sound = {verdict["outcome"] for verdict in session.ledger.verdicts if verdict["precision"] == "fp32"}
    assert sound == {"pass"}
    peaks_kib = [int(line) for line in (project.root / "peaks_kib").read_text().split()]
    assert len(peaks_kib) == 3  # the controller, and two workers of pytest-xdist
    assert max(peaks_kib) * 1024 / 1e6 <= MOST_MB


@pytest.fixture(scope="module")
def reader() -> Iterator[RenewedWorker]:
    with contextlib.closing(RenewedWorker(lambda: WorkerProcess(LIMITS), LIMITS)) as worker:
        yield worker


@pytest.fixture(scope="module")
def engines() -> Iterator[dict[str, RenewedWorker]]:
    with contextlib.ExitStack() as stack:
        workers = {name: RenewedWorker(lambda: WorkerProcess(LIMITS), LIMITS) for name in ("ort", "openvino")}
        for worker in workers.values():
            stack.callback(worker.close)
        yield workers


@given(hostile_bytes())
@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_whatever_is_nearly_a_model_is_read_and_run_or_refused(
    reader: RenewedWorker, engines: dict[str, RenewedWorker], content: bytes
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(content)
        with contextlib.suppress(CannotJudge):
            read_model_file(path, reader)
        for name, worker in engines.items():
            with contextlib.suppress(CannotJudge):
                session = EngineHost(worker, backend_table()[name]).load(path, SessionOptions())
                outputs = session.run({"x": np.ones((1, 4), np.float32)})
                assert all(isinstance(array, np.ndarray) for array in outputs.values())


@pytest.mark.parametrize("sound", SOUND)
def test_what_mutations_start_from_runs(sound, engines: dict[str, RenewedWorker], tmp_path: Path) -> None:
    onnx.save(sound(), tmp_path / "model.onnx")

    for name, worker in engines.items():
        session = EngineHost(worker, backend_table()[name]).load(tmp_path / "model.onnx", SessionOptions())
        assert "y" in session.run({"x": np.ones((1, 4), np.float32)})


def test_every_hostile_file_has_a_name_of_its_own() -> None:
    names = [entry.id for entry in CATALOGUE]

    assert len(set(names)) == len(names) >= 150
