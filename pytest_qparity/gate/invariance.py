"""Invariance through the gate: one session that never ran of the variant, one of FP32, the same calls for both."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_qparity.checks.invariance.calls import Trial
    from pytest_qparity.checks.invariance.trying import Tried
    from pytest_qparity.gate.run_material import RunMaterial
    from pytest_qparity.verdict import Verdict

FLOAT = "fp32"


def invariance(run: RunMaterial) -> Verdict:
    from pytest_qparity.case.data import some_in_memory
    from pytest_qparity.checks.invariance.calls import trial_of
    from pytest_qparity.checks.invariance.judging import (
        ERROR_SHARE,
        InvarianceLimit,
        InvarianceMeasurement,
        judge_invariance,
    )
    from pytest_qparity.checks.invariance.trying import own_error

    spec = run.material.case.spec.invariance
    if spec is None:
        raise ValueError("got an invariance check of a case without [invariance], should not have been planned")
    run.session  # noqa: B018  its facts stand beside the verdict, whatever was judged before
    feeds = some_in_memory(run.material.feeds, spec.samples)
    trial = trial_of(feeds, run.material.model.inputs, run.material.model.outputs, spec)
    is_fp32 = run.precision == FLOAT
    variant = _tried(run, run.precision, trial)
    fp32 = variant if is_fp32 else _tried(run, FLOAT, trial)
    measured = InvarianceMeasurement(
        trial,
        variant.movements,
        fp32.movements,
        {} if is_fp32 else own_error(variant, fp32),
        is_fp32,
        _finds_ranges(run, variant),
    )
    share = ERROR_SHARE if spec.error_share is None else spec.error_share
    return judge_invariance(measured, InvarianceLimit(spec.fp32_sqnr_db, share))


def _finds_ranges(run: RunMaterial, variant: Tried) -> bool | None:
    """Whether the file that ran has an operator with ranges of each call; None of a built engine, which does not tell,
    and where no batch moved, since nobody will ask."""
    from pytest_qparity.checks.invariance.relation import Relation
    from pytest_qparity.precision.examination import finds_ranges

    movements = variant.movements.get(Relation.BATCH, {})
    if run.executed.is_plan or all(movement.is_still for movement in movements.values()):
        return None
    return finds_ranges(run.executed.path, run.material.worker)


def _tried(run: RunMaterial, precision: str, trial: Trial) -> Tried:
    """Sessions of other checks have run before: what only the first calls of a session show would be over."""
    from pytest_qparity.backends.shapes import shapes_over
    from pytest_qparity.checks.invariance.trying import try_all

    shapes = [tensor.shape or () for tensor in run.material.model.inputs]
    is_fixed = all(isinstance(size, int) for shape in shapes for size in shape)
    fed = {} if is_fixed else shapes_over(call.feed for call in trial.calls)
    with contextlib.closing(run.session_that_never_ran(precision, fed)) as session:
        return try_all(session, trial, run.material.settings.largest_data_mb)
