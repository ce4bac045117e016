"""The house: how long files and functions are, who may import pytest and engines, no module off the plan."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
LONGEST_FUNCTION, LONGEST_FILE = 60, 500  # lines, decorators and docstring included
PYTEST_S = {
    *("plugin", "books", "collection", "concluding", "dispatch", "hookspecs", "options", "pair_options"),
    *("selection_options", "session_settings", "spreading", "stash", "watching", "scale.runs_on_workers"),
    *("benchmark_tables", "cli", "commands.accept", "commands.check", "contributions"),
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


@dataclass(frozen=True)
class Source:
    """What is asked of a file. Its tree is not kept: a thousand of them would weigh on every test that comes after."""

    lines: int
    functions: tuple[tuple[str, int], ...]
    imports: frozenset[str]
    imports_at_the_top: frozenset[str]


@cache
def sources() -> dict[str, Source]:
    """Every Python file of the project, by path."""
    folders = ("pytest_qparity", "benchmarks", "tests", "examples", "cases")
    files = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return {path.relative_to(ROOT).as_posix(): source_of(path.read_text(encoding="utf-8")) for path in files}


def source_of(text: str) -> Source:
    tree = ast.parse(text)
    below = list(statements(tree))
    return Source(
        lines=len(text.splitlines()),
        functions=tuple(
            (node.name, length_of(node)) for node in below if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ),
        imports=packages_in(below),
        imports_at_the_top=packages_in(tree.body),
    )


def statements(node: ast.AST) -> Iterator[ast.stmt]:
    """Those below a node, at any depth. Expressions, which are most of a tree, are not looked into."""
    for part in ("body", "handlers", "cases", "orelse", "finalbody"):
        for below in getattr(node, part, ()):
            if isinstance(below, ast.stmt):
                yield below
            yield from statements(below)


def length_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = min([function.lineno, *(each.lineno for each in function.decorator_list)])
    return (function.end_lineno or first) - first + 1


def packages_in(below: Iterable[ast.stmt]) -> frozenset[str]:
    """The top-level packages that import statements bring in."""
    found = set()
    for node in below:
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return frozenset(found)


def importers(package: str) -> set[str]:
    """Modules of ours that import a package, at the top or in a function, without the name of ours."""
    found = {
        path.removeprefix("pytest_qparity/").removesuffix(".py").replace("/", ".")
        for path, source in sources().items()
        if path.startswith("pytest_qparity/") and package in source.imports
    }
    return {"backends.trt" if module.startswith("backends.trt.") else module for module in found}


def test_no_function_is_too_long_to_be_read() -> None:
    long = {
        f"{path}: {name}": length
        for path, source in sources().items()
        for name, length in source.functions
        if length > LONGEST_FUNCTION
    }

    assert not long


def test_no_file_is_too_long_to_be_read() -> None:
    long = {path for path, source in sources().items() if source.lines > LONGEST_FILE}

    assert not long, "a file that grew is split by subject"


def test_every_module_has_its_layer() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (contract,) = tomllib.loads(text)["tool"]["importlinter"]["contracts"]
    placed = [name for layer in contract["layers"] for name in layer.split(" | ")]
    modules = [path.stem for path in (ROOT / "pytest_qparity").glob("[!_]*") if path.suffix == ".py" or path.is_dir()]

    assert sorted(placed) == sorted(modules)
    assert contract["exhaustive"]


def test_pytest_is_imported_by_what_speaks_to_it_alone() -> None:
    assert importers("pytest") | importers("_pytest") == PYTEST_S


def test_engines_are_imported_where_they_are_run_alone() -> None:
    assert {engine: importers(engine) for engine in ENGINES} == ENGINES


def test_no_engine_is_imported_with_a_module_of_the_package() -> None:
    """Only TensorRT's folder may, which is imported in a worker: pytest's process would pay for it, or fall with it."""
    hasty = [
        path
        for path, source in sources().items()
        if path.startswith("pytest_qparity/") and not path.startswith("pytest_qparity/backends/trt/")
        if source.imports_at_the_top & set(ENGINES)
    ]

    assert not hasty
