"""Preflight: is this run what it says it is, before any number of it is believed?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pytest_qparity.verdict import Code, Failure, Verdict, failed, passed

# Per-channel DequantizeLinear needs opset 13, 16-bit and 4-bit Q/DQ need 21 (ONNX operator changelog).
FIRST_OPSET = {"int8": 10, "uint8": 10, "fp8": 19, "int4": 21, "uint4": 21, "int16": 21, "nvfp4": 23, "mxfp4": 23}


@dataclass(frozen=True, slots=True)
class PreflightMeasurement:
    """What the file holds and what the session proved.

    `equal_to_float`: whether each output was bit-equal to FP32 on the same backend; None where that says nothing (an
    FP32 run, or outputs that are all integers). `placement` counts nodes by where they ran.
    """

    base: str
    holds_precision: bool
    quantized_nodes: int
    nodes: int
    opset: int
    own_operators: bool
    bad_scales: tuple[str, ...]
    expected_placement: str
    placement: Mapping[str, int]
    equal_to_float: bool | None


def judge_preflight(measured: PreflightMeasurement) -> Verdict:
    evidence = {
        "precision": measured.base,
        "nodes": measured.nodes,
        "quantized_nodes": measured.quantized_nodes,
        "opset": measured.opset,
        "bad_scales": list(measured.bad_scales),
        "expected_placement": measured.expected_placement,
        "placement": dict(measured.placement),
        "equal_to_float": measured.equal_to_float,
    }
    failures = tuple(_failures(measured))
    shown = measured.nodes if measured.base == "fp32" else measured.quantized_nodes
    unit = "nodes" if measured.base in ("fp32", "fp16", "bf16", "tf32") else "Q/DQ"
    deciding = f"{shown} {unit}"
    return failed(deciding, evidence, failures) if failures else passed(deciding, evidence)


def _failures(measured: PreflightMeasurement) -> list[Failure]:
    failures = []
    if not measured.holds_precision:
        failures.append(
            Failure(
                Code.PREFLIGHT_NOT_QUANTIZED,
                f"The variant holds {measured.quantized_nodes} quantized or typed nodes for {measured.base}, "
                f"should be at least 1 (of {measured.nodes} nodes).",
                "look at how the file was made: its maker quantized nothing, or another file was given",
                likely="the quantizer found no operator that it knows, or the float file was copied",
            )
        )
    first = FIRST_OPSET.get(measured.base, 1)
    if measured.opset < first and not measured.own_operators:
        failures.append(
            Failure(
                Code.PREFLIGHT_OPSET,
                f"The variant has opset {measured.opset}, should be at least {first} for {measured.base}.",
                "convert the float model with onnx.version_converter first",
            )
        )
    if measured.bad_scales:
        named = ", ".join(measured.bad_scales[:3])
        failures.append(
            Failure(
                Code.PREFLIGHT_SCALE,
                f"{len(measured.bad_scales)} quantization scales are zero, negative, NaN or infinite (at {named}), "
                "should be finite and above zero.",
                "calibrate again with data that reach these nodes",
            )
        )
    elsewhere = {
        place: count for place, count in measured.placement.items() if place != measured.expected_placement and count
    }
    ran = sum(measured.placement.values())
    if elsewhere or ran == 0:
        where = ", ".join(f"{count} on {place}" for place, count in elsewhere.items()) or "no node anywhere"
        failures.append(
            Failure(
                Code.PREFLIGHT_FALLBACK,
                f"Nodes ran elsewhere: {where}; all should run on {measured.expected_placement}.",
                "use a precision that the backend executes, or name the backend that does the work",
            )
        )
    if measured.equal_to_float:
        failures.append(
            Failure(
                Code.PREFLIGHT_SAME_AS_FLOAT,
                "Every output is bit for bit that of FP32, should differ by its quantization.",
                "make sure that the variant, and not the float model, was loaded and that its Q/DQ nodes were executed",
                likely="the float file was given as the quantized one, or the engine stripped the quantization",
            )
        )
    return failures
