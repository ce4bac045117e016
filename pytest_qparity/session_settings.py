"""What the gate is set to in a session: from what was asked for, and the hooks of third parties."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_qparity.checks.metrics import BUILTIN_METRICS, Metric
from pytest_qparity.contributions import answers
from pytest_qparity.gate import Canaries, Settings, own_canaries
from pytest_qparity.gate.basis import SessionBasis
from pytest_qparity.gate.turns import Turns
from pytest_qparity.golden.accept import Accept
from pytest_qparity.selection import SelectionError
from pytest_qparity.stash import CASE_NAMES
from pytest_qparity.watching import watch_of

if TYPE_CHECKING:
    from pytest_qparity.selection import Selection

__all__ = ["settings_of"]

SETTINGS: pytest.StashKey[Settings] = pytest.StashKey()


def settings_of(config: pytest.Config, selection: Selection) -> Settings:
    if SETTINGS not in config.stash:
        known = (*BUILTIN_METRICS, *_added_metrics(config))
        names = [metric.name for metric in known]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise pytest.UsageError(f"got two metrics named {twice[0]!r}, should have names of their own")
        root = config.rootpath
        config.stash[SETTINGS] = Settings(
            golden_root=selection.golden_root,
            cache=selection.cache,
            roots=selection.roots,
            backends=selection.known_backends,
            contributed=selection.contributed,
            metrics={metric.name: metric for metric in known},
            accept=None if selection.accept is None else Accept(selection.accept),
            latency_seconds=selection.latency_seconds,
            examples=selection.examples,
            seed=selection.seed,
            canaries=own_canaries()
            if selection.has_own_canaries(root)
            else Canaries(root, selection.canary_files(root)),
            largest_data_mb=selection.largest_data_mb,
            isolation=selection.isolation,
            limits=selection.limits,
            demanded_limits=selection.demanded_limits,
            watch=watch_of(config),
            turns=Turns(selection.cache),
            baseline=selection.baseline,
            baseline_variants=selection.baseline_variants,
            session_basis=SessionBasis(),
            case_names=config.stash[CASE_NAMES],
            remote_cache=selection.remote_cache,
            earlier=None if selection.since is None else selection.since.earlier,
        )
    return config.stash[SETTINGS]


def _added_metrics(config: pytest.Config) -> tuple[Metric, ...]:
    try:
        return answers(config, "pytest_qparity_metrics", Metric)
    except SelectionError as error:
        raise pytest.UsageError(str(error)) from None
