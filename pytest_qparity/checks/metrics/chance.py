"""Whether a float model is better than chance: its value beside those with the labels dealt to other samples."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_qparity.checks.scores import Direction
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from pytest_qparity.checks.metrics.border import Array, Outputs
    from pytest_qparity.checks.metrics.metric import Metric
    from pytest_qparity.checks.scores import Scores

__all__ = ["Trial", "require_better_than_chance", "told", "trials"]

SEED = 20261126
FIRST_LOOK, FIRST_DEALINGS, CLEAR_SIGMAS = 64, 8, 6.0  # enough of a good model, whatever its metric costs
MOST_ROWS, DEALINGS, SIGMAS = 2000, 19, 3.0  # 3 sigmas, of which 19 dealings know 16 %: 0.4 % of models at chance pass
FEWEST_ROWS = 30  # with fewer a sound model may be within 3 sigmas of chance


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """A metric of the float model over some samples, and with their labels dealt to each other.

    `rows`: which samples, int64; None: all, as they are. `mean`, `spread`: of the values with dealt labels; `ruined`:
    what a sample's own score loses by them on average.
    """

    rows: Array | None
    samples: int
    given: Scores
    mean: float
    spread: float
    ruined: float

    @property
    def lead(self) -> float:
        """By how much the labels as given are better."""
        return _sign(self.given) * (self.given.value() - self.mean)

    @property
    def is_clear(self) -> bool:
        return self.spread > 0 and self.lead >= CLEAR_SIGMAS * self.spread


def trials(metric: Metric, parameters: Mapping[str, Any], outputs: Outputs, labels: Array) -> Iterator[Trial]:
    """Of 64 samples and 8 dealings; and, where these are not clear, of 2,000 at most and 19 dealings.

    Both are drawn from a fixed seed. None where the metric does not do with some of the samples, or with other labels.
    """
    samples = len(labels)
    generator = np.random.default_rng(SEED)
    has_rows = all(values.shape[:1] == (samples,) for values in outputs.values())
    looks = ((FIRST_LOOK, FIRST_DEALINGS), (MOST_ROWS, DEALINGS))
    for most, dealings in looks:
        whole = samples <= most or not has_rows
        if whole and most == FIRST_LOOK and not has_rows:
            continue
        rows = None if whole else np.sort(generator.choice(samples, most, replace=False))
        found = _tried(metric, parameters, outputs, labels, rows, dealings, generator)
        if found is None:
            continue
        yield found
        if found.is_clear:
            return


def require_better_than_chance(metric: Metric, trial: Trial, labels: Array) -> None:
    """The float model's value is 3 standard deviations above what dealt labels give; of fewer than 30 samples: above.

    Labels that are all one say nothing when they are dealt. Nor does a metric from outside that gives the same value
    then: it may not look at them. Raises CannotJudge.
    """
    if not math.isfinite(trial.mean) or not math.isfinite(trial.given.value()):
        return
    if trial.spread == 0 and (trial.lead > 0 or not metric.is_own or bool((labels == labels[:1]).all())):
        return
    needed = SIGMAS * trial.spread if trial.samples >= FEWEST_ROWS else 0.0
    if trial.lead > 0 and trial.lead >= needed:
        return
    scores, samples = trial.given, f"{trial.samples:,} samples"
    side = "above" if _sign(scores) > 0 else "below"
    should = told(scores, trial.mean + _sign(scores) * needed)
    raise CannotJudge(
        Failure(
            Code.ACCURACY_BASELINE,
            f"Metric {metric.name} of the float model: got {told(scores, scores.value())} on {samples}, "
            f"should be {side} {should}: labels that are dealt to other samples give {told(scores, trial.mean)}, "
            f"with a standard deviation of {told(scores, trial.spread)}.",
            "see that labels, their order, metric and preprocessing are those of the model; a model that is so weak "
            "takes more samples to be told from chance",
            likely="the labels are not those of these samples",
        )
    )


def told(scores: Scores, value: float) -> str:
    return f"{100 * value:.4g} %" if scores.percent else f"{value:.4g}"


def rows_of(outputs: Outputs, rows: Array | None) -> Outputs:
    return outputs if rows is None else {name: values[rows] for name, values in outputs.items()}


def _tried(
    metric: Metric,
    parameters: Mapping[str, Any],
    outputs: Outputs,
    labels: Array,
    rows: Array | None,
    dealings: int,
    generator: np.random.Generator,
) -> Trial | None:
    chosen, own = rows_of(outputs, rows), labels if rows is None else labels[rows]
    try:
        given = metric.scores(chosen, own, parameters)
        dealt = [metric.scores(chosen, own[generator.permutation(len(own))], parameters) for _ in range(dealings)]
    except CannotJudge:
        return None
    values = np.array([each.value() for each in dealt])
    spread = float(values.std(ddof=1)) if np.isfinite(values).all() else math.nan
    if spread <= 1e-12 * float(np.abs(values).max()):  # the order of a sum
        spread = 0.0
    means = [float(each.per_sample.mean()) for each in dealt]
    ruined = _sign(given) * (float(given.per_sample.mean()) - float(np.mean(means)))
    mean = given.value() if spread == 0 and math.isclose(values.mean(), given.value(), rel_tol=1e-12) else values.mean()
    return Trial(rows, len(own), given, float(mean), spread, ruined)


def _sign(scores: Scores) -> float:
    return 1.0 if scores.direction is Direction.HIGHER else -1.0
