"""How ranges are found: the methods, their settings, and the estimator of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from pytest_qparity.quantmath import ranges as estimators

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["GIVEN", "METHODS", "Method", "MethodName"]

MethodName = Literal["minmax", "percentile", "entropy", "mse", "moving-average", "given"]
GIVEN: MethodName = "given"  # ranges that were found elsewhere: there is no estimator to repeat it with
METHODS: tuple[MethodName, ...] = get_args(MethodName)

_ESTIMATORS: dict[MethodName, tuple[Callable[..., estimators.RangeEstimator], frozenset[str]]] = {
    "minmax": (estimators.MinMax, frozenset()),
    "percentile": (estimators.Percentile, frozenset({"percentile", "bins"})),
    "entropy": (estimators.Entropy, frozenset({"levels", "bins"})),
    "mse": (estimators.MeanSquaredError, frozenset({"levels", "bins", "candidates"})),
    "moving-average": (estimators.MovingAverage, frozenset({"constant"})),
}


@dataclass(frozen=True, slots=True)
class Method:
    """A method by its name in case files, with settings where they are not `quantmath`'s defaults.

    `settings`: (name, number) pairs that the estimator's constructor takes, in any order: percentile in percent, bins,
    levels, candidates, constant. ValueError for a setting that the method does not have or its estimator refuses.
    """

    name: MethodName
    settings: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "settings", tuple(sorted(self.settings)))
        _, known = _ESTIMATORS.get(self.name, (None, frozenset()))
        unknown = sorted({name for name, _ in self.settings} - known)
        if self.name not in METHODS or unknown:
            wrong = f"{self.name} with {', '.join(unknown)}" if unknown else self.name
            should = f"one of {', '.join(METHODS)}" if not unknown else f"settings among {sorted(known)}"
            raise ValueError(f"got method {wrong}, should be {should}")
        if self.name != GIVEN:
            self.estimator()

    def estimator(self) -> estimators.RangeEstimator:
        """A new estimator for one tensor. ValueError for `given`, which has none."""
        if self.name == GIVEN:
            raise ValueError("got method given, should be one that finds ranges")
        make, _ = _ESTIMATORS[self.name]
        return make(**dict(self.settings))

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, **dict(self.settings)}
