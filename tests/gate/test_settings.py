"""The settings of a gate that nobody configured."""

from __future__ import annotations

import contextlib
import dataclasses

import pytest

from pytest_qparity.gate import default_settings
from pytest_qparity.worker.in_process import InProcess
from pytest_qparity.worker.limits import Limits
from pytest_qparity.worker.process import WorkerProcess
from pytest_qparity.worker.protocol import Isolation


def test_everything_lives_under_the_folder_given_and_nothing_is_accepted(tmp_path):
    settings = default_settings(tmp_path)

    assert settings.golden_root == tmp_path / "golden"
    assert settings.cache == tmp_path / ".qparity" / "cache"
    assert settings.accept is None
    assert settings.latency_seconds > 0
    assert list(tmp_path.iterdir()) == []


def test_built_in_backends_and_metrics_are_known_by_their_names(tmp_path):
    settings = default_settings(tmp_path)

    assert {"ort", "openvino", "reference"} <= set(settings.backends)
    assert {"top1", "agreement", "f1"} <= set(settings.metrics)
    for known in (settings.backends, settings.metrics):
        assert all(name == spec.name for name, spec in known.items())


def test_a_gate_that_nobody_configured_has_the_default_limits(tmp_path):
    assert default_settings(tmp_path).limits_of({}) == Limits()


def with_limits(root, ini=None, demanded=None):
    limits = Limits().but(**(ini or {}))
    return dataclasses.replace(default_settings(root), limits=limits, demanded_limits=demanded or {})


@pytest.mark.parametrize(
    ("ini", "case", "demanded", "seconds"),
    [
        (None, {}, None, Limits().run_s),
        (11, {}, None, 11),
        (None, {"run_s": 12}, None, 12),
        (11, {"run_s": 12}, None, 12),
        (None, {}, 13, 13),
        (11, {}, 13, 13),
        (None, {"run_s": 12}, 13, 13),
        (11, {"run_s": 12}, 13, 13),
    ],
    ids=["default", "ini", "case", "case over ini", "option", "option over ini", "option over case", "all three"],
)
def test_the_option_wins_over_the_case_which_wins_over_the_ini_value(tmp_path, ini, case, demanded, seconds):
    settings = with_limits(
        tmp_path,
        None if ini is None else {"run_s": ini},
        None if demanded is None else {"run_s": demanded},
    )

    assert settings.limits_of(case).run_s == seconds


def test_limits_win_key_by_key(tmp_path):
    settings = with_limits(tmp_path, {"load_s": 1, "first_run_s": 1, "run_s": 1}, {"run_s": 3})

    limits = settings.limits_of({"first_run_s": 2, "run_s": 2, "memory_mb": 2000})

    assert limits == Limits(load_s=1, first_run_s=2, run_s=3, memory_mb=2000)


def test_a_case_that_states_limits_leaves_those_of_the_next_alone(tmp_path):
    settings = with_limits(tmp_path)

    settings.limits_of({"run_s": 2})

    assert settings.limits_of({}) == Limits()


@pytest.mark.parametrize(("isolation", "kind"), [(Isolation.NONE, InProcess), (Isolation.PROCESS, WorkerProcess)])
def test_a_worker_is_of_the_isolation_asked_for_and_has_the_limits(tmp_path, isolation, kind):
    settings = dataclasses.replace(default_settings(tmp_path), isolation=isolation)

    with contextlib.closing(settings.worker(Limits(run_s=7))) as worker:
        assert type(worker) is kind
        assert worker.limits == Limits(run_s=7)
