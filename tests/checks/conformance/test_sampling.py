from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
import zlib
from dataclasses import replace

import hypothesis
import pytest
from hypothesis import strategies as st

from pytest_qparity.checks.conformance import Kernel, Sampler, kernels_by_id
from pytest_qparity.checks.conformance.example import TRAITS, Example
from pytest_qparity.checks.conformance.models import example_model
from pytest_qparity.checks.conformance.sampling import draw_examples, shrink

KERNELS = (
    "quantize_linear-fp32_int8-blocked-opset21",
    "qdq_conv_relu-u8s8-per_axis-opset21",
    "qgemm-u8s8-per_axis-opset21",
)
OF_ONE_EXAMPLE = {"qlinear_leaky_relu-u8-left_off-opset21"}  # which ends the engine that has it wrong
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

    assert len(examples) > 1 or kernel_id in OF_ONE_EXAMPLE
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


@pytest.mark.parametrize("pause", [0.0, 0.002], ids=["fast", "slow"])
def test_the_simplest_example_does_not_depend_on_how_long_a_try_takes(pause: float, offered: list[list[str]]) -> None:
    kernel = kernels_by_id()["qdq_conv_relu-u8s8-per_axis-opset21"]
    tried: list[str] = []

    def deviates(example) -> bool:  # type: ignore[no-untyped-def]
        tried.append(hashlib.sha256(b"".join(array.tobytes() for array in example.inputs.values())).hexdigest())
        clock.wait(pause)
        return example.elements > 3

    clock = threading.Event()
    shrink(kernel, 30, 0, deviates)

    offered.append(tried)
    assert len(tried) > 10
    assert all(each == tried for each in offered)


@pytest.fixture(scope="module")
def offered() -> list[list[str]]:
    return []


def test_shrinking_ends_after_a_number_of_tries() -> None:
    kernel = kernels_by_id()["qdq_conv_relu-u8s8-per_axis-opset21"]
    tried: list[bool] = []

    def deviates(example: Example) -> bool:
        """In no way that gets simpler step by step."""
        of_inputs = zlib.crc32(b"".join(array.tobytes() for array in example.inputs.values()))
        tried.append(example.elements > 20 and of_inputs % 3 == 0)
        return tried[-1]

    shrink(kernel, 30, 0, deviates, tries=20)

    assert len(tried) - tried.index(True) - 1 == 20


def test_examples_drawn_ahead_are_those_that_are_drawn_when_asked_for() -> None:
    kernels = [kernels_by_id()[kernel_id] for kernel_id in KERNELS]
    ahead, alone = Sampler(6, 0, kernels), Sampler(6, 0)

    threads = {thread.name for thread in threading.enumerate()}
    for kernel in (kernels[0], kernels[2], kernels[1], kernels[0]):  # in their order or not
        assert models_of(kernel, ahead.examples(kernel)) == models_of(kernel, alone.examples(kernel))
    ahead.close()

    assert {thread.name for thread in threading.enumerate()} == threads


def test_what_drawing_ahead_raises_belongs_to_its_kernel() -> None:
    sound = kernels_by_id()[KERNELS[0]]
    wrong = replace(sound, id="wrong-opset21", examples=lambda: st.nothing().map(lambda _: pytest.fail("drawn")))
    sampler = Sampler(6, 0, [sound, wrong])

    assert sampler.examples(sound)
    with pytest.raises(hypothesis.errors.HypothesisException):
        sampler.examples(wrong)
    sampler.close()


def models_of(kernel: Kernel, examples: tuple[Example, ...]) -> bytes:
    return example_model(examples, kernel.opset).SerializeToString(deterministic=True)
