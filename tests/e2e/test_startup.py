"""Start-up is part of the product: what is imported, and when."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.models import mlp, save

pytest_plugins = ["pytester"]

HEAVY = ("numpy", "onnx", "onnxruntime", "openvino", "scipy", "jinja2", "rich", "ml_dtypes", "filelock", "pooch")

WITHOUT_HTML = ("-p", "no:html")  # pytest-html, here for tests of our section in its page, imports jinja2

WATCH = """
import sys

def imported(names):
    return sorted(name for name in names if name in sys.modules)

def pytest_collection_finish():
    print("AFTER COLLECTION", imported({heavy}))
"""


def test_the_plugin_imports_nothing_heavy_when_pytest_starts(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(): pass")
    pytester.makeconftest(WATCH.format(heavy=(*HEAVY, "pydantic")))

    result = pytester.runpytest_subprocess("-s", *WITHOUT_HTML)

    assert "AFTER COLLECTION []" in result.stdout.str()


def test_collecting_cases_imports_no_engine_and_no_numpy(project: pytest.Pytester) -> None:
    project.makeconftest(WATCH.format(heavy=HEAVY))

    result = project.runpytest_subprocess("-s", "--collect-only", "-q", *WITHOUT_HTML)

    assert "AFTER COLLECTION []" in result.stdout.str()


def test_the_package_can_be_imported_without_pytest() -> None:
    code = (
        "import sys; from pytest_qparity import load_case; from pytest_qparity.gate import *;"
        "from pytest_qparity.gate import measuring;"
        "sys.exit('pytest' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_linting_a_file_imports_no_schema_and_no_onnx_beside_its_worker(tmp_path: Path) -> None:
    """They take longer than a small file does to be looked at."""
    model = save(mlp(), tmp_path / "mlp.onnx")
    code = (
        "import sys; from pytest_qparity.cli import main;"
        f"status = main(['lint', {str(model)!r}, '--target', 'trt11']);"
        "print('IMPORTED', [name for name in ('pydantic', 'onnx', 'onnxruntime', 'pytest') if name in sys.modules]);"
        "sys.exit(status)"
    )

    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert (result.returncode, result.stderr) == (0, "")
    assert "IMPORTED []" in result.stdout
