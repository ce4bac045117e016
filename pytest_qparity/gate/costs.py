"""What the checks of a run's costs share: its budget, and that it computes in its own precision."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from pytest_qparity.case.budget_spec import Budget
    from pytest_qparity.gate.run_material import RunMaterial

__all__ = ["budget_of", "require_native"]


def budget_of(run: RunMaterial) -> Budget | None:
    return run.material.case.spec.budgets.get(run.backend_spec.name, {}).get(run.precision)


def require_native(run: RunMaterial, check: str) -> None:
    if run.is_emulated:
        sentence = f"The {check} of {run.id}: got float operators that stand for {run.base}, should be its own kernels."
        remedy = f"judge the {check} on a backend that computes in {run.base}, or take the budget out"
        raise CannotJudge(Failure(Code.VARIANT_EMULATED, sentence, remedy))
