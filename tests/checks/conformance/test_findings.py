"""What the suite finds without being told where to look, pinned: each with the record empty."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pytest_qparity.checks.conformance import Answer, Trial, judge_kernel, kernels_by_id
from pytest_qparity.checks.conformance.judging import minimal_of
from pytest_qparity.checks.conformance.sampling import draw_examples
from tests.checks.conformance.conftest import MakeLaboratory

K_ZERO = Path(__file__).parents[3] / "docs" / "upstream" / "onnxruntime-k-zero.py"
FINDINGS = {
    "ort drops Relu before float8": ("ort", "qdq_relu-fp8e4m3fn-opset21", None),
    "ort drops Relu before int4": ("ort", "qdq_relu-s4-opset21", None),
    "ort leaves integer products with K = 0 uninitialised": ("ort", "qlinear_matmul-u8s8-per_tensor-opset21", "k_zero"),
    "ort leaves MatMulInteger with K = 0 uninitialised": ("ort", "matmul_integer-u8s8-per_tensor-opset13", "k_zero"),
    "ort takes saturate = 0 for 1 where a float8 is a little too large": (
        "ort",
        "cast-fp32_float8e4m3fn-saturate0-opset19",
        "overflow",
    ),
    "ort rounds 16-bit activations to int8": ("ort", "qdq_matmul-u16s8-per_tensor-opset21", None),
    "ort multiplies NF4 weights by their transpose": ("ort", "matmul_bnb4-nf4-block32-not_transposed-opset21", None),
    "ort leaves a float32 QGemm with K = 0 uninitialised": (
        "ort",
        "qgemm-u8s8-per_tensor-float_output_of_nothing-opset21",
        "k_zero",
    ),
    "openvino flattens no Softmax": ("openvino", "qlinear_softmax-u8-flattened-opset21", None),
    "onnx.reference wraps at 2³¹": ("reference", "quantize_linear-fp32_int8-per_tensor-opset13", "overflow"),
    "onnx.reference rounds QLinear ties after the zero point": (
        "reference",
        "qlinear_matmul-u8u8-per_tensor-opset25",
        "tie",
    ),
    "openvino is off at 8-bit ties": ("openvino", "quantize_linear-fp32_uint8-per_tensor-opset13", "near_tie"),
    "openvino strips 16-bit pairs": ("openvino", "qdq_add-u16-opset21", None),
    "openvino drops a Cast to int4": ("openvino", "cast-int8_int4-opset21", "overflow"),
    "openvino does not follow round_mode": ("openvino", "cast-fp32_float8e8m0-up-saturate1-opset24", None),
}


@pytest.mark.parametrize(("backend", "kernel_id", "trait"), FINDINGS.values(), ids=FINDINGS)
def test_a_finding_is_found_from_generated_examples_and_shown_by_its_script(
    laboratory: MakeLaboratory, backend: str, kernel_id: str, trait: str | None
) -> None:
    bench = laboratory(backend, examples=300 if backend == "reference" else 60)
    kernel = kernels_by_id()[kernel_id]
    if trait == "k_zero":  # in a process that has used its memory before
        judge_kernel(kernels_by_id()["quantize_linear-fp32_int8-per_axis-opset21"], bench)

    trial = minimal_of(kernel, bench)

    assert trial is not None
    assert trait is None or _shows(trial, trait)
    script = bench.write_reproducer(kernel, trial, "it deviates")
    if trait != "k_zero":  # uninitialised memory may happen to be right
        done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
        assert done.returncode == 1, done.stdout + done.stderr
        assert "should be from" in done.stdout


def test_the_script_of_k_zero_shows_it_without_chance() -> None:
    """Its memory has been used before, by a product of the same session."""
    for _ in range(3):
        done = subprocess.run([sys.executable, str(K_ZERO)], capture_output=True, text=True)

        assert done.returncode == 1, done.stdout + done.stderr
        assert "K = 0 gives [[240, " in done.stdout


def _shows(trial: Trial, trait: str) -> bool:
    if trait in trial.example.traits:
        return True
    return any((difference.traits[trait] & (difference.beyond > 0)).any() for difference in trial.differences())


def test_a_shrunk_example_has_one_element_that_matters(laboratory: MakeLaboratory) -> None:
    trial = minimal_of(kernels_by_id()["qdq_relu-s4-opset21"], laboratory("ort", examples=40))

    assert trial is not None
    assert trial.example.elements == 1


@pytest.mark.parametrize("source", ["fp16", "fp32"])
def test_quantize_linear_of_ort_conforms_where_the_division_is_stated(laboratory: MakeLaboratory, source: str) -> None:
    """ONNX Runtime 1.20 to 1.23 divided float16 in float32; 1.32 divides in float16, as opset 23 says."""
    bench = laboratory("ort")
    kernel = kernels_by_id()[f"quantize_linear-{source}_uint8-per_axis-opset25"]

    for optimizer in bench.optimizers:
        for trial in bench.bench.try_all(draw_examples(kernel, 40, 0), kernel.opset, optimizer):
            assert trial.answer is Answer.RAN
            assert not any(np.any(difference.beyond) for difference in trial.differences())
