"""A run held against the baseline's: from the verdicts of its other checks, with no measurement of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pytest_qparity.verdict import CannotJudge

if TYPE_CHECKING:
    from pytest_qparity.case.regression_spec import RegressionSpec
    from pytest_qparity.checks.regression.compared import RegressionLimits
    from pytest_qparity.gate.run_material import RunMaterial
    from pytest_qparity.verdict import Verdict

__all__ = ["limits_of", "regression"]

REGRESSION = "regression"
MEASURING = ("parity", "accuracy", "latency", "memory")  # checks that give figures


def regression(run: RunMaterial, checks: Sequence[str], verdict_of: Callable[[str], Verdict]) -> Verdict:
    """`checks`: those of the run's plan; `verdict_of`: the verdict of one of them, judged now where it was not yet."""
    from pytest_qparity.baseline.figures import figures_of
    from pytest_qparity.checks.regression.direct import beside_baseline_of
    from pytest_qparity.checks.regression.judging import judge_new, judge_regression
    from pytest_qparity.environment import environment
    from pytest_qparity.ledger.events import plain

    baseline = run.material.settings.baseline
    if baseline is None:
        raise ValueError("got a regression check without a baseline, should not have been planned")
    verdicts = {check: verdict_of(check) for check in checks if check != REGRESSION}
    if not any(verdicts[check].evidence for check in MEASURING if check in verdicts):
        # A backend that is not there fails them all alike: whoever waives that waives it here too.
        raise CannotJudge(verdicts["parity"].failures[0])
    evidence = {check: plain(verdict.evidence) for check, verdict in verdicts.items()}
    name, backend = run.material.case.name, run.backend_spec.name
    identity = {"case": name, "run": run.id, "backend": backend, "precision": run.precision}
    now = figures_of(identity, evidence, plain(run.provenance()), environment())
    before = baseline.nearest(name, backend, run.precision, now.hardware)
    if before is None:
        return judge_new(now)
    direct = beside_baseline_of(evidence.get("latency", {}))
    return judge_regression(before, now, limits_of(run.material.case.spec.regression), direct)


def limits_of(stated: RegressionSpec) -> RegressionLimits:
    from pytest_qparity.checks.regression.compared import RegressionLimits

    return RegressionLimits(
        sqnr_db=stated.sqnr_db,
        margin=stated.margin,
        slower_percent=stated.slower_percent,
        latency_percent=stated.latency_percent,
        memory_percent=stated.memory_percent,
        size_percent=stated.size_percent,
        engine_percent=stated.engine_percent,
        activation_percent=stated.activation_percent,
        load_percent=stated.load_percent,
        first_run_percent=stated.first_run_percent,
        energy_percent=stated.energy_percent,
        other_hardware_is_judged=stated.other_hardware == "cannot-judge",
    )
