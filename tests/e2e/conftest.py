from __future__ import annotations

import shutil
from pathlib import Path

# A session inside this process imports these; pytester then drops what its session was the first to import, and each
# copy, with SymPy's caches, stays in memory: 33 MB a session. Imported here they are not dropped.
import hypothesis  # noqa: F401
import onnx  # noqa: F401
import onnx_ir  # noqa: F401
import onnxruntime.quantization
import onnxruntime.transformers.float16  # noqa: F401
import pytest
import rich.console  # noqa: F401
import scipy.special  # noqa: F401


@pytest.fixture(autouse=True)
def not_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """pytest writes more where CI is set, and goldens cannot be accepted there: a test that means it sets it."""
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("BUILD_NUMBER", raising=False)
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)  # a session inside a worker is none: benchmarks measure


@pytest.fixture
def project(template: Path, pytester: pytest.Pytester) -> pytest.Pytester:
    """A user's project with one case, its golden, and its variants in the cache."""
    shutil.copytree(template, pytester.path, dirs_exist_ok=True)
    return pytester
