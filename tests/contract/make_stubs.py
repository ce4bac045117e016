"""Write type stubs of NVIDIA's own Python bindings, on a machine without a GPU and without TensorRT.

    python tests/contract/make_stubs.py            # writes tests/contract/stubs, tries real_bindings.py on the way

Needs pip, a C compiler (`cc`) and the network; works in a virtual environment that is thrown away. Run it again when a
release is added to RELEASES, and commit what it writes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.contract.stub_text import cuda_stub, tensorrt_stub

HERE = Path(__file__).parent
STUBS = HERE / "stubs"
# The version of the bindings, and the number that the libraries of that release have in their names.
RELEASES = {
    "10.16": ("tensorrt-cu12-bindings==10.16.1.11", "10"),
    "11.4": ("tensorrt-cu13-bindings==11.4.0.106", "11"),
}
CUDA = ("13.4", "cuda-bindings==13.4.4")
LIBRARIES = ("nvinfer", "nvinfer_plugin", "nvonnxparser")
GENERATOR = "pybind11-stubgen==3.0.0"


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        venv.create(work / "venv", with_pip=True)
        python = work / "venv/bin/python"
        _pip(python, "install", GENERATOR, "numpy", CUDA[1])
        for release, (requirement, number) in RELEASES.items():
            _write(STUBS / release / "tensorrt/__init__.pyi", _tensorrt(python, work / release, requirement, number))
        told = json.loads(_run(python, HERE / "introspection.py", "cuda"))
        _write(STUBS / f"cuda-{CUDA[0]}" / "cuda/bindings/runtime.pyi", cuda_stub(told, CUDA[1].split("==")[1]))
        _write(STUBS / f"cuda-{CUDA[0]}" / "cuda/bindings/__init__.pyi", "")
        _write(STUBS / f"cuda-{CUDA[0]}" / "cuda/__init__.pyi", "")


def _tensorrt(python: Path, work: Path, requirement: str, number: str) -> str:
    work.mkdir()
    _pip(python, "install", "--no-deps", "--target", work / "bindings", requirement)
    for library in LIBRARIES:
        soname = f"lib{library}.so.{number}"
        compiler = ["cc", "-shared", "-fPIC", f"-Wl,-soname,{soname}", "-o", work / soname, HERE / "stand_in.c"]
        subprocess.run(compiler, check=True)
    found = {"LD_LIBRARY_PATH": str(work), "PYTHONPATH": str(work / "bindings")}
    told = json.loads(_run(python, HERE / "introspection.py", "tensorrt", **found))
    generate = ("-m", "pybind11_stubgen", "tensorrt_bindings.tensorrt", "-o", work / "stubs", "--ignore-all-errors")
    _run(python, *generate, **found)
    _try_backend(python, found)
    generated = (work / "stubs/tensorrt_bindings/tensorrt.pyi").read_text(encoding="utf-8")
    return tensorrt_stub(generated, told, requirement.split("==")[1])


def _try_backend(python: Path, found: dict[str, str]) -> None:
    """On the real bindings, with this interpreter's other libraries."""
    path = os.pathsep.join([found["PYTHONPATH"], str(HERE.parents[1]), *sys.path])
    print(_run(python, HERE / "real_bindings.py", **(found | {"PYTHONPATH": path})).strip())


def _pip(python: Path, *arguments: str | Path) -> None:
    _run(python, "-m", "pip", "--disable-pip-version-check", *arguments)


def _run(python: Path, *arguments: str | Path, **environment: str) -> str:
    ran = subprocess.run([python, *arguments], capture_output=True, text=True, env=os.environ | environment)
    if ran.returncode:
        raise SystemExit(f"{' '.join(map(str, arguments))}: {ran.stderr}")
    return ran.stdout


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    print(path.relative_to(HERE), f"{len(text):,} bytes")


if __name__ == "__main__":
    main()
