"""Ranges of a model's tensors, with what they rest on."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from pytest_qparity.case.names import nearest
from pytest_qparity.digest import arrays_digest
from pytest_qparity.quantmath import Range
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from pytest_qparity.precision.calibration.method import Method
    from pytest_qparity.quantmath.ranges import Histogram, RangeEstimator

__all__ = [
    "Ranges",
    "TensorRange",
    "histogram_digest",
    "largest_magnitude",
    "no_such_tensor",
    "stale",
    "symmetric",
    "unstated",
]

DIGEST_SHOWN = 16  # hex digits of a histogram's SHA-256: tells two apart, and leaves a line readable


@dataclass(frozen=True, slots=True)
class TensorRange:
    """The range of a tensor, or one for each of its channels along `axis`.

    `histogram`: the first hex digits of the digest of the histogram it was found in. Without `axis` there is exactly
    one range (otherwise ValueError).
    """

    channels: tuple[Range, ...]
    axis: int | None = None
    histogram: str | None = None

    def __post_init__(self) -> None:
        if not self.channels or (self.axis is None and len(self.channels) != 1):
            raise ValueError(f"got {len(self.channels)} ranges and axis {self.axis}, should be one, or an axis")

    @classmethod
    def of_tensor(cls, found: Range, histogram: str | None = None) -> TensorRange:
        return cls((found,), None, histogram)

    @property
    def low(self) -> float | tuple[float, ...]:
        return self.channels[0].low if self.axis is None else tuple(each.low for each in self.channels)

    @property
    def high(self) -> float | tuple[float, ...]:
        return self.channels[0].high if self.axis is None else tuple(each.high for each in self.channels)

    @property
    def whole(self) -> Range:
        """One range that holds all channels."""
        return Range(min(each.low for each in self.channels), max(each.high for each in self.channels))


@dataclass(frozen=True, slots=True)
class Ranges:
    """Ranges by tensor name, in the order they were asked for.

    `made_by`: the tool and its version, or the format they were read from. `samples`, `model` and `data` (SHA-256 of
    the float model and of the calibration data as they are fed) are None where nobody said. `notes`: what a reader of
    the verdict must know of an import.
    """

    tensors: Mapping[str, TensorRange]
    method: Method
    made_by: str
    samples: int | None = None
    model: str | None = None
    data: str | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "tensors", MappingProxyType(dict(self.tensors)))

    def of(self, names: Collection[str], optional: Collection[str] = ()) -> dict[str, Range]:
        """One range for each of `names`, in their order, but for those that are `optional` and have none.

        Raises CannotJudge where another is missing, with the nearest name that is not.
        """
        names = [name for name in names if name in self.tensors or name not in optional]
        if names and self.tensors.keys().isdisjoint(names):
            raise no_such_tensor(
                f"Ranges: got none of the {len(names):,} tensors to quantize ({_first(names)}) among the "
                f"{len(self.tensors):,} of {self.made_by} ({_first(self.tensors)}), should be ranges of this model.",
                "name the ONNX file that the ranges were found with: another export has other names",
            )
        for name in names:
            if name not in self.tensors:
                raise no_such_tensor(
                    f'"{name}": got no range in {len(self.tensors):,} of {self.made_by}, should be one.',
                    self._remedy(name),
                )
        return {name: self.tensors[name].whole for name in names}

    def unused(self, names: Collection[str]) -> tuple[str, ...]:
        """Tensors that have a range here and are none of `names`: fused away, renamed, or of another model."""
        return tuple(name for name in self.tensors if name not in set(names))

    def _remedy(self, name: str) -> str:
        near = nearest(name, self.tensors)
        renamed = f'rename "{near}" where it is the same tensor, ' if near else ""
        return f"{renamed}calibrate again with this model, or keep the nodes that take it float"


def _first(names: Collection[str]) -> str:
    shown = f'"{next(iter(names), "")}"'
    return f"{shown}, …" if len(names) > 1 else shown


def no_such_tensor(sentence: str, remedy: str) -> CannotJudge:
    """The failure of a tensor that cannot be calibrated, or has no range: the only place it is made."""
    return CannotJudge(Failure(Code.CALIBRATION_TENSOR, sentence, remedy))


def largest_magnitude(found: Range) -> float:
    return max(found.high, -found.low)


def symmetric(largest: float) -> Range:
    """[−largest, largest]. ValueError where it is negative or not finite."""
    return Range(-largest + 0.0, largest)


def histogram_digest(estimator: RangeEstimator) -> str | None:
    """The digest of the histogram that an estimator found its range in; None where it has none."""
    taken: Histogram | None = getattr(estimator, "histogram", None)
    if taken is None:
        return None
    ends = np.array([taken.width, taken.smallest, taken.largest])
    counts = {"negative": taken.negative, "positive": taken.positive, "width and extremes": ends}
    return arrays_digest(counts)[:DIGEST_SHOWN]


def stale(ranges: Ranges, model_digest: str, data_digest: str | None) -> tuple[str, ...]:
    """Why ranges do not belong to a model and its calibration data, as sentences; empty where nothing says so.

    What the ranges do not state is no reason: `unstated` names it. `data_digest`: None where there are no data.
    """
    reasons = []
    if ranges.model is not None and ranges.model != model_digest:
        reasons.append(f"they are of model {ranges.model[:12]}, the float model is {model_digest[:12]}")
    if None not in (ranges.data, data_digest) and ranges.data != data_digest:
        reasons.append(f"they are of calibration data {str(ranges.data)[:12]}, those here are {str(data_digest)[:12]}")
    return tuple(reasons)


def unstated(ranges: Ranges) -> tuple[str, ...]:
    """What the ranges do not say of themselves, so that staleness cannot be told: "model", "data", "samples"."""
    said = {"model": ranges.model, "data": ranges.data, "samples": ranges.samples}
    return tuple(name for name, value in said.items() if value is None)
