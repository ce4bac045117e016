"""Accuracy of a run: scores of both models, the margin that holds, and what stands beside the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pytest_qparity.backends.outputs import Misfit
from pytest_qparity.case.metric_spec import metric_name
from pytest_qparity.checks.statistics.classes import FAMILY_LEVEL, ClassDrop
from pytest_qparity.checks.statistics.noninferiority import LEVEL, Margin
from pytest_qparity.precision.table import PRECISIONS, Points, Share
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from pytest_qparity.case.schema import AccuracySpec, CaseSpec
    from pytest_qparity.checks.accuracy import AccuracyMeasurement
    from pytest_qparity.checks.scores import FloatArray, Scores
    from pytest_qparity.checks.statistics.copies import IndexArray
    from pytest_qparity.gate.judged import Judged
    from pytest_qparity.gate.run_material import RunMaterial
    from pytest_qparity.precision.table import Tolerance

    FoundScores = tuple[Scores, Scores, Points | Share]

MOST_CLASSES = 10  # that are told; those that lost most


def concluded(run: RunMaterial, seen: Judged, found: FoundScores) -> AccuracyMeasurement:
    """What scores `found` of the samples that were seen come to. Raises CannotJudge where they are not one a sample."""
    from pytest_qparity.checks.accuracy import measure_accuracy

    spec = run.material.case.spec.accuracy
    if spec is None or spec.metric is None:
        raise ValueError("got an accuracy check of a case without a metric, should not have been planned")
    name = metric_name(spec.metric)
    reference, variant, of_table = found
    margin = margin_of(spec, of_table, reference.percent)
    grouping = None if seen.level is None else run.material.grouped_samples
    alike = None if seen.level is None or grouping is not None else _alike(run, seen)
    measured = measure_accuracy(name, reference, variant, margin, seen.level, alike, grouping)
    samples = measured.conclusion.samples
    if samples != seen.samples:
        raise CannotJudge(
            Failure(
                Code.ACCURACY_OUTPUT,
                f"Metric {name} gave {samples} scores, should give {seen.samples}, one a sample.",
                "correct the metric",
            )
        )
    return measured


def scores_of(run: RunMaterial, seen: Judged) -> FoundScores:
    """The float model's scores, the variant's, and the margin of the precision's table. Raises CannotJudge where the
    metric gives none, or the outputs are a misfit, which parity tells."""
    from pytest_qparity.checks.metrics.classes import golden_classes
    from pytest_qparity.checks.metrics.guards import scored
    from pytest_qparity.gate.metrics import chosen_metric

    spec = run.material.case.spec.accuracy
    assert spec is not None
    assert spec.metric is not None
    case, tolerance = run.material.case, tolerance_of(run)
    metric, parameters = chosen_metric(spec.metric, run.material.settings.metrics, case.folder)
    if metric.against_golden:
        expected: np.ndarray | None = golden_classes(seen.golden, parameters.get("output"))
        of_table: Points | Share = Points(100.0 * (1.0 - tolerance.top1_agreement))
    else:
        expected, of_table = seen.labels, tolerance.margin
    reference, variant = scored(metric, parameters, seen.golden, outputs_of(seen), expected)
    return reference, variant, of_table


def outputs_of(seen: Judged) -> Mapping[str, np.ndarray]:
    if isinstance(seen.outputs, Misfit):
        raise misfit()
    return seen.outputs


def misfit() -> CannotJudge:
    """Of outputs that cannot be scored, since they are not those of the float model."""
    return CannotJudge(
        Failure(
            Code.ACCURACY_OUTPUT,
            "The variant's outputs are not laid out as the golden's, should have its names, types and shapes.",
            "see what parity says of them",
        )
    )


def tolerance_of(run: RunMaterial) -> Tolerance:
    precision = PRECISIONS[run.base]
    is_transformer = run.material.case.spec.task == "text-classification"
    return precision.transformer_tolerance or precision.tolerance if is_transformer else precision.tolerance


def evidence_beside(
    run: RunMaterial, seen: Judged, found_scores: FoundScores, measured: AccuracyMeasurement
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What stands beside the verdict: looks, classes and samples that lost, calibration errors; and notes of it."""
    reference, variant, _ = found_scores
    ids = run.material.samples.ids
    if seen.indices is not None:
        ids = [ids[index] for index in seen.indices]
    in_groups = run.material.comes_in_groups
    found, notes = details(reference, variant, seen.labels, ids, by_chance=not in_groups)
    if _has_class_scores(run):
        found |= calibration_errors(seen.golden, outputs_of(seen), seen.labels)
    # Of a population of groups bits of samples would be paired as if each sample had been drawn by itself.
    bits = None if in_groups and seen.level is not None else _score_bits(variant, seen)
    if bits is not None:
        found["score_bits"] = bits
    looks = seen.as_json()
    if looks:
        found |= looks | {"level": LEVEL, "level_of_look": measured.conclusion.level}
    if seen.passed_over is not None:
        notes += (f"the case's looks were not taken, all {seen.samples:,} samples were run: {seen.passed_over}",)
    return found, notes + gained(measured) + without_a_bar(measured, reference.chance) + _copies(measured)


