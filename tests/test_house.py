"""The house: how long files and functions are, who may import pytest and engines, no module off the plan."""

from __future__ import annotations

import ast
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
LONGEST_FUNCTION, LONGEST_FILE = 60, 500  # lines, decorators and docstring included
# Tables of one subject, and scenes of one: each is read from its beginning to its end.
LONGER_FILES = {
    "tests/case/test_loading.py",
    "tests/case/test_model.py",
    "tests/checks/linting/test_rules.py",
    "tests/e2e/test_guards.py",
    "tests/faults/engines.py",
    "tests/quantmath/properties/test_integer_affine.py",
    "tests/quantmath/properties/test_ranges.py",
    "tests/worker/test_process.py",
}
PYTEST_S = {
    *("plugin", "books", "collection", "concluding", "dispatch", "hookspecs", "options", "pair_options"),
    *("selection_options", "session_settings", "spreading", "stash", "watching", "scale.runs_on_workers"),
    *("cli", "cli_accept", "cli_check"),
}
# ONNX Runtime is a backend, and what calibrates, quantizes and profiles: those modules run it on models of ours.
ENGINES = {
    "tensorrt": {"backends.trt"},
    "cuda": {"backends.trt"},
    "openvino": {"backends.openvino"},
    "onnxruntime": {
        *("backends.ort", "backends.ort_device", "backends.ort_session", "backends.ort_tensorrt"),
        *("precision.balancing.bias_correction", "precision.calibration.observing", "precision.library"),
        *("precision.packed", "precision.pairs.running", "precision.qoperator", "rescue.profiling"),
    },
    "pynvml": {"backends.nvml"},
    "ray": {"scale.cluster"},
}


@cache
def trees() -> dict[str, ast.Module]:
    """Every Python file of the project, parsed."""
    folders = ("pytest_qparity", "benchmarks", "tests", "examples", "cases")
    files = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in files}


def statements(node: ast.AST) -> Iterator[ast.stmt]:
    """Those below a node, at any depth. Expressions, which are most of a tree, are not looked into."""
    for part in ("body", "handlers", "cases", "orelse", "finalbody"):
        for below in getattr(node, part, ()):
            if isinstance(below, ast.stmt):
                yield below
            yield from statements(below)


def functions_in(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Names and lengths in lines."""
    for node in statements(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            yield node.name, (node.end_lineno or first) - first + 1


def packages_of(node: ast.AST) -> set[str]:
    """The top-level packages that an import statement brings in."""
    if isinstance(node, ast.Import):
        return {alias.name.partition(".")[0] for alias in node.names}
    return {(node.module or "").partition(".")[0]} if isinstance(node, ast.ImportFrom) else set()


@cache
def importers() -> dict[str, set[str]]:
    """Modules of the package, without its name, by what they import, wherever in the module they do."""
    found: dict[str, set[str]] = defaultdict(set)
    for path, tree in trees().items():
        if path.startswith("pytest_qparity/"):
            module = path.removeprefix("pytest_qparity/").removesuffix(".py").replace("/", ".")
            for package in set().union(*(packages_of(node) for node in statements(tree))):
                found[package].add("backends.trt" if module.startswith("backends.trt.") else module)
    return found


def test_no_function_is_too_long_to_be_read() -> None:
    long = {
        f"{path}: {name}": length
        for path, tree in trees().items()
        for name, length in functions_in(tree)
        if length > LONGEST_FUNCTION
    }

    assert not long


def test_no_file_is_too_long_to_be_read() -> None:
    lengths = {path: len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in trees()}
    long = {path for path, length in lengths.items() if length > LONGEST_FILE}

    assert long == LONGER_FILES, "a file that grew is split by subject; one that was split leaves the list"


def test_every_module_has_its_layer() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (contract,) = tomllib.loads(text)["tool"]["importlinter"]["contracts"]
    placed = [name for layer in contract["layers"] for name in layer.split(" | ")]
    modules = [path.stem for path in (ROOT / "pytest_qparity").glob("[!_]*") if path.suffix == ".py" or path.is_dir()]

    assert sorted(placed) == sorted(modules)
    assert contract["exhaustive"]


def test_pytest_is_imported_by_what_speaks_to_it_alone() -> None:
    assert importers()["pytest"] | importers()["_pytest"] == PYTEST_S


def test_engines_are_imported_where_they_are_run_alone() -> None:
    assert {engine: importers()[engine] for engine in ENGINES} == ENGINES


def test_no_engine_is_imported_with_a_module_of_the_package() -> None:
    """Only TensorRT's folder may, which is imported in a worker: pytest's process would pay for it, or fall with it."""
    hasty = [
        path
        for path, tree in trees().items()
        if path.startswith("pytest_qparity/") and not path.startswith("pytest_qparity/backends/trt/")
        for node in tree.body
        if packages_of(node) & set(ENGINES)
    ]

    assert not hasty
