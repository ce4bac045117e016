"""Preflight: is this run what it says it is, before any number of it is believed?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from pytest_qparity.backends.kernels import Kernels, NotTold
from pytest_qparity.checks.linting.telling import lint_evidence, lint_notes
from pytest_qparity.checks.preflight_file import failures_of_the_file, named_of, named_others
from pytest_qparity.checks.weights import weight_evidence, weight_failures, weight_notes
from pytest_qparity.precision.calibration.evidence import OVERLAP
from pytest_qparity.precision.examination import LARGEST_SUM, Saturation
from pytest_qparity.precision.table import FLOATS, HALVES
from pytest_qparity.verdict import Code, Failure, Verdict, failed, passed

if TYPE_CHECKING:
    from pytest_qparity.checks.linting.finding import Finding
    from pytest_qparity.precision.calibration.evidence import Doubt
    from pytest_qparity.precision.weights.found import WeightsFound

_HIDDEN = "bodies of loops and branches, nodes in no layer that it names"


@dataclass(frozen=True, slots=True)
class PreflightMeasurement:
    """What the file holds and what the session proved.

    `equal_to_float`: whether each output was bit-equal to FP32 on the same backend; None where that says nothing (an
    FP32 run, or outputs that are all integers). `placement` counts nodes by where they ran. `kernels`: what became of
    the compute nodes, of which a share of `min_quantized` must run quantized; None where nobody asked, as of floats.
    `saturation`: what the integer products can sum up to; None where the case is for this CPU alone. `emulation`:
    nodes that were lowered to float operators, by type; None where the backend computes in the precision itself.
    `doubts`: of the data that the variant was calibrated with; `overlap_allowed`: test samples among them are told and
    no failure; `remarks`: its maker's notes; `warned`: rules of the
    engine that the file breaks, and is run in another way than it is meant for it. `other_products`: outputs of the
    file's products that are quantized in another precision, or in fp16 and bf16 compute in another type. `opset`: None
    of a built engine, whose `nodes` are layers. `faster_with`: what makes a file that the engine runs quantized, where
    this one is made for others. `weights`: of a given file beside the float model's; None where nobody compared them.
    `weights_changed`: its maker changes them, as the case states.
    """

    base: str
    holds_precision: bool
    quantized_nodes: int
    nodes: int
    opset: int | None
    own_operators: bool
    bad_scales: tuple[str, ...]
    expected_placement: str
    placement: Mapping[str, int]
    equal_to_float: bool | None
    kernels: Kernels | NotTold | None = None
    min_quantized: float | None = None
    saturation: Saturation | None = None
    emulation: Mapping[str, int] | None = None
    doubts: tuple[Doubt, ...] = ()
    overlap_allowed: bool = False
    remarks: tuple[str, ...] = ()
    warned: tuple[Finding, ...] = ()
    other_products: tuple[str, ...] = ()
    faster_with: str = ""
    weights: WeightsFound | None = None
    weights_changed: bool = False


def judge_preflight(measured: PreflightMeasurement) -> Verdict:
    evidence = {
        "precision": measured.base,
        "nodes": measured.nodes,
        "quantized_nodes": measured.quantized_nodes,
        **_evidence_of_the_file(measured),
        "expected_placement": measured.expected_placement,
        "placement": dict(measured.placement),
        "equal_to_float": measured.equal_to_float,
        **_kernel_evidence(measured),
        **_saturation_evidence(measured.saturation),
        **({} if measured.emulation is None else {"emulated": dict(measured.emulation)}),
        **({"calibration_doubts": [doubt.as_json() for doubt in measured.doubts]} if measured.doubts else {}),
        **({"lint": lint_evidence(measured.warned)} if measured.warned else {}),
        **weight_evidence(measured.weights),
    }
    failures = tuple(_failures(measured))
    deciding, notes = _deciding(measured), tuple(_notes(measured))
    return failed(deciding, evidence, failures, notes) if failures else passed(deciding, evidence, notes)


def _evidence_of_the_file(measured: PreflightMeasurement) -> Mapping[str, object]:
    """A built engine has no opset, and its scales are no longer to be seen."""
    if measured.opset is None:
        return {"proven_by": "engine inspector"}
    return {"opset": measured.opset, "bad_scales": list(measured.bad_scales)}


def _deciding(measured: PreflightMeasurement) -> str:
    """What runs quantized where the engine tells it; what the file holds where it does not."""
    kernels = measured.kernels
    if measured.emulation is not None and not isinstance(kernels, Kernels):
        return f"{sum(measured.emulation.values())} emulated"
    if isinstance(kernels, Kernels) and kernels.total:
        if len(kernels.counts) == 1:
            return kernels.text(measured.base)
        return f"{kernels.quantized}/{kernels.total} {measured.base}"
    if measured.base == "fp32":
        return f"{measured.nodes} nodes"
    return f"{measured.quantized_nodes} {'nodes' if measured.base in FLOATS else 'Q/DQ'}"


def _kernel_evidence(measured: PreflightMeasurement) -> Mapping[str, object]:
    kernels = measured.kernels
    asked = {} if measured.min_quantized is None else {"min_quantized": measured.min_quantized}
    if kernels is None:
        return asked
    if isinstance(kernels, NotTold):
        return {"kernels": f"not told: {kernels.reason}", **asked}
    return {
        "kernels": kernels.text(measured.base),
        "kernel_counts": {kind: asdict(count) for kind, count in kernels.counts.items()},
        "float_kernels": list(kernels.float_nodes),
        **({"faster_with": measured.faster_with} if kernels.fell_back and measured.faster_with else {}),
        **asked,
    }


def _saturation_evidence(saturation: Saturation | None) -> Mapping[str, object]:
    return {} if saturation is None else {"saturation": {**asdict(saturation), "largest_sum": LARGEST_SUM}}


def _notes(measured: PreflightMeasurement) -> Iterator[str]:
    yield from measured.remarks
    for doubt in measured.doubts:
        if doubt.name == OVERLAP and not measured.overlap_allowed:
            continue  # it is a failure
        yield f"{doubt.sentence} {doubt.remedy[:1].upper()}{doubt.remedy[1:]}."
    yield from lint_notes(measured.warned)
    if measured.base in HALVES and measured.other_products and measured.holds_precision:
        others = len(measured.other_products)
        yield f"{others} products of the file do not compute in {measured.base}: {named_others(measured)}"
    yield from weight_notes(measured.weights, measured.weights_changed)
    yield from _kernel_notes(measured)


def _kernel_notes(measured: PreflightMeasurement) -> Iterator[str]:
    kernels = measured.kernels
    if isinstance(kernels, NotTold) and measured.min_quantized is None:
        yield f"not told which kernels run, whether quantized or float: {kernels.reason}"
    if not isinstance(kernels, Kernels):
        return
    remedy = f"; {measured.faster_with}" if kernels.fell_back and measured.faster_with else ""
    if kernels.total and not kernels.quantized and not kernels.otherwise:
        yield f"{kernels.text(measured.base)}: runs as float{remedy}"
    elif kernels.fell_back:
        named = named_of(kernels.float_nodes, kernels.fell_back)
        yield f"{kernels.fell_back} quantized nodes run as float: {named}{remedy}"
    left_float = sum(count.left_float for count in kernels.counts.values())
    if left_float and kernels.quantized:
        named = named_of(kernels.float_nodes[kernels.fell_back :], left_float)
        yield f"{left_float} of {kernels.total} compute nodes are float in the file: {named}"
    if kernels.otherwise:
        otherwise = f"{kernels.otherwise} of {kernels.total} compute nodes"
        yield f"{otherwise} are quantized in another precision: {named_others(measured)}"
    if kernels.hidden:
        yield f"the engine does not tell of {kernels.hidden} parts of the graph: {_HIDDEN}"
    yield from kernels.remarks


def _failures(measured: PreflightMeasurement) -> Iterator[Failure]:
    yield from failures_of_the_file(measured.base, measured)
    yield from weight_failures(measured.weights, measured.weights_changed)
    yield from _failures_of_the_session(measured)
    yield from _tuned_on_the_test(measured)
    if measured.min_quantized is not None:
        yield from _too_few_quantized(measured, measured.min_quantized)
    if measured.saturation is not None:
        yield from _saturating(measured.saturation)


def fallback(expected_placement: str, placement: Mapping[str, int]) -> Failure | None:
    """Of a session whose nodes ran elsewhere than on the provider that was asked for, or nowhere."""
    elsewhere = {place: count for place, count in placement.items() if place != expected_placement and count}
    if not elsewhere and sum(placement.values()) > 0:
        return None
    where = ", ".join(f"{count} on {place}" for place, count in elsewhere.items()) or "no node anywhere"
    return Failure(
        Code.PREFLIGHT_FALLBACK,
        f"Nodes ran elsewhere: {where}; all should run on {expected_placement}.",
        "use a precision that the backend executes, or name the backend that does the work",
    )


def _failures_of_the_session(measured: PreflightMeasurement) -> Iterator[Failure]:
    strayed = fallback(measured.expected_placement, measured.placement)
    if strayed is not None:
        yield strayed
    if measured.equal_to_float:
        yield Failure(
            Code.PREFLIGHT_SAME_AS_FLOAT,
            "Every output is bit for bit that of FP32, should differ by its quantization.",
            "make sure that the variant, and not the float model, was loaded and that its Q/DQ nodes were executed",
            likely="the float file was given as the quantized one, or the engine stripped the quantization",
        )


def _tuned_on_the_test(measured: PreflightMeasurement) -> Iterator[Failure]:
    """What is calibrated with the samples that judge it looks better than it is."""
    for doubt in measured.doubts:
        if doubt.name == OVERLAP and not measured.overlap_allowed:
            remedy = f'{doubt.remedy}; where these are all the samples there are, state overlap = "allowed" in [data]'
            yield Failure(Code.DATA_OVERLAP, doubt.sentence, remedy)


def _too_few_quantized(measured: PreflightMeasurement, least: float) -> Iterator[Failure]:
    """Nothing that nobody told can pass."""
    kernels = measured.kernels
    remedy = "take min_quantized out, or judge with a backend that tells: ort, openvino, reference"
    if not isinstance(kernels, Kernels):
        reason = kernels.reason if isinstance(kernels, NotTold) else f"nothing runs quantized in {measured.base}"
        yield _untold(f"not told how many nodes run quantized ({reason})", least, remedy)
    elif kernels.hidden:
        yield _untold(f"nothing told of {kernels.hidden} parts of the graph", least, remedy)
    elif not kernels.total:
        yield _untold("no compute node (Conv, MatMul, Gemm, …)", least, "take min_quantized out")
    elif not kernels.quantized / kernels.total >= least:
        share, floats = kernels.quantized / kernels.total, kernels.total - kernels.quantized - kernels.otherwise
        as_float = f" As float: {named_of(kernels.float_nodes, floats)}." if floats else ""
        otherwise = f" In another precision: {named_others(measured)}." if kernels.otherwise else ""
        yield Failure(
            Code.PREFLIGHT_FEW_QUANTIZED,
            f"{kernels.quantized} of {kernels.total} compute nodes run quantized "
            f"({share:.1%}: {kernels.text(measured.base)}), should be at least {least:.1%}.{as_float}{otherwise}",
            "quantize what these nodes take, give and weigh in types that the engine fuses (onnxruntime: uint8 "
            "activations, int8 weights, Q/DQ around the node and behind its activation function), or lower "
            "min_quantized",
            likely=_why_float(kernels),
        )


def _why_float(kernels: Kernels) -> str:
    if kernels.otherwise:
        return "the file quantizes some of its nodes in another precision"
    if not kernels.fell_back:
        return "the file leaves them float (keep_float, or operators that its maker does not know)"
    if kernels.fell_back < kernels.total - kernels.quantized:
        return f"the engine does not fuse the Q/DQ nodes of {kernels.fell_back}; the file leaves the others float"
    return "the engine does not fuse the Q/DQ nodes around them and computes on what they dequantize"


def _untold(got: str, least: float, remedy: str) -> Failure:
    sentence = f"Got {got}, should be at least {least:.1%} of the compute nodes (min_quantized)."
    return Failure(Code.PREFLIGHT_KERNELS_UNTOLD, sentence, remedy)


def _saturating(found: Saturation) -> Iterator[Failure]:
    if found.saturating == 0 and found.unknown == 0:
        return
    if found.saturating:
        got = (
            f'{found.saturating} of {found.products} integer products can saturate in int16, at most "{found.node}": '
            f"output channel {found.channel} can sum up two products to {found.worst_sum:,}"
        )
    else:
        got = (
            f"{found.unknown} of {found.products} integer products have weights that are no constants "
            f'("{found.unknown_node}"), so that their sums are not known'
        )
    yield Failure(
        Code.PREFLIGHT_SATURATION,
        f"{got}; should stay within −{LARGEST_SUM + 1:,} and {LARGEST_SUM:,} for any CPU.",
        "make the weights with 7 bits (reduce_range), or uint8 activations and uint8 weights, or run onnxruntime with "
        'session.x64quantprecision = "1" there; cpu = "this" judges this CPU alone',
        likely="x64 CPUs without VNNI add pairs of products in saturating int16 (VPMADDUBSW)",
    )
