"""Whether budgets of time and energy count on the hardware of a run: elsewhere nothing follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_qparity.verdict import Code, Failure

if TYPE_CHECKING:
    from pytest_qparity.case.budget_spec import Budget

__all__ = ["counts_here"]


def counts_here(budget: Budget, keys: Sequence[str], here: str) -> Failure | None:
    """Why absolute budgets say nothing on this hardware; None where they count, or none of `keys` is stated.

    `keys`: of figures that are other ones on other hardware, such as ("latency_ms",). `here`: the fingerprint of what
    the run computes on (`RunMaterial.hardware`). Ratios count everywhere: they are none of these.
    """
    stated = [key for key in keys if getattr(budget, key) is not None]
    if not stated or budget.portable or budget.hardware == here:
        return None
    named = " and ".join(f"{key} = {getattr(budget, key):g}" for key in stated)
    if budget.hardware is None:
        return Failure(
            Code.BUDGET_HARDWARE,
            f"The budget {named} got no hardware that it was written for, should name {here}, which this is.",
            f'write hardware = "{here}" beside it where it is meant for this machine, portable = true where it is '
            "meant for all, or a ratio in its place",
        )
    return Failure(
        Code.BUDGET_HARDWARE,
        f"The budget {named} got {here} as hardware, should be {budget.hardware}, for which it was written.",
        "run it there; or state a budget that holds everywhere: a ratio to fp32 (ratio_to, speedup_over), or "
        "portable = true",
    )
