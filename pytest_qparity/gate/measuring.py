"""Measuring: from a run's materials to the values a check judges."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_qparity.case.schema import ParityLimits
from pytest_qparity.precision.table import FLOATS, PRECISIONS
from pytest_qparity.verdict import CannotJudge, Failure, Verdict, cannot_judge

if TYPE_CHECKING:
    from pytest_qparity.backends.kernels import Kernels, NotTold
    from pytest_qparity.case.sequence import Recordings
    from pytest_qparity.checks.linting.finding import Finding
    from pytest_qparity.checks.parity import ParityLimit
    from pytest_qparity.gate.run_material import RunMaterial
    from pytest_qparity.precision.examination import Examined
    from pytest_qparity.precision.weights.found import WeightsFound

FEEDS_COMPARED_WITH_FLOAT = 4
LINTED_BACKEND = "trt"  # ort-tensorrt's own graph optimizer mends what TensorRT's importer alone would refuse
MADE_ELSEWHERE = ("given", "mixed", "command")
# The defaults of numpy.isclose: what a mismatched element is where the case does not say.
NUMPY_ATOL = 1e-8
NUMPY_RTOL = 1e-5


def preflight(run: RunMaterial) -> Verdict:
    from pytest_qparity.checks.linting.finding import refused
    from pytest_qparity.checks.preflight import PreflightMeasurement, judge_preflight
    from pytest_qparity.checks.preflight_file import judge_refused
    from pytest_qparity.precision.examination import examined, saturation

    spec, path, is_plan = run.material.case.spec, run.variant.path, run.variant.is_plan
    stated = spec.precisions.get(run.precision)
    content = _examined_engine(run) if is_plan else examined(path, run.base, run.material.worker)
    findings = _linted(run)
    if refused(findings):
        return judge_refused(run.base, content, findings)
    facts = run.facts
    return judge_preflight(
        PreflightMeasurement(
            base=run.base,
            holds_precision=content.holds_precision,
            quantized_nodes=content.quantized_nodes,
            nodes=content.nodes,
            opset=content.opset,
            own_operators=content.own_operators,
            bad_scales=content.bad_scales,
            expected_placement=facts.expected_placement,
            placement=facts.placement,
            equal_to_float=_equal_to_float(run),
            kernels=_kernels(run, content.other_products),
            other_products=content.other_products,
            faster_with=_faster_with(run),
            emulation=run.executed.recipe["lowered"] if run.is_emulated else None,
            min_quantized=None if stated is None else stated.min_quantized,
            saturation=saturation(path, run.material.worker) if spec.cpu == "any" and not is_plan else None,
            doubts=run.calibration_doubts,
            overlap_allowed=spec.data.overlap == "allowed",
            remarks=tuple(run.variant.recipe.get("notes", ())),
            warned=findings,
            weights=_weights(run),
            weights_changed=stated is not None and stated.weights == "changed",
        )
    )


def _weights(run: RunMaterial) -> WeightsFound | None:
    """Of a file that was made elsewhere: what a recipe of ours does to weights is known. None of floats, and of a built
    engine, whose weights nobody sees."""
    from pytest_qparity.precision.weights.found import weights_found

    is_ours = run.variant.recipe.get("method") not in MADE_ELSEWHERE
    if is_ours or run.variant.is_plan or run.base in FLOATS:
        return None
    return weights_found(run.material.model.path, run.variant.path, run.material.worker)


def _examined_engine(run: RunMaterial) -> Examined:
    from pytest_qparity.checks.plan_proof import examined_engine

    return examined_engine(run.kernels, sum(run.facts.placement.values()), run.base)


def preflight_without_backend(run: RunMaterial, absent: Failure) -> Verdict:
    """What can be told of a run's file where its backend does not work, which is `absent`: the importer's rules need
    no engine. A file that cannot be had, or read, is a failure of its own: nobody has looked at it."""
    from pytest_qparity.checks.preflight_file import judge_absent, judge_unread
    from pytest_qparity.precision.examination import examined

    if run.backend_spec.name != LINTED_BACKEND:
        return cannot_judge(absent)
    try:
        if run.file.is_plan:
            return cannot_judge(absent)  # an engine is read by its own alone
        content = examined(run.file.path, run.base, run.material.worker)
        findings = _linted(run)
    except CannotJudge as reason:
        return judge_unread(absent, reason.failure)
    return judge_absent(absent, run.base, content, findings)


def _linted(run: RunMaterial) -> tuple[Finding, ...]:
    """What TensorRT's importer would say of the file, before minutes go into building an engine of it."""
    from pytest_qparity.gate.linting import lint_variant

    if run.backend_spec.name != LINTED_BACKEND or run.file.is_plan:
        return ()
    return lint_variant(run.executed_file.path, run.material.worker)


