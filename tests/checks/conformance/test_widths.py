"""No kernel's bounds are so wide that they say nothing: ceilings by the family of its output."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np
import pytest

from pytest_qparity.checks.conformance import kernels_by_id, rounding
from pytest_qparity.checks.conformance.operators import dynamic_linear
from tests.checks.conformance.widths import Widths, widths_of

EXAMPLES = 25


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What at most is left open: shares of elements of which more than one code and more than two are right; the
    interval of 95 % of elements as a part of the example's largest output. `reach` is a floor: how far from 0 the
    outputs of half of the examples get, as a part of the range, for under a coarse scale all bounds are narrow."""

    ambiguous: float
    wide: float
    relative: float
    reach: float = 0.0


EXACT = Ceiling(0.0, 0.0, 0.0)  # sums of integers
# About three times what the widest kernel of each family has over 100 examples. Of 16 bits a step is 2⁻¹⁶ of the range,
# and what float32 leaves open of a sum of products comes near it.
INTEGERS_OF_8 = Ceiling(0.1, 0.02, 1.0, 0.03)  # also of fewer bits, and float8; 3.4 % in QLinearAdd, for ties
INTEGERS_OF_16 = Ceiling(0.35, 0.03, 1.0, 0.03)  # 12.7 % in LSTM
FLOATS = Ceiling(1.0, 1.0, 1e-3)  # which have no codes
INT8_OR_FLOAT = Ceiling(1.0, 1.0, 1e-2)  # from the product of float activations to that of int8 ones
DYNAMIC = Ceiling(1.0, 1.0, 3e-3)  # of 8.4·10⁻⁴: a float32 product of codes of which a rounding may move some
DYNAMIC_LSTM = Ceiling(1.0, 1.0, 2.5e-2)  # of 8.6·10⁻³: the state is off by half a step in each product
# Where weights, activations or scales may be rounded to a type of 11 or 8 bits on the way.
FLOAT16 = Ceiling(1.0, 1.0, 1.5e-2)
BFLOAT16 = Ceiling(1.0, 1.0, 0.12)
BFLOAT16_SCALES = Ceiling(0.5, 0.08, 1.0, 0.03)
LEFT_OFF = Ceiling(0.1, 0.02, 1.0)  # the output's scale is the operator's default, and not drawn to fit
ABOUT = ("qdq_", "qlinear_", "qattention", "qgemm", "conv_integer", "matmul_integer", "dynamic_")
ABOUT += ("matmul_nbits", "matmul_bnb4")
KERNELS = sorted(kernel for kernel in kernels_by_id() if kernel.startswith(ABOUT))


OWN = {
    "*-level4-*": INT8_OR_FLOAT,
    "matmul_nbits-*-fp16-*": FLOAT16,
    "matmul_nbits-*-level2-*": FLOAT16,
    "matmul_nbits-*-bf16-*": BFLOAT16,
    "matmul_nbits-*-level3-*": BFLOAT16,
    "qlinear_matmul-*-bf16_scales-*": BFLOAT16_SCALES,
    "qlinear_leaky_relu-*-left_off-*": LEFT_OFF,
    "conv_integer-*": EXACT,
    "matmul_integer-*": EXACT,
    "matmul_integer16-*": EXACT,
    "matmul_integer_to_float-*": FLOATS,
    "qgemm-*-float_output*": FLOATS,
    "dynamic_quantize_matmul-*": DYNAMIC,
    "dynamic_quantize_lstm-*": DYNAMIC_LSTM,
}


def family(kernel_id: str) -> Ceiling:
    own = next((ceiling for glob, ceiling in OWN.items() if fnmatchcase(kernel_id, glob)), None)
    if own is not None:
        return own
    if kernel_id.startswith(("matmul_nbits", "matmul_bnb4", "qdq_matmul_weights", "qattention")):
        return FLOATS
    return INTEGERS_OF_16 if "16" in kernel_id.split("-")[1] else INTEGERS_OF_8


def exceeded(widths: Widths, ceiling: Ceiling) -> list[str]:
    found = {
        "ambiguous": widths.ambiguous <= ceiling.ambiguous,
        "wide": widths.wide <= ceiling.wide,
        "relative": not widths.relative.size or float(np.quantile(widths.relative, 0.95)) <= ceiling.relative,
        "useless": widths.useless <= 0.01,
        "reach": not widths.reach.size or float(np.median(widths.reach)) >= ceiling.reach,
    }
    return [name for name, holds in found.items() if not holds]


@pytest.mark.parametrize("kernel_id", KERNELS)
def test_the_bounds_of_a_kernel_say_something(kernel_id: str) -> None:
    widths = widths_of(kernels_by_id()[kernel_id], EXAMPLES)

    assert exceeded(widths, family(kernel_id)) == []


@pytest.mark.parametrize("kernel_id", ["qdq_lstm-u8-opset21", "qdq_softmax-u16-opset21", "qdq_attention-s8-opset21"])
def test_a_wider_bound_would_exceed_its_ceiling(kernel_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounding, "TRANSCENDENTAL", 2.0**-9)

    assert exceeded(widths_of(kernels_by_id()[kernel_id], EXAMPLES), family(kernel_id))


def test_ranges_whose_zero_point_is_in_doubt_would_exceed_the_ceiling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynamic_linear, "_is_exact", lambda x, scale: False)

    kernel_id = "dynamic_quantize_linear-uint8-opset13"

    assert "ambiguous" in exceeded(widths_of(kernels_by_id()[kernel_id], EXAMPLES), family(kernel_id))


def test_a_kernel_whose_outputs_are_all_zero_has_a_row() -> None:
    """Nothing is a part of its largest output, which is 0."""
    kernel_id = "matmul_nbits-uint4-block32-level0-asymmetric-omitted-opset21"

    assert widths_of(kernels_by_id()[kernel_id], EXAMPLES).row(kernel_id).startswith(f"| {kernel_id} | 2 | ")
