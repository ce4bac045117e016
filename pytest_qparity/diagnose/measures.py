"""What is kept of tensors that went by: sums and counts, never the values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["ActivationMeasure", "ConstantMeasure", "Distance", "LayerMeasure", "Measured"]


@dataclass(frozen=True, slots=True)
class Distance:
    """How far a tensor is from the float model's, as sums over all its elements: Σ g², Σ o², Σ (o − g)², Σ o·g.

    not_finite: elements that are NaN or Inf on one side alone; they are in no sum.
    """

    elements: int
    golden_power: float
    output_power: float
    error_power: float
    dot: float
    max_abs: float
    not_finite: int = 0

    @property
    def relative(self) -> float:
        """Σ (o − g)² / Σ g²: NRMSE². Without an error 0; of a golden that is all zeros +inf."""
        if self.error_power == 0.0:
            return 0.0
        return self.error_power / self.golden_power if self.golden_power else math.inf

    @property
    def sqnr_db(self) -> float:
        """10·log10(Σ g² / Σ (o − g)²)."""
        relative = self.relative
        return -10.0 * math.log10(relative) if 0.0 < relative < math.inf else math.inf if relative == 0.0 else -math.inf

    @property
    def cosine(self) -> float:
        """Σ o·g / (√Σ g² · √Σ o²); 1 where both are zeros."""
        if self.golden_power == 0.0 or self.output_power == 0.0:
            return 1.0 if self.golden_power == self.output_power else 0.0
        return max(-1.0, min(1.0, self.dot / math.sqrt(self.golden_power) / math.sqrt(self.output_power)))


_DISTANCES = ("own", "cumulative", "unrounded")  # of a layer


@dataclass(frozen=True, slots=True)
class LayerMeasure:
    """A node of the float model and the tensor it makes.

    own: the error it makes when the float model's tensors are its inputs; cumulative: with the variant's own inputs.
    None where the variant has no counterpart. reads: the tensors that it reads. differs: attributes and inputs that the
    variant's node has otherwise; counterpart: its name, empty where there is none; stand_in: its operator, where that
    is another. unrounded: the error that is left where the variant's node reads the float model's tensors and
    constants, unrounded; None where that was not looked at. constants_rounded: whether one of its constants is the
    variant's there too.
    """

    node: str
    op_type: str
    tensor: str
    reads: tuple[str, ...]
    own: Distance | None
    cumulative: Distance | None
    absent: bool = False
    differs: tuple[str, ...] = ()
    counterpart: str = ""
    stand_in: str = ""
    unrounded: Distance | None = None
    constants_rounded: bool = False


@dataclass(frozen=True, slots=True)
class ActivationMeasure:
    """A Q/DQ pair of an activation, beside the float model's values that go through it.

    low, high: the smallest and largest real number that a code stands for (of all channels); scale: the largest.
    calibration: the range of the tensor over calibration data, where they were gone through. clipped_low, clipped_high:
    elements beyond the range by more than half a step; clip_power: Σ (x − clip(x))² of them. zeroed: elements other
    than 0 that become 0. channel_largest: max |x| of each channel of `channel_axis`.
    counts: a histogram whose bins are `bin_width` wide, negative values in the first half.
    """

    name: str
    tensor: str
    reads: tuple[str, ...]
    made_by: str | None
    element: str
    bits: int
    low: float
    high: float
    scale: float
    zero_point: float
    offset: float
    agrees: bool
    elements: int
    smallest: float
    largest: float
    mean: float
    power: float
    error_power: float
    clipped_low: int
    clipped_high: int
    clip_power: float
    zeroed: int
    nonzero: int
    channel_axis: int | None
    channel_largest: tuple[float, ...]
    bin_width: float
    counts: tuple[int, ...]
    calibration: tuple[float, float] | None = None

    @property
    def edges(self) -> tuple[float, ...]:
        """Of the histogram's bins, one more than `counts`; 0 is the middle one."""
        half = len(self.counts) // 2
        return tuple(self.bin_width * place for place in range(-half, half + 1))

    @property
    def clipped_share(self) -> float:
        return (self.clipped_low + self.clipped_high) / self.elements

    @property
    def bits_used(self) -> float:
        """log2 of the steps between the smallest and largest value (and 0, which needs a code) as far as in range."""
        top = min(max(self.largest, 0.0), self.high)
        bottom = max(min(self.smallest, 0.0), self.low)
        return math.log2(max((top - bottom) / self.scale, 0.0) + 1.0) if self.scale else 0.0

    @property
    def relative(self) -> float:
        return self.error_power / self.power if self.power else (math.inf if self.error_power else 0.0)

    @property
    def sqnr_db(self) -> float:
        relative = self.relative
        return -10.0 * math.log10(relative) if 0.0 < relative < math.inf else math.inf if relative == 0.0 else -math.inf


