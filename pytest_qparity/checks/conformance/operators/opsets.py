"""Opsets between those at which operators changed: engines choose kernels and rewrites by version.

QLinearConv-10, ConvInteger-10, MatMulInteger-10 and DynamicQuantizeLinear-11 have one version, QLinearMatMul those of
opsets 10 and 21. What each may give is what it may at the opset at which it last changed.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from pytest_qparity.checks.conformance.kernel import Kernel
from pytest_qparity.checks.conformance.operators import dynamic_linear, fused, integer_products, qlinear
from pytest_qparity.checks.conformance.operators.convolutions import convolutions
from pytest_qparity.quantmath.integers import INT8, UINT8

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["kernels"]

BETWEEN = (15, 18, 20, 22)
OF_ONE_KERNEL = (18, 22)  # opsets at which integer products and DynamicQuantizeLinear are tried: one version since 11


def kernels() -> Iterator[Kernel]:
    pair = (UINT8, INT8)
    makes: dict[str, tuple[str, Callable[..., Any]]] = {
        "dynamic_quantize_linear-uint8": ("DynamicQuantizeLinear", dynamic_linear.examples),
        "matmul_integer-u8s8-per_tensor": (
            "MatMulInteger",
            partial(integer_products.matmul_examples, *pair, "per_tensor"),
        ),
        "conv_integer-u8s8": ("ConvInteger", partial(integer_products.conv_examples, convolutions, *pair)),
        "qlinear_matmul-u8s8-per_tensor": ("QLinearMatMul", partial(qlinear.matmul_examples, *pair, "per_tensor")),
        "qlinear_conv-u8s8-per_tensor": ("QLinearConv", partial(qlinear.conv_examples, *pair, "per_tensor")),
    }
    for name, (operator, make) in makes.items():
        types = "fp32 → uint8" if name.startswith("dynamic") else "uint8 × int8"
        for opset in BETWEEN if name.startswith("qlinear") else OF_ONE_KERNEL:
            yield Kernel(f"{name}-opset{opset}", operator, types, opset, make)
    patterns: dict[str, Callable[..., Any]] = {
        "conv": partial(fused.conv_examples, None),
        "matmul": fused.matmul_examples,
    }
    for pattern, make in patterns.items():
        made = partial(make, *pair, "per_axis")
        yield Kernel(f"qdq_{pattern}-u8s8-per_axis-opset18", f"Q/DQ {pattern}", "u8s8", 18, made, is_pattern=True)
