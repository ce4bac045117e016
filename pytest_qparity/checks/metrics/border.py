"""What a metric asks of outputs and labels, and how it says that they do not fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pytest_qparity.verdict import CannotJudge, Code, Failure

__all__ = ["Array", "Outputs", "as_numbers", "labels_given", "named", "no_package", "unfit", "wrong_labels"]

Array = np.ndarray[Any, Any]
Outputs = Mapping[str, Array]

ADD_LABELS = "add an array `labels` to the test data: the class index of each sample"


def named(outputs: Outputs, name: str | None, what: str) -> tuple[str, Array]:
    """The output called `name`, or the first one. Raises CannotJudge where it is not there."""
    if not outputs:
        raise unfit("no output", f"{what} in the first output")
    if name is None:
        return next(iter(outputs.items()))
    if name not in outputs:
        raise unfit(f'no output "{name}"', f"one of the model's: {', '.join(outputs)}")
    return name, outputs[name]


def as_numbers(name: str, values: Array) -> Array:
    """The values; as float32 where they are of a type that ml_dtypes adds, such as bfloat16: it holds their values."""
    if values.dtype.kind in "fiu":
        return values
    if values.dtype.kind != "V" or not np.can_cast(values.dtype, np.float32, "safe"):  # V: not a type of NumPy's own
        raise unfit(f"output {name!r} of type {values.dtype}", "numbers")
    return values.astype(np.float32)


def finite_numbers(name: str, values: Array, what: str) -> Array:
    """The values as numbers. Raises CannotJudge at NaN or Inf; their sum tells where there is none, in a tenth of the
    time of a look at each."""
    numbers = as_numbers(name, values)
    with np.errstate(over="ignore", invalid="ignore"):
        total = numbers.sum(dtype=np.float64 if numbers.dtype == np.float16 else None)
    if not np.isfinite(total) and not np.isfinite(numbers).all():
        raise unfit(f"output {name!r} with NaN or Inf", f"finite {what}")
    return numbers


def labels_given(labels: Array | None, what: str = "one label for each sample", remedy: str = ADD_LABELS) -> Array:
    if labels is None:
        raise wrong_labels("no array 'labels' in the test data", what, remedy)
    return labels


def wrong_labels(got: str, expected: str, remedy: str) -> CannotJudge:
    return CannotJudge(Failure(Code.DATA_LABELS, f"The metric got {got}, should be {expected}.", remedy))


def unfit(got: str, expected: str, remedy: str = "") -> CannotJudge:
    fitting = "choose the metric that fits the model's first output and the data's labels in [accuracy]"
    return CannotJudge(Failure(Code.ACCURACY_OUTPUT, f"The metric got {got}, should be {expected}.", remedy or fitting))


def no_package(package: str, metric: str) -> CannotJudge:
    """What a metric says whose library is not installed."""
    sentence = f"Metric {metric}: got no {package}, should be installed."
    return CannotJudge(Failure(Code.ACCURACY_OUTPUT, sentence, 'pip install "pytest-qparity[metrics]"'))