def _score_bits(scores: Scores, seen: Judged) -> str | None:
    """A bit a sample, in the order of the data, for later runs to be paired with; None where scores are no bits, are
    not what the metric is the mean of, or not of all samples."""
    import numpy as np

    from pytest_qparity.baseline.scores import packed_scores

    if scores.whole is not None or not scores.percent or seen.look < len(seen.looks):
        return None
    in_order = scores.per_sample
    if seen.indices is not None:
        in_order = np.empty_like(scores.per_sample)
        in_order[seen.indices] = scores.per_sample
    return packed_scores(np.asarray(in_order, np.float64))


def without_a_bar(measured: AccuracyMeasurement, chance: float | None) -> tuple[str, ...]:
    """A note of a margin that a variant at chance does not go beyond, so that none fails. chance: the value with labels
    dealt to other samples, None where it is not known."""
    if chance is None:
        return ()
    scale, unit, points = (100.0, " %", " points") if measured.percent else (1.0, "", "")
    lead = abs(measured.float_value - scale * chance)
    if measured.conclusion.margin < lead:
        return ()
    note = (
        f"the margin of {measured.conclusion.margin:.4g}{points} is as wide as the float model's lead over chance "
        f"({measured.float_value:.4g}{unit} to {scale * chance:.4g}{unit}): a variant that guesses would pass"
    )
    return (note,)


def _alike(run: RunMaterial, seen: Judged) -> IndexArray | None:
    """Copies among the samples that were seen, by where they stand there."""
    from pytest_qparity.checks.statistics.copies import first_alike

    alike = run.material.alike_samples
    if alike is None or seen.indices is None:
        return alike
    return first_alike(alike[seen.indices].tolist())


def _copies(measured: AccuracyMeasurement) -> tuple[str, ...]:
    """A note of a population most of whose samples are copies of one another."""
    found = measured.conclusion
    distinct, drawn = found.distinct, found.samples if found.drawn is None else found.drawn
    if distinct is None or 2 * distinct >= drawn:
        return ()
    note = (
        f"{distinct:,} of {drawn:,} test {found.unit} are distinct: copies tell nothing more of a population, so the "
        f"interval reaches as far as that of the {distinct:,}"
    )
    return (note,)


def gained(measured: AccuracyMeasurement) -> tuple[str, ...]:
    """A note of a gain beyond 10 points, or 10 % of the float model's value in a metric's own unit: quantization does
    not make models that much better, a direction that is the wrong way round does."""
    gain = -measured.conclusion.drop
    if not gain > (10.0 if measured.percent else 0.1 * abs(measured.float_value)):
        return ()
    unit = " points" if measured.percent else ""
    note = (
        f"the variant is better than the float model by {gain:.4g}{unit}: see that {measured.direction.value} values "
        f"of {measured.metric} are better, and that the float model is run as it should be"
    )
    return (note,)


