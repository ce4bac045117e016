"""What was found of a variant's weights, as the gate asks a worker for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_qparity.verdict import CannotJudge, Code

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pytest_qparity.worker.protocol import Worker

__all__ = ["FewLevels", "OtherWeight", "WeightsFound", "weights_found"]


@dataclass(frozen=True, slots=True)
class OtherWeight:
    """A weight that is not the float model's, rounded (see `agreement.Agreement` for the figures).

    `is_scaled`: it would be, but for factors of channels that nothing takes back; `factor`: that of all of its
    elements, where it is one. `zeroed_outputs`, `zeroed_inputs`: channels that were set to zero, the first few of
    `zeroed`.
    """

    name: str
    off_share: float
    largest_steps: float
    clipped_share: float
    cosine: float
    channel: int | None
    is_scaled: bool = False
    factor: float | None = None
    zeroed: int = 0
    zeroed_outputs: tuple[int, ...] = ()
    zeroed_inputs: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class FewLevels:
    """A weight of `bits` bits that 4 bits could hold."""

    name: str
    levels: int
    elements: int
    bits: int


@dataclass(frozen=True, slots=True)
class WeightsFound:
    """Counts of quantized weights of two axes or more: `compared` with the float model's, of which `rounded` to the
    nearest, `near` (within a step, but for a few), `scaled` (rounded after factors of channels that something takes
    back), `others`, most off first.

    `not_compared`: names of those of which no float weight was found, or whose codes are not read here.
    `median_steps`: the median over weights of the median |r| of each; `largest_steps`: the largest |r| of any; None
    where nothing was compared. `broken`: what went wrong in the comparison itself, so that nothing is known.
    """

    quantized: int
    compared: int
    rounded: int
    near: int
    scaled: int
    others: tuple[OtherWeight, ...]
    few_levels: tuple[FewLevels, ...]
    not_compared: tuple[str, ...]
    median_steps: float | None
    largest_steps: float | None
    broken: str | None = None


def weights_found(reference: Path, variant: Path, worker: Worker) -> WeightsFound:
    """Raises CannotJudge where a file is no model, or weights cannot be read."""
    arguments = {"reference": str(reference.absolute()), "variant": str(variant.absolute())}
    work = f"Comparing weights of {variant.name}"
    call = "pytest_qparity.precision.weights.examining:examine"
    try:
        return _of(worker.call(call, arguments, {}, work, worker.limits.load).value)
    except CannotJudge as reason:
        if reason.failure.code is not Code.WORKER_ERROR:
            raise
        # A defect of ours: whose file it is cannot mend it with a debugger, and the other checks of the file go on.
        return WeightsFound(0, 0, 0, 0, 0, (), (), (), None, None, reason.failure.sentence)


def _of(told: Mapping[str, Any]) -> WeightsFound:
    lists = {
        "others": tuple(OtherWeight(**each) for each in told["others"]),
        "few_levels": tuple(FewLevels(**each) for each in told["few_levels"]),
        "not_compared": tuple(told["not_compared"]),
    }
    return WeightsFound(**{**told, **lists})
