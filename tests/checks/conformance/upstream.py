"""Writes docs/upstream/*.py: for each known deviation the simplest example that shows it, as a stand-alone script.

python -m tests.checks.conformance.upstream ort openvino
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from pytest_qparity.backends.registry import backend_table
from pytest_qparity.checks.conformance import (
    KnownDeviation,
    KnownDeviations,
    Laboratory,
    Sampler,
    kernels_by_id,
    reproducer,
    shipped_known,
)
from pytest_qparity.checks.conformance.judging import minimal_of
from tests.checks.conformance.laboratories import laboratory_of

ONLY_MISSING = "--missing" in sys.argv
ROOT = Path(__file__).parents[3]


def write_all(backend: str, version: str) -> None:
    known = KnownDeviations(shipped_known(backend), version, backend)
    written: set[str] = set()
    with tempfile.TemporaryDirectory() as folder:
        laboratory = laboratory_of(backend, known, Path(folder), 10, lambda kernel, trial, sentence: Path())
        # A deviation of the default level is what most users meet: it is shown there if it can be.
        laboratory = replace(laboratory, optimizers=laboratory.optimizers[::-1])
        for entry in known.known.deviation:
            if (
                not entry.reproducer
                or entry.reproducer in written
                or (ONLY_MISSING and (ROOT / entry.reproducer).exists())
                or _is_written_by_hand(ROOT / entry.reproducer)
            ):
                continue
            if _write(entry, laboratory) or _write(entry, replace(laboratory, sampler=Sampler(300, 0))):
                written.add(entry.reproducer)
            else:
                print("not shown:", entry.observed, file=sys.stderr)
        laboratory.bench.close()


def _is_written_by_hand(script: Path) -> bool:
    """What needs more than one model and one run: it stays as it is."""
    return script.exists() and '"reproducer",' not in script.read_text(encoding="utf-8")


def _write(entry: KnownDeviation, laboratory: Laboratory) -> bool:
    others = tuple(other for other in laboratory.known.known.deviation if other is not entry)
    without = replace(
        laboratory,
        known=replace(laboratory.known, known=laboratory.known.known.model_copy(update={"deviation": others})),
    )
    for kernel in kernels_by_id().values():
        if not (entry.is_of_version(laboratory.version) and entry.is_of_kernel(kernel.id)):
            continue
        trial = minimal_of(kernel, without)
        if trial is None:
            continue
        sentence = f"{entry.observed}; should be: {entry.expected}"
        text = reproducer(kernel, trial, backend_table()[laboratory.backend], sentence)
        (ROOT / entry.reproducer).write_text(text, encoding="utf-8")
        print(entry.reproducer, kernel.id, trial.optimizer.value)
        return True
    return False


if __name__ == "__main__":
    for name in (argument for argument in sys.argv[1:] if not argument.startswith("--")):
        write_all(name, {"ort": "1.32.0", "openvino": "2026.4.1", "reference": "1.23.2"}[name])
