"""Stand-ins for NVIDIA's driver libraries, compiled where there is a C compiler."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_suffix(".c")
NAMES = ("libcuda.so.1", "libnvidia-ml.so.1")

needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler (cc)")


def compiled(folder: Path) -> Path:
    """The libraries in `folder`, under their real names."""
    for name in NAMES:
        linked(folder / name, SOURCE)
    return folder


def linked(library: Path, source: Path, *beside: Path) -> Path:
    """A shared library of its file's name that links those `beside`."""
    options = ["-shared", "-fPIC", "-Wl,--no-as-needed", f"-Wl,-soname,{library.name}"]
    done = subprocess.run(["cc", *options, str(source), "-o", str(library), *map(str, beside)], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return library
