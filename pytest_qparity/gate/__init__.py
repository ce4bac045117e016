"""The gate without pytest: plan a case's runs, judge them.

case = load_case(Path("cases/digits_resnet.toml"))
settings = gate.default_settings(Path.cwd())
for run in gate.plan(case, settings, ["ort"]):
    for check, verdict in gate.judge_run(case, run, settings):
        print(run.id, check, verdict.outcome, verdict.deciding)

Names are imported when first used: a command that judges nothing, such as `qparity lint`, starts without them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_qparity.gate.canaries import Canaries
    from pytest_qparity.gate.canary_project import own_canaries
    from pytest_qparity.gate.case_material import CaseMaterial
    from pytest_qparity.gate.conformance import KernelRun, plan_kernels
    from pytest_qparity.gate.judging import judge, judge_run, judge_vanished_run
    from pytest_qparity.gate.planning import CHECKS, Run, plan
    from pytest_qparity.gate.run_material import RunMaterial
    from pytest_qparity.gate.settings import Settings, default_settings

__all__ = [
    "CHECKS",
    "Canaries",
    "CaseMaterial",
    "KernelRun",
    "Run",
    "RunMaterial",
    "Settings",
    "default_settings",
    "judge",
    "judge_run",
    "judge_vanished_run",
    "own_canaries",
    "plan",
    "plan_kernels",
]

_HOMES = {
    "CHECKS": "planning",
    "Canaries": "canaries",
    "CaseMaterial": "case_material",
    "KernelRun": "conformance",
    "Run": "planning",
    "RunMaterial": "run_material",
    "Settings": "settings",
    "default_settings": "settings",
    "judge": "judging",
    "judge_run": "judging",
    "judge_vanished_run": "judging",
    "own_canaries": "canary_project",
    "plan": "planning",
    "plan_kernels": "conformance",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
