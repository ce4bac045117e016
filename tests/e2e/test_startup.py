"""Start-up is part of the product: what is imported, and when."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest_plugins = ["pytester"]

HEAVY = ("numpy", "onnx", "onnxruntime", "openvino", "scipy", "jinja2", "rich", "ml_dtypes", "filelock", "pooch")

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

    result = pytester.runpytest_subprocess("-s")

    assert "AFTER COLLECTION []" in result.stdout.str()


def test_collecting_cases_imports_no_engine_and_no_numpy(project: pytest.Pytester) -> None:
    project.makeconftest(WATCH.format(heavy=HEAVY))

    result = project.runpytest_subprocess("-s", "--collect-only", "-q")

    assert "AFTER COLLECTION []" in result.stdout.str()


def test_the_package_can_be_imported_without_pytest() -> None:
    code = (
        "import sys; from pytest_qparity import gate, load_case; from pytest_qparity.gate import measuring;"
        "sys.exit('pytest' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
