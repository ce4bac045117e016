"""Preflight of a file by itself: what is wrong with it whatever runs it, and what an importer would say of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from pytest_qparity.checks.linting.finding import refused
from pytest_qparity.checks.linting.telling import lint_evidence, lint_notes, refusals
from pytest_qparity.precision.table import HALVES
from pytest_qparity.verdict import Code, Failure, Verdict, cannot_judge, failed

if TYPE_CHECKING:
    from pytest_qparity.checks.linting.finding import Finding
    from pytest_qparity.checks.preflight import PreflightMeasurement
    from pytest_qparity.precision.examination import Examined

__all__ = ["failures_of_the_file", "judge_absent", "judge_refused", "judge_unread", "named_of", "named_others"]

# Per-channel DequantizeLinear needs opset 13, 16-bit and 4-bit Q/DQ need 21 (ONNX operator changelog).
FIRST_OPSET = {"int8": 10, "uint8": 10, "fp8": 19, "int4": 21, "uint4": 21, "int16": 21, "nvfp4": 23, "mxfp4": 23}


MOST_NAMED = 5


def judge_refused(base: str, content: Examined, findings: Sequence[Finding]) -> Verdict:
    """The verdict on a file that its engine's importer refuses, of which no engine is built: `findings` say why."""
    failures = (*failures_of_the_file(base, content), *refusals(findings))
    return failed(_refused(findings), _file_evidence(base, content, findings), failures, tuple(lint_notes(findings)))


def judge_absent(absent: Failure, base: str, content: Examined, findings: Sequence[Finding]) -> Verdict:
    """The verdict on a file whose backend does not work here, which is `absent`: what is wrong with the file stands
    beside it, so that a waiver of the one does not cover the other."""
    of_the_file = (*failures_of_the_file(base, content), *refusals(findings))
    told = cannot_judge(absent)
    deciding = _refused(findings) if refused(findings) else told.deciding
    evidence = _file_evidence(base, content, findings)
    return failed(deciding, evidence, (absent, *of_the_file), tuple(lint_notes(findings)))


def judge_unread(absent: Failure, unread: Failure) -> Verdict:
    """The verdict where there is neither the backend nor a file to look at: both are said."""
    return failed(cannot_judge(absent).deciding, {}, (absent, unread))


def _refused(findings: Sequence[Finding]) -> str:
    return f"{len(refused(findings))} refused"


def _file_evidence(base: str, content: Examined, findings: Sequence[Finding]) -> Mapping[str, object]:
    return {
        "precision": base,
        "nodes": content.nodes,
        "quantized_nodes": content.quantized_nodes,
        "opset": content.opset,
        "bad_scales": list(content.bad_scales),
        "lint": lint_evidence(findings),
    }


def failures_of_the_file(base: str, measured: PreflightMeasurement | Examined) -> Iterator[Failure]:
    if not measured.holds_precision:
        yield Failure(
            Code.PREFLIGHT_NOT_QUANTIZED,
            f"The variant holds {measured.quantized_nodes} quantized or typed nodes for {base}, "
            f"should be at least 1 (of {measured.nodes} nodes).",
            "look at how the file was made: its maker quantized nothing, or another file was given",
            likely=_why_not_held(base, measured),
        )
    first = FIRST_OPSET.get(base, 1)
    is_early = measured.opset is not None and measured.opset < first
    if is_early and measured.quantized_nodes and not measured.own_operators:  # a float file lacks no opset
        yield Failure(
            Code.PREFLIGHT_OPSET,
            f"The variant has opset {measured.opset}, should be at least {first} for {base}.",
            "convert the float model with onnx.version_converter first",
        )
    if measured.bad_scales:
        named = ", ".join(measured.bad_scales[:3])
        yield Failure(
            Code.PREFLIGHT_SCALE,
            f"{len(measured.bad_scales)} quantization scales are zero, negative, NaN or infinite (at {named}), "
            "should be finite and above zero.",
            "calibrate again with data that reach these nodes",
        )


def _why_not_held(base: str, measured: PreflightMeasurement | Examined) -> str:
    if not measured.other_products:
        return "the quantizer found no operator that it knows, or the float file was copied"
    if base in HALVES:
        return f"no product of the file computes in {base}, whatever its other nodes do: {named_others(measured)}"
    return f"products are quantized in another precision, or other blocks and scales: {named_others(measured)}"


def named_of(names: tuple[str, ...], count: int) -> str:
    """The first of `count` names, of which `names` holds some."""
    shown = names[: min(MOST_NAMED, count)]
    return ", ".join(shown) + (", …" if len(shown) < count else "")


def named_others(measured: PreflightMeasurement | Examined) -> str:
    return named_of(measured.other_products, len(measured.other_products))
