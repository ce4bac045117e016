"""Memory, size, start and energy: what a session costs besides time for each sample."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pytest_qparity.checks.ceilings import Ceiling, Cost, Measured, share_of, unkept
from pytest_qparity.verdict import Code, Failure, Verdict, failed, passed

if TYPE_CHECKING:
    from pytest_qparity.case.budget_spec import Budget

__all__ = ["Counterpart", "MemoryUse", "ceilings_of", "judge_memory"]

NO_BUDGET = "recorded, no budget"


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """`peak_mb`: the most that loading and running took above the idle engine, told by `method` with
    `allocator`; `size_mb`: file and
    external data; `device_peak_mb`: the most that was held of the device's memory, told by `device_method`; None on
    the CPU. Megabytes are 10**6 bytes.

    `load_ms`, `first_run_ms`, `joule_per_sample`: one number for each time it was measured, in the order of the
    counterpart's. `engine_mb`, `activation_mb`: None where nobody tells them. `untold`: why a cost is absent.

    `runs`: of which `peak_mb` is; None where nobody says. `grown_mb`: by how much a run the memory grew in each of the
    last ones; None where it did not.
    """

    peak_mb: float
    size_mb: float
    device_peak_mb: float | None = None
    device_method: str = ""
    method: str = ""
    allocator: str = ""
    sampled_peak_mb: float | None = None
    runs: int | None = None
    grown_mb: float | None = None
    load_ms: tuple[float, ...] = ()
    first_run_ms: tuple[float, ...] = ()
    engine_mb: float | None = None
    activation_mb: float | None = None
    joule_per_sample: tuple[float, ...] = ()
    energy_method: str = ""
    untold: Mapping[Cost, str] = field(default_factory=dict)

    @property
    def deciding_mb(self) -> float:
        """What a budget is for: the memory that the session computes in."""
        return self.peak_mb if self.device_peak_mb is None else self.device_peak_mb

    def of(self, cost: Cost) -> Measured | None:
        """None where it was not measured."""
        values: Mapping[Cost, tuple[float | None, ...]] = {
            Cost.MEMORY: (self.deciding_mb,),
            Cost.SIZE: (self.size_mb,),
            Cost.ENGINE: (self.engine_mb,),
            Cost.ACTIVATION: (self.activation_mb,),
            Cost.LOAD: self.load_ms,
            Cost.FIRST_RUN: self.first_run_ms,
            Cost.ENERGY: self.joule_per_sample,
        }
        told = tuple(value for value in values[cost] if value is not None)
        return Measured(told) if told else None


@dataclass(frozen=True, slots=True)
class Counterpart:
    """What a share is of: the costs of another precision on the same backend, or of a baseline."""

    name: str
    used: MemoryUse


def ceilings_of(budget: Budget | None) -> tuple[Ceiling, ...]:
    """What a budget says of these costs: absolute ones first, then shares of other precisions'."""
    if budget is None:
        return ()
    absolute = ((cost, getattr(budget, cost.key)) for cost in Cost)
    found = [Ceiling(cost, at_most) for cost, at_most in absolute if at_most is not None]
    for over, ratios in (budget.ratio_to or {}).items():
        shares = ((cost, getattr(ratios, cost.ratio)) for cost in Cost)
        found += [Ceiling(cost, at_most, over) for cost, at_most in shares if at_most is not None]
    return tuple(found)


def judge_memory(
    used: MemoryUse,
    ceilings: Sequence[Ceiling] = (),
    counterparts: Sequence[Counterpart] = (),
    elsewhere: Failure | None = None,
) -> Verdict:
    """pass: memory and size were measured, and each cost that has a ceiling is at or below it, all times that it was
    measured.

    `elsewhere`: that absolute ceilings of time and energy were written for other hardware, so that nothing follows from
    them here (`checks.hardware.counts_here`). A ceiling over a name that is none of `counterparts` is cannot-judge.
    """
    by_name = {counterpart.name: counterpart.used for counterpart in counterparts}
    shares = {ceiling: _share(ceiling, used, by_name) for ceiling in ceilings if ceiling.over is not None}
    evidence = _evidence(used, ceilings, shares)
    deciding = f"{used.deciding_mb:.1f} MB{' of the device' if used.device_peak_mb is not None else ''}"
    failures = _unmeasured(used)
    if failures:
        return failed(deciding, evidence, tuple(failures))
    for ceiling in ceilings:
        if ceiling.over is not None:
            failures += unkept(ceiling, shares[ceiling], _why_no_share(ceiling, used, by_name))
        elif elsewhere is None or not ceiling.cost.is_repeated:
            failures += unkept(ceiling, used.of(ceiling.cost), used.untold.get(ceiling.cost, ""))
    failures += [] if elsewhere is None else [elsewhere]
    if failures:
        return failed(deciding, evidence, tuple(failures), _growth(used))
    return passed(deciding, evidence, (*(() if ceilings else (NO_BUDGET,)), *_growth(used)))


def _growth(used: MemoryUse) -> tuple[str, ...]:
    if used.grown_mb is None:
        return ()
    grew = f"memory grew in each run after the second, by {used.grown_mb:.1f} MB a run on average"
    return (f"{grew}: {used.peak_mb:.1f} MB are of {used.runs} runs, and more runs take more",)


def _share(ceiling: Ceiling, used: MemoryUse, by_name: Mapping[str, MemoryUse]) -> Measured | None:
    counterpart = by_name.get(ceiling.over or "")
    measured, other = used.of(ceiling.cost), None if counterpart is None else counterpart.of(ceiling.cost)
    if measured is None or other is None or not (measured.is_sound and other.is_sound):
        return None
    return share_of(measured, other)


def _why_no_share(ceiling: Ceiling, used: MemoryUse, by_name: Mapping[str, MemoryUse]) -> str:
    counterpart = by_name.get(ceiling.over or "")
    if counterpart is None:
        return f"nothing was measured of {ceiling.over}"
    return used.untold.get(ceiling.cost) or counterpart.untold.get(ceiling.cost, "")


def _evidence(
    used: MemoryUse, ceilings: Sequence[Ceiling], shares: Mapping[Ceiling, Measured | None]
) -> dict[str, Any]:
    evidence: dict[str, Any] = {"peak_mb": used.peak_mb, "size_mb": used.size_mb}
    told = {"method": used.method, "allocator": used.allocator, "device_method": used.device_method}
    evidence |= {key: text for key, text in {**told, "energy_method": used.energy_method}.items() if text}
    single = {"sampled_peak_mb": used.sampled_peak_mb, "device_peak_mb": used.device_peak_mb}
    single |= {"runs": used.runs, "grown_mb": used.grown_mb}
    evidence |= {key: value for key, value in single.items() if value is not None}
    for cost in Cost:
        measured = used.of(cost)
        if measured is None or cost in (Cost.MEMORY, Cost.SIZE):
            continue
        evidence[cost.key] = measured.estimate
        if len(measured.values) > 1:
            evidence.setdefault("intervals", {})[cost.key] = measured.as_json()
    if used.untold:
        evidence["untold"] = {cost.key: reason for cost, reason in used.untold.items()}
    for ceiling, share in shares.items():
        of_counterpart = evidence.setdefault("ratio_to", {}).setdefault(ceiling.over, {})
        of_counterpart[ceiling.cost.ratio] = None if share is None else share.as_json()
    return {**evidence, "budgets": {ceiling.key: ceiling.at_most for ceiling in ceilings}}


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
