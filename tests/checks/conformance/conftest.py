from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_qparity.backends.hosted import EngineHost
from pytest_qparity.backends.protocol import Optimizer
from pytest_qparity.backends.registry import backend_table
from pytest_qparity.checks.conformance import Bench, Kernel, Known, KnownDeviations, Laboratory, Trial, reproducer
from pytest_qparity.worker.limits import Limits
from pytest_qparity.worker.process import WorkerProcess

MakeLaboratory = Callable[..., Laboratory]


@pytest.fixture
def laboratory(tmp_path: Path) -> Iterator[MakeLaboratory]:
    """Makes a laboratory with a built-in backend in a worker, a record (none), and some examples."""
    benches: list[Bench] = []

    def make(backend: str, known: Known | None = None, *, examples: int = 20, version: str = "1.0") -> Laboratory:
        spec = backend_table()[backend]
        bench = Bench(lambda: EngineHost(WorkerProcess(Limits()), spec), tmp_path)
        benches.append(bench)

        def write_reproducer(kernel: Kernel, trial: Trial, sentence: str) -> Path:
            path = tmp_path / f"{kernel.id}.py"
            path.write_text(reproducer(kernel, trial, backend, sentence))
            return path

        return Laboratory(
            backend=backend,
            version=version,
            bench=bench,
            optimizers=tuple(Optimizer(level) for level in spec.optimizers),
            known=KnownDeviations(known or Known(), version, "known.toml"),
            examples=examples,
            seed=0,
            write_reproducer=write_reproducer,
        )

    yield make
    for bench in benches:
        bench.close()
