"""As what each precision runs on a backend: in kernels of its own, with rounded weights alone, or emulated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pytest_qparity.precision.table import PRECISIONS

if TYPE_CHECKING:
    from pytest_qparity.backends.registry import BackendSpec

__all__ = ["int8_products", "runs_as"]

NATIVE, WEIGHTS, EMULATED = "native", "weights only", "emulated"
# Float16 nodes compute in float32 there, on x64: ONNX Runtime casts around them, OpenVINO is asked to (docs/lint.md,
# OV-TYPE-001).
_WIDENING = frozenset({"ort", "openvino"})
_ACCUMULATING = frozenset({"avx_vnni", "avx512_vnni", "amx_int8"})
_X64 = frozenset({"avx2", "avx512f"})


def runs_as(spec: BackendSpec) -> Mapping[str, tuple[str, ...]]:
    """Every precision of the table, in one of three groups. What of a file really does, preflight proves for each."""
    groups: dict[str, list[str]] = {NATIVE: [], WEIGHTS: [], EMULATED: []}
    for name, precision in PRECISIONS.items():
        if name in spec.emulated:
            groups[EMULATED].append(name)
        elif precision.made.method == "weight-only" or (name == "fp16" and spec.name in _WIDENING):
            groups[WEIGHTS].append(name)
        else:
            groups[NATIVE].append(name)
    return {group: tuple(names) for group, names in groups.items()}


def int8_products(features: object) -> str:
    """How this CPU adds up products of uint8 and int8, by its features; of "unknown" nothing is known."""
    known = frozenset(features) if isinstance(features, list | tuple) else frozenset()
    if known & _ACCUMULATING:
        return f"in int32 ({', '.join(sorted(known & _ACCUMULATING))})"
    if known & _X64:
        return "in pairs that saturate in int16: no VNNI (QP-PRE-008)"
    if "asimddp" in known or "i8mm" in known:
        return f"in int32 ({', '.join(sorted(known & {'asimddp', 'i8mm'}))})"
    return "not known"
