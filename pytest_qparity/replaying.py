"""The samples of a latency check, handed to pytest-benchmark as if it had measured them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from pytest_qparity.gate import RunMaterial

__all__ = ["ReplayTimer", "hand_over"]


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