@dataclass(frozen=True, slots=True)
class ConstantMeasure:
    """A constant operand of a node, dequantized, beside the float model's.

    channel_axis: of its output channels (None: one value for all). For each channel: golden Σ w², output Σ v²,
    error Σ (v − w)², dot Σ v·w, nearest: which channel of the float model it resembles most. steps: Σ s² of the step of
    each element, where the variant's are integer codes; else empty.
    """

    node: str
    index: int
    tensor: str
    role: str
    shape: tuple[int, ...]
    channel_axis: int | None
    golden: tuple[float, ...]
    output: tuple[float, ...]
    error: tuple[float, ...]
    dot: tuple[float, ...]
    nearest: tuple[int, ...]
    steps: tuple[float, ...] = ()

    @property
    def rms_steps(self) -> float | None:
        """√(Σ (v − w)² / Σ s²): the error in steps, root mean square. Rounding to the nearest leaves 1/√12 = 0.29."""
        steps = math.fsum(self.steps)
        return math.sqrt(math.fsum(self.error) / steps) if steps else None

    @property
    def relative(self) -> float:
        golden, error = math.fsum(self.golden), math.fsum(self.error)
        return error / golden if golden else (math.inf if error else 0.0)


@dataclass(frozen=True, slots=True)
class Measured:
    """What one pass found. outputs: of the variant against the float model, by name.

    engine: (float model with the optimizer on against off, variant on against off), worst output, None where not asked.
    """

    layers: tuple[LayerMeasure, ...]
    activations: tuple[ActivationMeasure, ...]
    constants: tuple[ConstantMeasure, ...]
    outputs: Mapping[str, Distance]
    unmatched: tuple[str, ...]
    unread: tuple[str, ...]
    samples: int
    passes: Mapping[str, float]
    engine: tuple[Distance, Distance] | None = None
    peak_mb: float = 0.0
    notes: tuple[str, ...] = field(default=())

    @property
    def relative(self) -> float:
        return mean_relative(self.outputs.values())

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> Measured:
        def of(kind: Any, each: Mapping[str, Any]) -> Any:
            return kind(**{name: tuple(part) if isinstance(part, list) else part for name, part in each.items()})

        def distance(each: Mapping[str, Any] | None) -> Distance | None:
            return None if each is None else Distance(**each)

        layers = tuple(
            of(LayerMeasure, each | {name: distance(each[name]) for name in _DISTANCES}) for each in value["layers"]
        )
        engine = value["engine"]
        return Measured(
            layers=layers,
            activations=tuple(of(ActivationMeasure, each) for each in value["activations"]),
            constants=tuple(of(ConstantMeasure, each) for each in value["constants"]),
            outputs={name: Distance(**each) for name, each in value["outputs"].items()},
            unmatched=tuple(value["unmatched"]),
            unread=tuple(value["unread"]),
            samples=value["samples"],
            passes=value["passes"],
            engine=None if engine is None else (Distance(**engine[0]), Distance(**engine[1])),
            peak_mb=value["peak_mb"],
            notes=tuple(value["notes"]),
        )


def mean_relative(distances: Sequence[Distance] | Any) -> float:
    """The mean NRMSE² of outputs, each at most 10⁶ so that one that is zeros in the float model leaves the others."""
    values = [min(each.relative, 1e6) if not each.not_finite else 1e6 for each in distances]
    return math.fsum(values) / len(values) if values else 0.0
