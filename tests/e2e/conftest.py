from __future__ import annotations

# A session inside this process imports these; pytester then drops what its session was the first to import, and each
# copy, with SymPy's caches, stays in memory: 33 MB a session. Imported here they are not dropped.
import hypothesis  # noqa: F401
import onnx
import onnx_ir  # noqa: F401
import onnxruntime.quantization
import onnxruntime.transformers.float16  # noqa: F401
import pytest
import rich.console  # noqa: F401
import scipy.special  # noqa: F401
from onnx import helper

from tests.e2e.projects import accept_golden, write_project
from tests.e2e.spoiled import BACKENDS, CONFTEST
from tests.models import mlp, save


@pytest.fixture(autouse=True)
def not_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """pytest writes more where CI is set, and goldens cannot be accepted there: a test that means it sets it."""
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("BUILD_NUMBER", raising=False)
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)  # a session inside a worker is none: benchmarks measure


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A user's project with one case and its golden."""
    accept_golden(write_project(pytester.path))
    return pytester


@pytest.fixture
def spoiled_engines(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """The project with two outputs in its model and backends that are wrong in one way each."""
    model = mlp()
    model.graph.output.append(helper.make_tensor_value_info("active", onnx.TensorProto.FLOAT, ["N", 32]))
    save(model, project.path / "cases" / "models" / "mlp.onnx")
    accept_golden(project.path / "cases" / "mlp.toml")
    project.makepyfile(spoiled_engines=BACKENDS)
    project.makeconftest(CONFTEST)
    monkeypatch.setenv("PYTHONPATH", str(project.path), prepend=":")
    project.syspathinsert()
    return project
