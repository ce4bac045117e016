"""Every name that the backend reaches through `trt.` and CUDA's `runtime.` is one of the real bindings."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import pytest_qparity
from tests.contract.fakes import STUBS
from tests.contract.stub_text import classes_of

SOURCES = sorted((Path(pytest_qparity.__file__).parent / "backends/trt").glob("*.py"))
RELEASES = ("10.16", "11.4")
# Names that one release lacks, each with the function whose check of the version stands before it. None is needed: what
# differs between 10.16 and 11.4 is whether STRONGLY_TYPED has to be asked for (versions.network_flags).
BEHIND_A_CHECK: dict[str, str] = {}

# What cuda-bindings 12.9.1, the oldest that the extra `trt` takes, calls the parameters of the functions that are
# called here: its licence lets no stub of it be kept, as one of 13.4 is.
CUDA_12_9 = {
    "cudaEventCreate": [],
    "cudaEventDestroy": ["event"],
    "cudaEventElapsedTime": ["start", "end"],
    "cudaEventRecord": ["event", "stream"],
    "cudaFree": ["devPtr"],
    "cudaGetErrorString": ["error"],
    "cudaGraphDestroy": ["graph"],
    "cudaGraphExecDestroy": ["graphExec"],
    "cudaGraphInstantiate": ["graph", "flags"],
    "cudaGraphLaunch": ["graphExec", "stream"],
    "cudaMalloc": ["size"],
    "cudaMemcpyAsync": ["dst", "src", "count", "kind", "stream"],
    "cudaRuntimeGetVersion": [],
    "cudaStreamBeginCapture": ["stream", "mode"],
    "cudaStreamCreate": [],
    "cudaStreamDestroy": ["stream"],
    "cudaStreamEndCapture": ["stream"],
    "cudaStreamSynchronize": ["stream"],
}


def reached(source: str, module: str) -> dict[str, str]:
    """Dotted names below `module` in `source`, each with the function that it stands in."""
    found: dict[str, str] = {}

    def visit(node: ast.AST, function: str) -> None:
        if isinstance(node, ast.FunctionDef):
            function = node.name
        if isinstance(node, ast.Attribute):
            name = ast.unparse(node)
            if name.startswith(f"{module}."):
                found.setdefault(name.removeprefix(f"{module}."), function)
        for child in ast.iter_child_nodes(node):
            visit(child, function)

    visit(ast.parse(source), "")
    return found


def names_of(stub: Path) -> set[str]:
    """All dotted names of a stub; those that a class inherits, and members that pybind11 exports, among them."""
    tree = ast.parse(stub.read_text(encoding="utf-8"))
    names = {name for node in tree.body for name in _declared(node)}
    own: dict[str, set[str]] = {}
    for name, node in classes_of(tree).items():
        own[name] = {each for member in node.body for each in _declared(member)}
        for base in map(ast.unparse, node.bases):
            own[name] |= own.get(base, set())
        names |= {name} | {f"{name}.{each}" for each in own[name]}
    return names


def missing(sources: list[Path], module: str, stub: Path) -> dict[str, str]:
    known = names_of(stub)
    every = {name: place for path in sources for name, place in reached(path.read_text("utf-8"), module).items()}
    # `trt.DataType.FLOAT.name`: an attribute of a member is mypy's to check.
    members = {name for name in known if name.rpartition(".")[2].isupper()}
    return {
        name: place
        for name, place in every.items()
        if name not in known and name.rpartition(".")[0] not in members and not name.startswith("__version__.")
    }


@pytest.mark.parametrize("release", RELEASES)
def test_every_name_of_tensorrt_is_in_each_release_or_behind_a_check(release: str) -> None:
    lacking = missing(SOURCES, "trt", STUBS / release / "tensorrt/__init__.pyi")

    assert lacking == {name: place for name, place in lacking.items() if BEHIND_A_CHECK.get(name) == place}


def test_every_name_of_cuda_is_in_its_bindings() -> None:
    (source,) = [path for path in SOURCES if "from cuda.bindings import runtime" in path.read_text("utf-8")]

    assert missing([source], "runtime", STUBS / "cuda-13.4/cuda/bindings/runtime.pyi") == {}


def test_the_oldest_bindings_of_cuda_take_what_the_newest_take() -> None:
    stub = ast.parse((STUBS / "cuda-13.4/cuda/bindings/runtime.pyi").read_text("utf-8"))
    newest = {
        node.name: [argument.arg for argument in node.args.args]
        for node in stub.body
        if isinstance(node, ast.FunctionDef)
    }
    called = {name for path in SOURCES for name in reached(path.read_text("utf-8"), "runtime") if name in newest}

    assert {name: newest[name] for name in called} == CUDA_12_9


def test_the_backend_reaches_for_names_at_all() -> None:
    reached_names = {name for path in SOURCES for name in reached(path.read_text("utf-8"), "trt")}

    assert {"Builder", "OnnxParser", "Runtime", "BuilderFlag.TF32", "BuilderFlag.STRICT_NANS"} <= reached_names


@pytest.mark.parametrize(
    ("line", "lacks"),
    [
        ("config.set_flag(trt.BuilderFlag.FP16)", {"10.16": False, "11.4": True}),
        ("trt.IInt8Calibrator()", {"10.16": False, "11.4": True}),
        ("trt.Builder.build_cuda_engine", {"10.16": True, "11.4": True}),
    ],
)
def test_a_name_that_a_release_lacks_is_found(tmp_path: Path, line: str, lacks: dict[str, bool]) -> None:
    path = tmp_path / "planted.py"
    path.write_text(f"def planted(config):\n    {line}\n")

    found = {release: bool(missing([path], "trt", STUBS / release / "tensorrt/__init__.pyi")) for release in RELEASES}

    assert found == lacks


def _declared(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        return [node.name]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    return (
        [target.id for target in node.targets if isinstance(target, ast.Name)] if isinstance(node, ast.Assign) else []
    )
