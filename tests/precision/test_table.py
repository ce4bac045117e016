from __future__ import annotations

import math
import subprocess
import sys

import pytest

from pytest_qparity.precision.table import PRECISIONS, Points, Share, base_of


@pytest.mark.parametrize(
    ("name", "declared", "base"),
    [
        ("int8", None, "int8"),
        ("int8-qat", None, "int8"),
        ("int8-qat-2", None, "int8"),
        ("fp8", None, "fp8"),
        ("fp8-e4m3", None, "fp8-e4m3"),
        ("fp8-e5m2-mixed", None, "fp8-e5m2"),
        ("fp8-mixed", None, "fp8"),
        ("qat", "int8", "int8"),
        ("int8-qat", "uint8", "uint8"),
        ("int9", None, None),
        ("int8_qat", None, None),
        ("int8", "int9", None),
        ("int8", "", None),
        ("", None, None),
    ],
)
def test_a_name_stands_for_the_longest_precision_before_a_hyphen_unless_a_base_is_declared(name, declared, base):
    assert base_of(name, declared) == base


def test_precisions_cannot_be_changed():
    with pytest.raises(TypeError):
        PRECISIONS["int8"] = PRECISIONS["fp32"]


@pytest.mark.parametrize("name", ["fp16", "bf16", "int8", "fp8", "int4", "nvfp4"])
def test_a_coarser_precision_is_never_expected_to_be_nearer_than_fp32(name):
    exact, coarse = PRECISIONS["fp32"].tolerance, PRECISIONS[name].tolerance

    assert coarse.sqnr_db < exact.sqnr_db
    assert coarse.cosine < exact.cosine
    assert coarse.margin.at(90.0) > exact.margin.at(90.0)


@pytest.mark.parametrize("name", PRECISIONS)
def test_the_cosine_asks_for_no_more_than_the_sqnr(name):
    """Where the error is orthogonal to the signal, cosine = 1 / √(1 + 10^(−SQNR/10)): one number in two scales."""
    for tolerance in filter(None, (PRECISIONS[name].tolerance, PRECISIONS[name].transformer_tolerance)):
        assert -10 * math.log10(1 / tolerance.cosine**2 - 1) <= tolerance.sqnr_db + 0.05


def test_the_table_imports_nothing_heavy():
    program = (
        "import sys, pytest_qparity.precision.table; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )

    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()

    assert not {"numpy", "onnx", "onnxruntime", "pydantic", "scipy", "filelock"} & set(loaded)


def test_a_share_is_of_what_the_float_model_reaches_and_points_are_not():
    assert Share(1.0).at(75.0) == 0.75
    assert Points(1.0).at(75.0) == 1.0
