"""The metric that a case asks for: known, with parameters that it takes, or a function of the case's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_qparity.case.functions import is_function, load_function
from pytest_qparity.case.loading import Case, CaseProblem
from pytest_qparity.case.metric_spec import MetricSpec, metric_name, metric_parameters
from pytest_qparity.case.names import known_list, nearest
from pytest_qparity.verdict import Code

if TYPE_CHECKING:
    from pytest_qparity.checks.metrics import Metric

__all__ = ["chosen_metric", "metric_problems"]


def chosen_metric(stated: str | MetricSpec, known: Mapping[str, Metric], folder: Path) -> tuple[Metric, dict[str, Any]]:
    """The metric, as the case declares it, and the parameters that the case states. `folder`: that of the case."""
    from pytest_qparity.checks.metrics import Metric

    name, parameters = metric_name(stated), metric_parameters(stated)
    if not is_function(name):
        return known[name], parameters
    metric = Metric(name, name, load=lambda: load_function(name, folder))
    if isinstance(stated, MetricSpec):
        percent = metric.percent if stated.percent is None else stated.percent
        metric = replace(metric, direction=stated.direction, percent=percent)
    return metric, parameters


def metric_problems(case: Case, known: Mapping[str, Metric]) -> Iterator[CaseProblem]:
    """A metric that nobody knows, and keys that the metric does not take: they would have no effect."""
    stated = case.spec.accuracy.metric if case.spec.accuracy is not None else None
    if stated is None:
        return
    name = metric_name(stated)
    if is_function(name):
        return  # looked for when the case was read; it takes what it takes
    where = ("accuracy", "metric") if isinstance(stated, str) else ("accuracy", "metric", "name")
    if name not in known:
        sentence = f'Got metric "{name}", should be one of: {known_list(known)}.'
        near = nearest(name, known)
        remedy = f'write "{near}"' if near is not None else "name a metric that is there"
        yield CaseProblem(Code.CASE_DEAD_PATTERN, case.line_of(*where), sentence, remedy)
        return
    if isinstance(stated, str):
        return
    takes = known[name].takes
    for key in sorted(set(metric_parameters(stated)) - set(takes) | _declared(stated)):
        others = sorted(each for each, metric in known.items() if key in metric.takes)
        sentence = f'Got {key} for metric "{name}", should be {f"one of: {known_list(takes)}" if takes else "none"}.'
        remedy = f"remove {key}" + (f"; {known_list(others)} would take it" if others else "")
        yield CaseProblem(Code.CASE_VALUE, case.line_of("accuracy", "metric", key), sentence, remedy)


def _declared(stated: MetricSpec) -> set[str]:
    """A metric that is known declares these itself."""
    return {key for key in ("direction", "percent") if getattr(stated, key) is not None}
