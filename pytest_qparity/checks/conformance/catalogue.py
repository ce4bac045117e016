"""Every kernel that the suite tries, by operator."""

from __future__ import annotations

from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_qparity.checks.conformance.kernel import Kernel

__all__ = ["kernels_by_id"]


@cache
def kernels_by_id() -> Mapping[str, Kernel]:
    """In the order in which they are run and reported."""
    kernels: dict[str, Kernel] = {}
    for kernel in _kernels():
        if kernels.setdefault(kernel.id, kernel) is not kernel:
            raise ValueError(f"got a second kernel {kernel.id}, should have an id of its own")
    return MappingProxyType(kernels)


def _kernels() -> Iterator[Kernel]:
    from pytest_qparity.checks.conformance.operators import (
        attention,
        bnb4,
        cast,
        cast_small,
        contrib,
        contrib_options,
        dequantize_linear,
        dequantize_options,
        dynamic,
        dynamic_linear,
        float_linear,
        fused,
        gather,
        integer_products,
        nbits,
        opsets,
        pools,
        products,
        qgemm,
        qlinear,
        qlinear_matmul,
        quantize_linear,
        quantize_options,
    )

    for module in (
        quantize_linear,
        quantize_options,
        dequantize_linear,
        dequantize_options,
        float_linear,
        cast,
        cast_small,
        integer_products,
        qlinear,
        qlinear_matmul,
        contrib,
        contrib_options,
        pools,
        dynamic_linear,
        products,
        qgemm,
        attention,
        dynamic,
        nbits,
        bnb4,
        gather,
        fused,
        opsets,
    ):
        yield from module.kernels()
