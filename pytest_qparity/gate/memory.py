"""Measuring what a run costs besides time a sample: memory, sizes, time to load, energy; beside other precisions."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_qparity.gate.costs import budget_of, require_native
from pytest_qparity.gate.feed_shapes import with_shape
from pytest_qparity.verdict import CannotJudge, Code, Failure
from pytest_qparity.worker.protocol import Isolation

if TYPE_CHECKING:
    from pytest_qparity.backends.memory_probe import MemoryMeasurement
    from pytest_qparity.backends.start_probe import StartMeasurement
    from pytest_qparity.case.data import Feed
    from pytest_qparity.checks.ceilings import Ceiling
    from pytest_qparity.checks.memory import MemoryUse
    from pytest_qparity.gate.run_material import RunMaterial
    from pytest_qparity.precision.variants import Variant
    from pytest_qparity.verdict import Verdict

__all__ = ["memory"]


def memory(run: RunMaterial) -> Verdict:
    from pytest_qparity.checks.ceilings import Cost
    from pytest_qparity.checks.hardware import counts_here
    from pytest_qparity.checks.memory import Counterpart, ceilings_of, judge_memory

    require_native(run, "memory")
    run.session  # noqa: B018  a variant that does not load has no peak
    budget = budget_of(run)
    ceilings = ceilings_of(budget)
    of_hardware = [cost.key for cost in Cost if cost.is_repeated]
    elsewhere = None if budget is None else counts_here(budget, of_hardware, run.hardware)
    judged = [ceiling for ceiling in ceilings if ceiling.over is not None or elsewhere is None]
    names = tuple(dict.fromkeys(ceiling.over for ceiling in judged if ceiling.over is not None))
    used = _measured(run, names, judged)
    counterparts = [Counterpart(name, used[name]) for name in names]
    verdict = judge_memory(used[run.precision], ceilings, counterparts, elsewhere)
    return with_shape(verdict, run.material.feed_shapes)


def _measured(run: RunMaterial, names: Sequence[str], ceilings: Sequence[Ceiling]) -> dict[str, MemoryUse]:
    """Of the run and of each counterpart. What is another number each time is measured as often as it takes to tell, in
    turn: a machine that becomes busy is so for all of them; where only limits since a baseline ask, the run alone is.
    Where nothing asks for it, once, of the run alone."""
    from pytest_qparity.backends.memory_probe import measure_memory
    from pytest_qparity.backends.probing import Probing
    from pytest_qparity.backends.start_probe import measure_start
    from pytest_qparity.checks.ceilings import REPETITIONS
    from pytest_qparity.gate.run_material import require_unchanged

    feed = run.material.feed_shapes.costliest.feed
    variants = {name: _variant(run, name) for name in dict.fromkeys((run.precision, *names))}
    for variant in variants.values():
        require_unchanged(variant)  # and again when all is measured
    probings = {
        name: Probing(run.backend_spec, variant.path, feed, run.options_at(name), run.material.limits)
        for name, variant in variants.items()
    }
    is_budgeted = any(ceiling.cost.is_repeated for ceiling in ceilings)
    starting = list(probings) if is_budgeted else [run.precision]
    starts: dict[str, list[StartMeasurement]] = {name: [] for name in probings}
    if is_budgeted or run.material.case.spec.regression.repeats:
        for turn in range(REPETITIONS):
            for name in starting[:: -1 if turn % 2 else 1]:
                starts[name].append(measure_start(probings[name]))
    else:
        starts[run.precision].append(_own_start(run, feed) or measure_start(probings[run.precision]))
    return {
        name: _used(run, variants[name], measure_memory(probing), starts[name]) for name, probing in probings.items()
    }


def _own_start(run: RunMaterial, feed: Feed) -> StartMeasurement | None:
    """What the run's own session told of its start; None where it did not start as one alone in a process does."""
    if run.material.settings.isolation is Isolation.NONE:
        return None
    with contextlib.suppress(CannotJudge):  # the session has ended since
        return run.session.start(feed.arrays)
    return None


def _variant(run: RunMaterial, name: str) -> Variant:
    if name == run.precision:
        return run.variant
    if run.is_emulated_at(name):
        sentence = f"The memory of {name} beside {run.id}: got float operators that stand for {name}, "
        remedy = f"compare with a precision that {run.backend_spec.name} computes in, such as fp32"
        raise CannotJudge(Failure(Code.VARIANT_EMULATED, f"{sentence}should be its own kernels.", remedy))
    return run.variant_at(name)


def _used(
    run: RunMaterial, variant: Variant, probed: MemoryMeasurement, starts: Sequence[StartMeasurement]
) -> MemoryUse:
    from pytest_qparity.checks.ceilings import Cost
    from pytest_qparity.checks.memory import MemoryUse
    from pytest_qparity.gate.run_material import require_unchanged

    joules = tuple(each.joule_per_sample for each in starts if each.joule_per_sample is not None)
    energy_untold = next((each.energy_untold for each in starts if each.energy_untold), "")
    activations = _activations(run, variant)
    untold = {
        Cost.ENGINE: "the backend builds none, or does not tell of it" if probed.engine_mb is None else "",
        Cost.ACTIVATION: activations if isinstance(activations, str) else "",
        Cost.ENERGY: energy_untold,
    }
    return MemoryUse(
        peak_mb=probed.peak_mb,
        size_mb=require_unchanged(variant).size_bytes / 1e6,
        device_peak_mb=probed.device_peak_mb,
        device_method=probed.device_method,
        method=probed.method,
        allocator=probed.allocator,
        sampled_peak_mb=probed.sampled_peak_mb,
        runs=probed.runs,
        grown_mb=probed.grown_mb,
        load_ms=tuple(each.load_ms for each in starts),
        first_run_ms=tuple(each.first_run_ms for each in starts),
        engine_mb=probed.engine_mb,
        activation_mb=None if isinstance(activations, str) else activations,
        joule_per_sample=() if energy_untold else joules,
        energy_method=next((each.energy_method for each in starts), ""),
        untold={cost: reason for cost, reason in untold.items() if reason},
    )


def _activations(run: RunMaterial, variant: Variant) -> float | str:
    """The estimate, or why there is none: nothing fails for it unless a budget asks."""
    from pytest_qparity.precision.activations import activation_mb

    if variant.is_plan:
        return "a built engine has no graph"
    shapes = {name: array.shape for name, array in run.material.feed_shapes.costliest.feed.arrays.items()}
    try:
        return activation_mb(variant.path, shapes, run.material.worker)
    except CannotJudge as reason:
        return reason.failure.sentence.rstrip(".")
