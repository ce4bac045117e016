"""Accuracy metrics: one score for each sample, of the float model and of the variant, higher is better."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_qparity.verdict import CannotJudge, Code, Failure
from pytest_qparity.worker.message import said_by

if TYPE_CHECKING:
    import numpy as np

    Outputs = Mapping[str, np.ndarray]
    MetricFunction = Callable[[Outputs, np.ndarray | None], np.ndarray]

ADD_LABELS = "add an array `labels` to the test data: the class index of each sample"


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric by its name in a case file; `target` is the "module:function" that computes its scores.

    The function takes the outputs by name (first axis: samples) and the labels, or the golden's top-1 classes in the
    place of labels where `against_golden` is set, and returns float64 scores (samples,) between 0 and 1, higher is
    better.
    """

    name: str
    target: str
    against_golden: bool = False

    def scores(self, outputs: Outputs, labels: np.ndarray | None) -> np.ndarray:
        """What the function gives. Raises CannotJudge where it cannot be imported, is not there, or fails."""
        try:
            return self._function()(outputs, labels)
        except CannotJudge:
            raise
        except (Exception, SystemExit) as error:  # foreign code may raise anything, and a traceback is no verdict
            sentence = f"Metric {self.name} ({self.target}) gave {said_by(error)}, should give a score for each sample."
            raise CannotJudge(Failure(Code.ACCURACY_OUTPUT, sentence, f"correct {self.target}")) from error

    def _function(self) -> MetricFunction:
        module, _, name = self.target.partition(":")
        function: MetricFunction = getattr(importlib.import_module(module), name)
        return function


BUILTIN_METRICS = (
    Metric("top1", "pytest_qparity.checks.metrics:top1"),
    Metric("agreement", "pytest_qparity.checks.metrics:agreement", against_golden=True),
)


def top1(outputs: Outputs, labels: np.ndarray | None) -> np.ndarray:
    """1 where the class with the highest score is the sample's label, else 0.

    outputs: the first one holds class scores (samples, classes); labels: integers (samples,).
    """
    import numpy as np

    if labels is None:
        raise _wrong_labels("no array 'labels' in the test data", "one label for each sample", ADD_LABELS)
    predicted, classes = _predicted_classes(outputs)
    if labels.shape != predicted.shape or not np.issubdtype(labels.dtype, np.integer):
        expected = f"integers [{len(predicted)}]"
        raise _wrong_labels(f"labels {labels.dtype}{list(labels.shape)}", expected, "write one class index a sample")
    if labels.min() < 0 or labels.max() >= classes:
        raise _unfit(f"labels from {labels.min()} to {labels.max()}", f"classes from 0 to {classes - 1}")
    return np.asarray(predicted == labels, dtype=np.float64)


def agreement(outputs: Outputs, golden_classes: np.ndarray | None) -> np.ndarray:
    """1 where the variant's class with the highest score is the golden's (its top-1 classes), else 0."""
    import numpy as np

    if golden_classes is None:
        raise _unfit("no golden classes", "those of the golden")
    predicted, _ = _predicted_classes(outputs)
    if predicted.shape != golden_classes.shape:
        raise _unfit(f"{len(predicted)} samples", f"{len(golden_classes)} as in the golden")
    return np.asarray(predicted == golden_classes, dtype=np.float64)


def golden_classes(outputs: Outputs) -> np.ndarray:
    return _predicted_classes(outputs)[0]


def _predicted_classes(outputs: Outputs) -> tuple[np.ndarray, int]:
    """The index of the highest score of each sample, int64 (samples,), and the number of classes."""
    import numpy as np

    if not outputs:
        raise _unfit("no output", "class scores in the first output")
    name, scores = next(iter(outputs.items()))
    if scores.ndim < 2 or scores.shape[-1] < 2 or scores.size != scores.shape[0] * scores.shape[-1]:
        raise _unfit(f"output {name!r} {list(scores.shape)}", "class scores [samples, classes]")
    if scores.size == 0:
        raise _unfit(f"output {name!r} without samples", "at least one sample")
    flat = _as_numbers(name, scores).reshape(scores.shape[0], scores.shape[-1])
    if not np.isfinite(flat).all():
        raise _unfit(f"output {name!r} with NaN or Inf", "finite class scores")
    return flat.argmax(axis=1), flat.shape[1]


def _as_numbers(name: str, scores: np.ndarray) -> np.ndarray:
    """The scores; as float32 where they are of a type that ml_dtypes adds, such as bfloat16: it holds their values."""
    import numpy as np

    if scores.dtype.kind in "fiu":
        return scores
    if scores.dtype.kind != "V" or not np.can_cast(scores.dtype, np.float32, "safe"):  # V: not a type of NumPy's own
        raise _unfit(f"output {name!r} of type {scores.dtype}", "numbers")
    return scores.astype(np.float32)


def _wrong_labels(got: str, expected: str, remedy: str) -> CannotJudge:
    return CannotJudge(Failure(Code.DATA_LABELS, f"The metric got {got}, should be {expected}.", remedy))


def _unfit(got: str, expected: str) -> CannotJudge:
    return CannotJudge(
        Failure(
            Code.ACCURACY_OUTPUT,
            f"The metric got {got}, should be {expected}.",
            "choose the metric that fits the model's first output and the data's labels in [accuracy]",
        )
    )
