"""The metric of a case: one that is known with what the case states, or a function of its own."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_qparity.case.metric_spec import MetricSpec
from pytest_qparity.checks.metrics import BUILTIN_METRICS
from pytest_qparity.checks.scores import Direction
from pytest_qparity.gate.metrics import chosen_metric
from pytest_qparity.verdict import CannotJudge, Code

KNOWN = {metric.name: metric for metric in BUILTIN_METRICS}
OUTPUTS = {"y": np.array([[1.0], [3.0]])}


def test_a_known_metric_gets_the_parameters_of_the_case(tmp_path):
    metric, parameters = chosen_metric(MetricSpec(name="top_k", k=3), KNOWN, tmp_path)

    assert (metric, parameters) == (KNOWN["top_k"], {"k": 3})
    assert chosen_metric("top1", KNOWN, tmp_path) == (KNOWN["top1"], {})


def test_a_function_beside_the_case_is_a_metric_with_the_direction_that_the_case_declares(tmp_path):
    (tmp_path / "errors.py").write_text("def far(outputs, labels):\n    return abs(outputs['y'][:, 0] - labels)\n")
    spec = MetricSpec(name="errors:far", direction="lower", percent=False)

    metric, parameters = chosen_metric(spec, KNOWN, tmp_path)
    scores = metric.scores(OUTPUTS, np.array([1, 1]), parameters)

    assert (scores.per_sample.tolist(), scores.direction, scores.percent) == ([0.0, 2.0], Direction.LOWER, False)


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("def far(outputs, labels):\n    return outputs['y'][:, 0]\n", Code.ACCURACY_DIRECTION),
        ("raise ValueError('broken')\ndef far(outputs, labels): ...\n", Code.ACCURACY_OUTPUT),
    ],
    ids=["no direction", "a broken module"],
)
def test_a_function_that_says_no_direction_or_cannot_be_imported_is_no_metric(tmp_path, source, code):
    (tmp_path / "errors.py").write_text(source)
    metric, parameters = chosen_metric("errors:far", KNOWN, tmp_path)

    with pytest.raises(CannotJudge) as caught:
        metric.scores(OUTPUTS, None, parameters)

    assert caught.value.failure.code is code
