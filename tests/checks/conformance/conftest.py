from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_qparity.backends.registry import backend_table
from pytest_qparity.checks.conformance import Kernel, Known, KnownDeviations, Laboratory, Trial, reproducer
from tests.checks.conformance.laboratories import laboratory_of

MakeLaboratory = Callable[..., Laboratory]


@pytest.fixture
def laboratory(tmp_path: Path) -> Iterator[MakeLaboratory]:
    """Makes a laboratory with a built-in backend in a worker, a record (none), and some examples."""
    made: list[Laboratory] = []

    def make(backend: str, known: Known | None = None, *, examples: int = 20, version: str = "1.0") -> Laboratory:
        def write_reproducer(kernel: Kernel, trial: Trial, sentence: str) -> Path:
            path = tmp_path / f"{kernel.id}.py"
            path.write_text(reproducer(kernel, trial, backend_table()[backend], sentence))
            return path

        record = KnownDeviations(known or Known(), version, "known.toml")
        made.append(laboratory_of(backend, record, tmp_path, examples, write_reproducer))
        return made[-1]

    yield make
    for each in made:
        each.bench.close()
