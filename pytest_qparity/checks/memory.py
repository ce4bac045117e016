"""Memory and size: what a session takes at its peak, and how large the variant's file is."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pytest_qparity.checks.figures import apart
from pytest_qparity.verdict import Code, Failure, Verdict, failed, passed


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """`peak_mb`: the most that loading and running took above the idle engine; `size_mb`: file and external data;
    `device_peak_mb`: the most that was held of the device's memory, told by `device_method`; None on the CPU.

    All in megabytes of 10**6 bytes.
    """

    peak_mb: float
    size_mb: float
    device_peak_mb: float | None = None
    device_method: str = ""

    @property
    def deciding_mb(self) -> float:
        """What a budget is for: the memory that the session computes in."""
        return self.peak_mb if self.device_peak_mb is None else self.device_peak_mb


@dataclass(frozen=True, slots=True)
class MemoryBudget:
    memory_mb: float | None
    size_mb: float | None

    def __post_init__(self) -> None:
        for name, budget in (("memory_mb", self.memory_mb), ("size_mb", self.size_mb)):
            if budget is not None and not (math.isfinite(budget) and budget > 0):
                raise ValueError(f"got {name} = {budget} as budget, should be finite and above 0")


def judge_memory(used: MemoryUse, budget: MemoryBudget) -> Verdict:
    """pass: both figures were measured, and each that has a budget is at or below it."""
    evidence: dict[str, object] = {
        "peak_mb": used.peak_mb,
        "size_mb": used.size_mb,
        "budget_memory_mb": budget.memory_mb,
        "budget_size_mb": budget.size_mb,
    }
    on_device = used.device_peak_mb is not None
    if on_device:
        evidence |= {"device_peak_mb": used.device_peak_mb, "device_method": used.device_method}
    deciding = f"{used.deciding_mb:.1f} MB{' of the device' if on_device else ''}"
    failures = _unmeasured(used)
    if failures:
        return failed(deciding, evidence, tuple(failures))
    memory_mb, size_mb = budget.memory_mb, budget.size_mb
    if memory_mb is not None and not used.deciding_mb <= memory_mb:
        failures.append(
            Failure(
                Code.MEMORY_BUDGET,
                f"The session took {apart(used.deciding_mb, memory_mb, 1)} MB{' of the device' if on_device else ''} "
                f"at its peak, should be at most {memory_mb:g} MB.",
                "try a smaller batch or a precision with smaller weights",
            )
        )
    if size_mb is not None and not used.size_mb <= size_mb:
        failures.append(
            Failure(
                Code.SIZE_BUDGET,
                f"The variant takes {apart(used.size_mb, size_mb, 2)} MB on disk, should be at most {size_mb:g} MB.",
                "look for weights that stayed float",
            )
        )
    if failures:
        return failed(deciding, evidence, tuple(failures))
    unlimited = memory_mb is None and size_mb is None
    return passed(deciding, evidence, ("recorded, no budget",) if unlimited else ())


def _unmeasured(used: MemoryUse) -> list[Failure]:
    figures = [("peak memory of the session", used.peak_mb), ("size of the variant", used.size_mb)]
    if used.device_peak_mb is not None:
        figures.append(("peak memory of the device", used.device_peak_mb))
    return [
        Failure(
            Code.MEMORY_UNMEASURED,
            f"The {name} is {figure:g} MB, should be finite and above 0.",
            "look at how it was measured",
        )
        for name, figure in figures
        if not (math.isfinite(figure) and figure > 0)
    ]