def parity(run: RunMaterial) -> Verdict:
    from pytest_qparity.backends.outputs import Misfit
    from pytest_qparity.checks.parity import judge_misfit, judge_parity

    seen = run.judged
    gathered, golden = seen.outputs, seen.golden
    if isinstance(gathered, Misfit):
        return judge_misfit(gathered.layouts, golden, parity_limit(run))
    verdict = judge_parity(gathered, golden, parity_limit(run))
    if run.material.case.spec.data.drawn:
        from pytest_qparity.case.drawing import DRAWN_NOTE

        evidence = {**verdict.evidence, "inputs": "drawn"}
        verdict = replace(verdict, evidence=evidence, notes=(*verdict.notes, DRAWN_NOTE))
    return verdict if run.material.recordings is None else _with_drift(verdict, run, run.material.recordings)


def _with_drift(verdict: Verdict, run: RunMaterial, recordings: Recordings) -> Verdict:
    from pytest_qparity.backends.outputs import Misfit
    from pytest_qparity.checks.drift import drift_of, with_drift

    golden, free, forced = run.material.golden.outputs, run.gathered, run.gathered_from_golden_states
    if isinstance(free, Misfit) or isinstance(forced, Misfit):
        return verdict
    drifts = drift_of(golden, free, forced, recordings.steps, parity_limit(run).sqnr_db)
    return with_drift(verdict, drifts, recordings.count)


def accuracy(run: RunMaterial) -> Verdict:
    from pytest_qparity.checks.accuracy import judge_accuracy
    from pytest_qparity.gate.accuracy import concluded, evidence_beside, scores_of

    seen = run.judged
    if seen.scores is None:
        found = scores_of(run, seen)
        measured = concluded(run, seen, found)
    else:  # of the look that ended it
        found, measured = seen.scores
    beside, notes = evidence_beside(run, seen, found, measured)
    return judge_accuracy(replace(measured, details=beside, notes=notes))


def _kernels(run: RunMaterial, others: tuple[str, ...]) -> Kernels | NotTold | None:
    """What became of the compute nodes; where they are emulated, what the variant's file says of them. `others`:
    products of the file that are quantized in another precision, which count for none of the run's."""
    from pytest_qparity.backends.kernels import NotTold, kernels_in_file, of_precision

    if run.base in FLOATS:
        return None
    if run.is_emulated:
        return kernels_in_file(run.variant.path, run.material.worker, others)
    kernels = run.kernels
    if not others or isinstance(kernels, NotTold):
        return kernels
    return of_precision(kernels, weights_only=run.base not in ("int8", "uint8"))


def _faster_with(run: RunMaterial) -> str:
    """What makes a file that the run's engine computes on integers, where this one is made for others; empty where
    nothing is known to (docs/precisions.md, Targets)."""
    from pytest_qparity.case.precision_spec import PrecisionSpec
    from pytest_qparity.precision.choosing import target_of
    from pytest_qparity.precision.table import method_of

    spec, family = run.material.case.spec.precisions.get(run.precision, PrecisionSpec()), run.backend_spec.placement
    if run.is_emulated or run.base != "int8" or family == "any":
        return ""
    if method_of(run.base, spec) == "given":
        return "the file is given: quantize it by this engine's rules, with Q/DQ nodes around all that it fuses"
    if method_of(run.base, spec) != "static" or target_of(spec, family) == family:
        return ""
    return 'target = "backend" in the precision\'s table makes the file that this engine is fastest with'


def _equal_to_float(run: RunMaterial) -> bool | None:
    """Whether all outputs over the first feeds are bit-equal to those of FP32 on the same backend; told in the worker,
    since nothing says how large they may be. None where no output is a float."""
    if run.base == "fp32":
        return None
    feeds = run.material.feeds
    for feed in itertools.islice(feeds, FEEDS_COMPARED_WITH_FLOAT):
        is_equal = run.session.is_equal(run.session_at("fp32"), feed.arrays)
        if not is_equal:
            return is_equal
    return True


def parity_limit(run: RunMaterial) -> ParityLimit:
    """The precision's table, with what the case states in its place.

    SQNR and cosine are one number in two scales: a case that states one is judged by that one alone, or lowering it
    would change nothing. A case that states atol or rtol without max_mismatched wants every element within them.
    """
    from pytest_qparity.checks.comparison import Closeness
    from pytest_qparity.checks.parity import ParityLimit
    from pytest_qparity.gate.accuracy import tolerance_of

    spec = run.material.case.spec
    stated = spec.parity.get(run.precision) or spec.parity.get(run.base) or ParityLimits()
    tolerance = tolerance_of(run)
    from_table = stated.sqnr_db is None and stated.cosine is None
    closeness = Closeness(atol=NUMPY_ATOL, rtol=NUMPY_RTOL)
    max_mismatched = stated.max_mismatched
    if stated.atol is not None or stated.rtol is not None:
        closeness = Closeness(atol=stated.atol or 0.0, rtol=stated.rtol or 0.0)
        max_mismatched = max_mismatched or 0.0
    return ParityLimit(
        sqnr_db=tolerance.sqnr_db if from_table else stated.sqnr_db,
        cosine=tolerance.cosine if from_table else stated.cosine,
        agreement=tolerance.top1_agreement,
        max_mismatched=max_mismatched,
        closeness=closeness,
        implausible_db=PRECISIONS[run.base].implausible_sqnr_db,
    )
