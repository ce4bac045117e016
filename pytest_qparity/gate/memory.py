"""Measuring the memory that a run takes, and the size of its file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_qparity.gate.costs import budget_of, require_native

if TYPE_CHECKING:
    from pytest_qparity.gate.run_material import RunMaterial
    from pytest_qparity.verdict import Verdict

__all__ = ["memory"]


def memory(run: RunMaterial) -> Verdict:
    from pytest_qparity.backends.memory_probe import measure_memory
    from pytest_qparity.checks.memory import MemoryBudget, MemoryUse, judge_memory
    from pytest_qparity.gate.run_material import require_unchanged

    require_native(run, "memory")
    run.session  # noqa: B018  a variant that does not load has no peak
    feed = next(iter(run.material.feeds))
    stored = require_unchanged(run.variant)
    probed = measure_memory(run.backend_spec, run.variant.path, feed, run.options, run.material.limits)
    budget = budget_of(run)
    used = MemoryUse(probed.peak_mb, stored.size_bytes / 1e6, probed.device_peak_mb, probed.device_method)
    limits = MemoryBudget(None, None) if budget is None else MemoryBudget(budget.memory_mb, budget.size_mb)
    return judge_memory(used, limits)
