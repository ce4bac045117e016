"""A metric by its name in a case file, and the border to the function that computes it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pytest_qparity.verdict import CannotJudge, Code, Failure
from pytest_qparity.worker.message import said_by

if TYPE_CHECKING:
    import numpy as np

    from pytest_qparity.checks.scores import Scores

    Outputs = Mapping[str, np.ndarray]
    MetricFunction = Callable[..., "Scores | np.ndarray"]

__all__ = ["Metric"]


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric by its name in a case file; `target` is the "module:function" that computes it.

    The function takes the outputs by name (first axis: samples), the labels (or the golden's top-1 classes in their
    place, where `against_golden` is set), and as keywords the parameters that a case states. It gives `Scores`, or an
    array with one number for each sample, whose direction ("higher" or "lower" is better) and unit are then declared
    here. `takes`: the parameters that it knows. `of_classes`: the first output holds class scores and labels are class
    indices, so that collapsed classes and shifted labels can be looked for. `labels_are`: in which other ways labels
    may be off by one or by a factor: class indices of "tokens" or "pixels", class and corners of "boxes", "numbers" of
    the output's scale. `draws_labels`: samples of one label share its fate (they are scored by one another), so that
    what is drawn from a population are labels, each with all its samples.
    """

    name: str
    target: str
    against_golden: bool = False
    direction: Literal["higher", "lower"] | None = None
    percent: bool = True
    takes: tuple[str, ...] = ()
    of_classes: bool = False
    labels_are: Literal["tokens", "pixels", "boxes", "numbers"] | None = None
    draws_labels: bool = False
    load: Callable[[], MetricFunction] | None = None  # in the place of an import, for a file beside a case

    @property
    def is_own(self) -> bool:
        """Whether it is one of this package's, all of which look at the labels that they are given."""
        return self.load is None and self.target.startswith("pytest_qparity.checks.metrics.")

    def scores(
        self, outputs: Outputs, labels: np.ndarray | None, parameters: Mapping[str, Any] | None = None
    ) -> Scores:
        """What the function gives. Raises CannotJudge where it cannot be imported, is not there, fails, or leaves
        open which way is better."""
        try:
            given = self._function()(outputs, labels, **(parameters or {}))
        except CannotJudge:
            raise
        except (Exception, SystemExit) as error:  # foreign code may raise anything, and a traceback is no verdict
            sentence = f"Metric {self.name} ({self.target}) gave {said_by(error)}, should give a score for each sample."
            raise CannotJudge(Failure(Code.ACCURACY_OUTPUT, sentence, f"correct {self.target}")) from error
        return self._checked(given)

    def _function(self) -> MetricFunction:
        if self.load is not None:
            return self.load()
        module, _, name = self.target.partition(":")
        function: MetricFunction = getattr(importlib.import_module(module), name)
        return function

    def _checked(self, given: object) -> Scores:
        import numpy as np

        from pytest_qparity.checks.scores import Direction, Scores

        is_scores = isinstance(given, Scores)
        per_sample = given.per_sample if isinstance(given, Scores) else given
        if not isinstance(per_sample, np.ndarray) or per_sample.dtype.kind not in "fiub":
            kind = f"{type(per_sample).__name__} of {getattr(per_sample, 'dtype', 'no type')}"
            raise self._unfit(f"scores that are {kind}", "Scores, or an array of numbers")
        if per_sample.ndim != 1 or per_sample.size == 0:
            raise self._unfit(f"scores of shape {list(per_sample.shape)}", "one score for each sample")
        if is_scores and isinstance(given, Scores):
            return given
        if self.direction not in ("higher", "lower"):
            sentence = f"Metric {self.name} ({self.target}): got no direction, should say which way is better."
            remedy = (
                'state direction = "higher" or "lower": in metric = {name = "…", direction = "…"}, in the Metric of '
                "the hook, or by giving Scores"
            )
            raise CannotJudge(Failure(Code.ACCURACY_DIRECTION, sentence, remedy))
        return Scores(np.asarray(per_sample, np.float64), Direction(self.direction), self.percent)

    def _unfit(self, got: str, expected: str) -> CannotJudge:
        sentence = f"Metric {self.name} ({self.target}) gave {got}, should be {expected}."
        return CannotJudge(Failure(Code.ACCURACY_OUTPUT, sentence, f"correct {self.target}"))
