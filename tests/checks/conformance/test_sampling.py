from __future__ import annotations

import hashlib
import subprocess
import sys

import pytest

from pytest_qparity.checks.conformance import kernels_by_id
from pytest_qparity.checks.conformance.example import TRAITS
from pytest_qparity.checks.conformance.models import example_model
from pytest_qparity.checks.conformance.sampling import draw_examples, shrink

KERNELS = (
    "quantize_linear-fp32_int8-blocked-opset21",
    "qdq_conv_relu-u8s8-per_axis-opset21",
    "qgemm-u8s8-per_axis-opset21",
)
ELSEWHERE = """
import sys
sys.path.insert(0, "tests")
THESE = [11, 13, 17, 19, 23, 3.25, 7.5]  # constants of a module that is loaded beside
from tests.checks.conformance.test_sampling import digest
print(digest())
"""


def digest() -> str:
    found = hashlib.sha256()
    for kernel_id in KERNELS:
        kernel = kernels_by_id()[kernel_id]
        for example in draw_examples(kernel, 12, 3):
            found.update(example_model([example], kernel.opset).SerializeToString(deterministic=True))
            for array in example.inputs.values():
                found.update(array.tobytes())
    return found.hexdigest()


def test_the_same_seed_gives_the_same_examples_whatever_else_is_loaded() -> None:
    done = subprocess.run([sys.executable, "-c", ELSEWHERE], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == digest() == digest()


def test_another_seed_gives_other_examples() -> None:
    kernel = kernels_by_id()[KERNELS[0]]

    first, second = (draw_examples(kernel, 12, seed) for seed in (0, 1))

    assert [example.expected["y"].lowest.tolist() for example in first] != [
        example.expected["y"].lowest.tolist() for example in second
    ]


@pytest.mark.parametrize("kernel_id", sorted(kernels_by_id()))
def test_every_kernel_has_examples_with_elements(kernel_id: str) -> None:
    examples = draw_examples(kernels_by_id()[kernel_id], 6, 0)

    assert len(examples) > 1
    assert sum(example.elements for example in examples) > 0
    named = {trait for example in examples for expected in example.expected.values() for trait in expected.traits}
    assert named.union(*(example.traits for example in examples)) <= TRAITS


def test_shrinking_ends_with_the_simplest_that_deviates() -> None:
    kernel = kernels_by_id()["qdq_relu-s4-opset21"]
    deviating: list[int] = []

    def deviates(example) -> bool:  # type: ignore[no-untyped-def]
        negative = any((array < 0).any() for array in example.inputs.values())
        if negative:
            deviating.append(example.elements)
        return negative

    shrink(kernel, 40, 0, deviates)

    assert deviating[-1] == 1