def margin_of(spec: AccuracySpec, of_table: Points | Share, percent: bool) -> Margin:
    """The margin that the case states, else that of the precision's table, which is made for metrics in percent.

    Raises CannotJudge where neither says how much of a metric's own unit may be lost.
    """
    if spec.margin is not None:
        return Margin(absolute=spec.margin)
    if spec.relative_margin is not None:
        return Margin(relative=spec.relative_margin)
    if isinstance(of_table, Share):
        return Margin(relative=of_table.percent)
    if percent:
        return Margin(absolute=of_table.value)
    sentence = "Got no margin for a metric that is not in percent, should be margin or relative_margin in [accuracy]."
    raise CannotJudge(Failure(Code.ACCURACY_MARGIN, sentence, "state what may be lost, such as relative_margin = 1.0"))


def level_of(spec: CaseSpec) -> float | None:
    """Of each one-sided test; None where the samples are a census."""
    return LEVEL if spec.data.population else None


def details(
    reference: Scores,
    variant: Scores,
    labels: np.ndarray | None,
    ids: Sequence[str] | None,
    *,
    by_chance: bool = True,
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Which classes and samples lost, as evidence, and in a note which classes lost more than chance takes; not
    `by_chance` where samples come in groups, of which sign tests know nothing."""
    from pytest_qparity.checks.scores import Direction
    from pytest_qparity.checks.statistics.classes import class_drops, worst_samples

    sign = 1.0 if reference.direction is Direction.HIGHER else -1.0
    losses: FloatArray = sign * (reference.per_sample - variant.per_sample)
    found: dict[str, Any] = {"worst_samples": [[name, loss] for name, loss in worst_samples(losses, ids)]}
    if labels is None or labels.shape != losses.shape or labels.dtype.kind not in "iu":
        return found, ()
    drops = class_drops(losses, labels)
    if len(drops) < 2:
        return found, ()
    found["class_drops"] = [_as_json(drop) for drop in drops[:MOST_CLASSES] if drop.harmful or drop.helpful]
    lost = [drop for drop in drops if drop.lost]
    if not by_chance:
        for told in found["class_drops"]:
            del told["p"]
    if not lost or not by_chance:
        return found, ()
    told = (f"{each.label} ({each.harmful} lost, {each.helpful} gained of {each.samples})" for each in lost[:3])
    shown = ", ".join(told)
    more = f" and {len(lost) - 3} more" if lost[3:] else ""
    return found, (f"classes that lose more than chance takes, at {100 * FAMILY_LEVEL:g} % over all: {shown}{more}",)


def _has_class_scores(run: RunMaterial) -> bool:
    """Whether class indices as labels may be held against the first output: not of embeddings, spans or pixels."""
    from pytest_qparity.gate.metrics import chosen_metric

    spec = run.material.case.spec.accuracy
    assert spec is not None
    assert spec.metric is not None
    metric, _ = chosen_metric(spec.metric, run.material.settings.metrics, run.material.case.folder)
    return metric.of_classes or not metric.is_own or metric.name == "roc_auc"


def calibration_errors(
    golden: Mapping[str, np.ndarray], outputs: Mapping[str, np.ndarray], labels: np.ndarray | None
) -> dict[str, Any]:
    """ECE in percent of the float model and of the variant, where the first output holds class scores and labels are
    class indices; else nothing."""
    import numpy as np

    from pytest_qparity.checks.statistics.confidence import calibration_error, confidences

    found = {}
    for whose, arrays in (("float", golden), ("variant", outputs)):
        scores = next(iter(arrays.values()))
        if labels is None or labels.ndim != 1 or labels.dtype.kind not in "iu":
            return {}
        if scores.dtype.kind != "f" or scores.ndim < 2 or scores.shape[-1] < 2:
            return {}
        if scores.size != len(labels) * scores.shape[-1] or not np.isfinite(scores).all():
            return {}
        flat = scores.reshape(len(labels), -1)
        correct = (flat.argmax(axis=1) == labels).astype(np.float64)
        found[f"{whose}_calibration_error_percent"] = 100.0 * calibration_error(confidences(flat), correct)
    return found


def _as_json(drop: ClassDrop) -> dict[str, Any]:
    return {
        "label": drop.label,
        "samples": drop.samples,
        "lost": drop.harmful,
        "gained": drop.helpful,
        "drop": drop.drop,
        "p": drop.p,
    }
