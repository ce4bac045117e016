"""pytest-benchmark: it gets the samples of latency checks, and prints its tables of them where somebody asks for any."""

from __future__ import annotations

import os
import shlex
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from pytest_qparity.stash import CASE_FILES

if TYPE_CHECKING:
    import numpy as np

    from pytest_qparity.gate import RunMaterial

TIMER: pytest.StashKey[ReplayTimer] = pytest.StashKey()  # of a latency item
_Groups: TypeAlias = list[tuple[str | None, list[dict[str, Any]]]]


class Tables:
    """Leaves out the tables of latency checks: the summary has their figures and intervals, a row for each run.

    An option of pytest-benchmark, on the command line or in addopts, brings them back. Files that it saves, and what it
    compares, are made elsewhere; tests of the project keep their tables.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._names = frozenset(path.relative_to(config.rootpath).as_posix() for path in config.stash[CASE_FILES])
        self._is_asked_for = any(each.startswith("--benchmark-") for each in _arguments(config))

    @pytest.hookimpl(optionalhook=True, wrapper=True)
    def pytest_benchmark_group_stats(self) -> Generator[None, _Groups, _Groups]:
        groups = yield
        if self._is_asked_for:
            return groups
        others = [(name, [each for each in benchmarks if not self._is_ours(each)]) for name, benchmarks in groups]
        return [(name, benchmarks) for name, benchmarks in others if benchmarks]

    def _is_ours(self, benchmark: dict[str, Any]) -> bool:
        return str(benchmark["fullname"]).partition("::")[0] in self._names


def _arguments(config: pytest.Config) -> Iterator[str]:
    yield from map(str, config.invocation_params.args)
    yield from config.getini("addopts")
    yield from shlex.split(os.environ.get("PYTEST_ADDOPTS", ""))


class ReplayTimer:
    """The timer of a latency item for pytest-benchmark: it gives back the samples that were measured here.

    pytest-benchmark reads its timer before and after each round. The readings of round i are 0 and sample i, so that
    its JSON, tables, autosave and compare hold exactly the samples that were judged.
    """

    def __init__(self) -> None:
        self._readings: Iterator[float] = iter(())

    def load(self, samples_ms: np.ndarray) -> None:
        self._readings = iter([reading for sample in samples_ms for reading in (0.0, float(sample) / 1e3)])

    def __call__(self) -> float:
        return next(self._readings)


def hand_over(benchmark: Any, timer: ReplayTimer, run: RunMaterial) -> None:
    """Give pytest-benchmark the samples of the run's latency check, where it measured any."""
    samples_ms = run.latency_samples_ms
    if samples_ms is None:
        benchmark.disabled = True  # nothing to record, and it would warn that it was not used
        benchmark.pedantic(_nothing)
        return
    timer.load(samples_ms)
    benchmark.name = run.id
    benchmark.extra_info["run"] = run.id
    benchmark.extra_info["batch"] = run.material.case.spec.data.batch
    benchmark.pedantic(_nothing, rounds=len(samples_ms), iterations=1)


def _nothing() -> None:
    """What pytest-benchmark calls between two readings."""
