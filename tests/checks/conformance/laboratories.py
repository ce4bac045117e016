"""Laboratories with built-in backends in workers, as tests and the script that writes docs/upstream need them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pytest_qparity.backends.hosted import EngineHost
from pytest_qparity.backends.protocol import Optimizer
from pytest_qparity.backends.registry import backend_table
from pytest_qparity.checks.conformance import Bench, Kernel, KnownDeviations, Laboratory, Sampler, Trial
from pytest_qparity.worker.limits import Limits
from pytest_qparity.worker.process import WorkerProcess


def laboratory_of(
    backend: str,
    known: KnownDeviations,
    folder: Path,
    examples: int,
    write_reproducer: Callable[[Kernel, Trial, str], Path],
) -> Laboratory:
    """Whoever asks for it closes its bench."""
    spec = backend_table()[backend]
    return Laboratory(
        backend=backend,
        version=known.version,
        bench=Bench(lambda: EngineHost(WorkerProcess(Limits()), spec), folder),
        optimizers=tuple(Optimizer(level) for level in spec.optimizers),
        known=known,
        sampler=Sampler(examples, 0),
        write_reproducer=write_reproducer,
        script=spec.script,
    )
