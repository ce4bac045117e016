"""docs/backends.md says how a stranger writes a backend: what it shows must run."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from pytest_qparity.backends.hosted import EngineHost
from pytest_qparity.backends.memory_probe import measure_memory
from pytest_qparity.backends.outputs import gather_outputs
from pytest_qparity.backends.probing import Probing
from pytest_qparity.backends.protocol import SessionOptions
from pytest_qparity.backends.registry import BUILTIN, BackendSpec, backend_table
from pytest_qparity.canary_set import write_canaries
from pytest_qparity.checks.conformance.models import probe_model
from pytest_qparity.gate.doctor import convolution
from pytest_qparity.worker.limits import Limits
from pytest_qparity.worker.process import WorkerProcess
from tests.backends.float64 import mlp_in_float64
from tests.backends.stand_ins import LARGEST_MB, Feed, feeds_of
from tests.models import inputs_for_mlp, mlp, save

PAGE = (Path(__file__).parents[2] / "docs" / "backends.md").read_text()
PROGRAMS = dict(re.findall(r"```python\n# (\S+)\n(.*?)```", PAGE, re.DOTALL))


@pytest.fixture
def contributed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[BackendSpec]:
    (tmp_path / "my_engine.py").write_text(PROGRAMS["my_engine.py"])
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "my_engine", raising=False)
    conftest: dict[str, object] = {}
    exec(PROGRAMS["conftest.py"], conftest)
    specs = conftest["pytest_qparity_backends"]()  # type: ignore[operator]
    assert isinstance(specs, list)
    return specs


def test_the_example_is_shorter_than_forty_lines() -> None:
    assert len((PROGRAMS["my_engine.py"] + PROGRAMS["conftest.py"]).strip().splitlines()) < 40


def test_the_page_names_every_operator_that_this_package_runs_on_an_engine(tmp_path: Path) -> None:
    write_canaries(tmp_path)
    models = [onnx.load(path) for path in (tmp_path / "models").iterdir()]
    models += [onnx.load_from_string(content) for content in (convolution(), probe_model())]
    run = {node.op_type for model in models for node in model.graph.node}

    section = PAGE.partition("What this package itself runs on an engine")[2].partition("\n\n")[0]

    assert set(re.findall(r"`([A-Z]\w+)`", section)) == run


def test_the_example_runs_and_can_be_measured(contributed: list[BackendSpec], tmp_path: Path) -> None:
    spec = backend_table(contributed)["my-engine"]
    model, inputs = mlp(), inputs_for_mlp(5)
    path = save(model, tmp_path / "mlp.onnx")

    host = EngineHost(WorkerProcess(Limits()), spec)
    host.require_available()
    session = host.load(path, SessionOptions())
    outputs = gather_outputs(session, feeds_of(inputs, batch=2), LARGEST_MB)
    facts = session.facts()
    session.close()
    host.close()

    np.testing.assert_allclose(outputs["logits"], mlp_in_float64(model, inputs), rtol=0, atol=1e-5)
    assert facts.proven
    assert facts.strayed == 0
    assert measure_memory(Probing(spec, path, Feed({"input": inputs}, 5), SessionOptions(), Limits())).peak_mb > 0


def test_the_page_names_every_backend() -> None:
    assert list(re.findall(r"^\| `([a-z-]+)` \|", PAGE, re.MULTILINE)) == [
        *("ort", "openvino", "reference", "ort-cuda", "ort-tensorrt", "trt")
    ]
    assert {spec.name for spec in BUILTIN} == set(re.findall(r"^\| `([a-z-]+)` \|", PAGE, re.MULTILINE))
