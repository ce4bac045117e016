from __future__ import annotations

import math

import pytest

from pytest_qparity.worker import memory
from pytest_qparity.worker.limits import Limits, stated_limits
from pytest_qparity.worker.memory import MEMORY_SHARE, answer_limit_mb, memory_limit_mb


@pytest.mark.parametrize("value", [0, -1, math.inf, math.nan])
@pytest.mark.parametrize("name", ["load_s", "first_run_s", "run_s", "calibration_s", "memory_mb"])
def test_a_limit_is_a_finite_number_above_zero(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"got {name}"):
        Limits(**{name: value})


def test_what_is_stated_takes_the_place_of_what_is_not() -> None:
    limits = Limits(load_s=1, run_s=2).but(run_s=3, memory_mb=None)

    assert (limits.load_s, limits.run_s, limits.memory_mb) == (1, 3, None)
    assert limits.first_run_s == Limits().first_run_s


def test_a_phase_has_its_name_and_its_deadline() -> None:
    limits = Limits(load_s=1, first_run_s=2, run_s=3, calibration_s=4)

    phases = (limits.load, limits.first_run, limits.run, limits.calibration)

    assert [(phase.name, phase.deadline_s) for phase in phases] == [
        ("load", 1),
        ("first run", 2),
        ("run", 3),
        ("calibration", 4),
    ]


def test_limits_are_read_from_texts() -> None:
    assert stated_limits(["run_s=2.5", "memory_mb=100"]) == {"run_s": 2.5, "memory_mb": 100.0}


@pytest.mark.parametrize("text", ["run_s", "runs=2", "run_s=", "run_s=fast", "run_s=-1", "run_s=nan", "=2"])
def test_a_text_that_is_no_limit_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="got"):
        stated_limits([text])


def test_memory_is_a_share_of_what_is_free_where_nobody_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_free_bytes", lambda: 10**10)

    assert memory_limit_mb(Limits()) == MEMORY_SHARE * 10_000
    assert memory_limit_mb(Limits(memory_mb=5)) == 5


def test_a_worker_and_the_copy_of_its_answer_take_no_more_than_what_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_free_bytes", lambda: 10**10)
    held_mb = memory_limit_mb(Limits())

    assert held_mb + answer_limit_mb(Limits(), held_mb) == pytest.approx(10_000)
    assert answer_limit_mb(Limits(memory_mb=5), 5) == 5


def test_a_containers_limit_counts(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    limit, used = tmp_path / "memory.max", tmp_path / "memory.current"
    monkeypatch.setattr(memory, "_CGROUP", ((limit, used),))
    used.write_text("100000000\n")

    limit.write_text("500000000\n")
    assert memory_limit_mb(Limits()) == MEMORY_SHARE * 400

    limit.write_text("max\n")
    assert memory_limit_mb(Limits()) > 400
