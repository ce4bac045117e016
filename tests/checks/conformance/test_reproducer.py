"""The scripts of deviations: alone, on any backend, down to the type of an output."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_qparity.backends.protocol import Optimizer
from pytest_qparity.backends.registry import BackendSpec, backend_table
from pytest_qparity.checks.conformance import Answer, Trial, kernels_by_id, reproducer
from pytest_qparity.checks.conformance.sampling import draw_examples

KERNEL = kernels_by_id()["quantize_linear-fp32_int8-per_tensor-opset13"]
DEQUANTIZE = kernels_by_id()["dequantize_linear-int8_fp32-per_tensor-opset19"]
BUILT_IN = backend_table()["reference"]
RUN = BUILT_IN.script
OTHER = BackendSpec("my-engine", "my_engine:MyEngine")


def run_script(tmp_path: Path, spec: BackendSpec, kernel: str = KERNEL.id) -> subprocess.CompletedProcess[str]:
    chosen = kernels_by_id()[kernel]
    example = next(each for each in draw_examples(chosen, 20, 0) if each.elements)
    trial = Trial(example, Optimizer.ALL, Answer.RAN, {})
    script = tmp_path / "script.py"
    script.write_text(reproducer(chosen, trial, spec, "it deviates"), encoding="utf-8")
    return subprocess.run([sys.executable, str(script)], capture_output=True, text=True, cwd=tmp_path)


def test_what_conforms_shows_nothing(tmp_path: Path) -> None:
    done = run_script(tmp_path, BUILT_IN)

    assert done.returncode == 0, done.stdout + done.stderr


def test_a_backend_whose_author_said_how_it_is_run_is_run(tmp_path: Path) -> None:
    off = (
        RUN.replace("return dict(", "return shifted(")
        + "\n\ndef shifted(pairs):\n    return {n: v + 1 for n, v in pairs}\n"
    )

    done = run_script(tmp_path, replace(OTHER, script=off))

    assert done.returncode == 1
    assert "should be from" in done.stdout


def test_a_backend_of_which_nobody_said_how_it_is_run_shows_nothing_yet(tmp_path: Path) -> None:
    done = run_script(tmp_path, OTHER)

    assert done.returncode == 2
    assert done.stdout == "my-engine is not run yet: load it in run(), and return its outputs by name\n"


@pytest.mark.parametrize(
    ("change", "said"),
    [("v.astype(np.float64)", "y is float64"), ("v[None]", "y is float32 (1,")],
    ids=["type", "shape"],
)
def test_an_output_of_another_type_or_shape_deviates(tmp_path: Path, change: str, said: str) -> None:
    other = RUN.replace("return dict(", "return changed(")
    other += f"\n\ndef changed(pairs):\n    return {{n: {change} for n, v in pairs}}\n"

    done = run_script(tmp_path, replace(OTHER, script=other), DEQUANTIZE.id)

    assert done.returncode == 1
    assert said in done.stdout


@pytest.mark.parametrize("script", ["import my_engine", "def run(:", "def start(model, inputs, optimizer): ..."])
def test_a_script_without_the_function_is_refused(script: str) -> None:
    with pytest.raises(ValueError, match=r"should be the text of a Python function run\(model, inputs, optimizer\)"):
        replace(OTHER, script=script)
