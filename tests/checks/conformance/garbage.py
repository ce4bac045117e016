"""What a record waives of a backend that returns random outputs of the right shape and type: no engine is run.

python -m tests.checks.conformance.garbage openvino
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np

from pytest_qparity.backends.protocol import Optimizer
from pytest_qparity.checks.conformance import (
    Answer,
    Kernel,
    KnownDeviation,
    KnownDeviations,
    Trial,
    kernels_by_id,
    shipped_known,
)
from pytest_qparity.checks.conformance.example import Array, Expected
from pytest_qparity.checks.conformance.sampling import draw_examples
from pytest_qparity.checks.conformance.trial import Difference

VERSIONS = {"ort": "1.32.0", "openvino": "2026.4.1", "reference": "1.23.2"}  # for which the records are written
FAR_OFF = 1e9  # LSB: finite, and further than any `at_most_lsb`


@dataclass(frozen=True, slots=True)
class Waived:
    """Of one kernel: its elements that are judged, those of which any finite value is accounted for, and whether the
    whole kernel is waived though its outputs are random."""

    elements: int
    anything: int
    garbage: bool


def waived(kernel: Kernel, known: KnownDeviations, examples: int) -> Waived:
    random, entries = np.random.default_rng(0), known.deviations(kernel.id)
    elements = anything = wrong = left = 0
    for example in draw_examples(kernel, examples, 0):
        for expected in example.expected.values():
            judged = np.ones(expected.lowest.shape, bool) if expected.free is None else ~expected.free
            output = _random_output(expected, random)
            trial = Trial(example, Optimizer.ALL, Answer.RAN, {})
            beyond, traits = expected.beyond(output), expected.traits_of(output)
            far_off = Difference(np.where(judged, FAR_OFF, 0.0), traits)
            elements += np.count_nonzero(judged)
            anything += np.count_nonzero(judged & _covered(entries, trial, far_off))
            wrong += np.count_nonzero(beyond)
            left += np.count_nonzero((beyond > 0.0) & ~_covered(entries, trial, Difference(beyond, traits)))
    return Waived(elements, anything, wrong > 0 and left == 0)


def _covered(entries: tuple[KnownDeviation, ...], trial: Trial, difference: Difference) -> Array:
    covered = np.zeros(difference.beyond.shape, bool)
    for entry in entries:
        covered |= entry.covers(trial, difference)
    return covered


def _random_output(expected: Expected, random: np.random.Generator) -> Array:
    """Any code of an integer type; floats of up to the largest that is right."""
    shape, dtype = expected.lowest.shape, expected.dtype
    if dtype.kind in "iu":
        return random.integers(np.iinfo(dtype).min, np.iinfo(dtype).max, shape, dtype, endpoint=True)
    ends = np.abs(np.concatenate([expected.lowest.ravel(), expected.highest.ravel()]))
    largest = ends.max(initial=0.0, where=np.isfinite(ends)) or 1.0
    return np.asarray(random.uniform(-largest, largest, shape)).astype(dtype)


def all_waived(backend: str, examples: int) -> dict[str, Waived]:
    """By kernel, of all that are not listed as unsupported; of those without an entry nothing is waived."""
    known = KnownDeviations(shipped_known(backend), VERSIONS[backend], backend)
    kernels = (kernel for kernel in kernels_by_id().values() if known.unsupported(kernel.id) is None)
    return {kernel.id: waived(kernel, known, examples) for kernel in kernels}


if __name__ == "__main__":
    for name in sys.argv[1:]:
        found = all_waived(name, 8)
        total = sum(each.elements for each in found.values())
        free = sum(each.anything for each in found.values())
        print(f"{name}: any finite value is waived of {free:,} of {total:,} elements ({free / total:.1%}),")
        print("random outputs of:", *(kernel for kernel, each in found.items() if each.garbage), sep="\n  ")
