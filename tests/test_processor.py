from __future__ import annotations

import json
import platform
import sys

import pytest

from pytest_qparity.processor import TELLING, Processor, described, processor_model, this_processor, told_by

X64 = """processor : 0
model name\t: AMD EPYC 9V74
flags\t\t: fpu sse2 avx avx2 avx512f avx512_vnni amx_int8

processor : 1
model name\t: Another
flags\t\t: fpu avx_vnni
"""
ARM = "processor : 0\nFeatures : fp asimd asimddp i8mm bf16\n"


def test_the_first_of_several_x64_processors_is_named_with_what_decides_its_kernels() -> None:
    assert described(X64) == Processor("AMD EPYC 9V74", ("avx2", "avx512f", "avx512_vnni", "amx_int8"))


def test_an_arm_processor_has_dot_products() -> None:
    assert described(ARM).features == ("asimddp", "i8mm", "bf16")


def test_a_processor_without_any_of_the_features_has_none_of_them() -> None:
    assert described("model name: old\nflags: fpu sse2\n") == Processor("old", ())


def test_features_that_nobody_tells_are_unknown_and_not_absent() -> None:
    found = described("")

    assert found == Processor(platform.processor() or platform.machine(), None)
    assert found.as_json()["features"] == "unknown"


APPLE = """machdep.cpu.cores_per_package: 8
machdep.cpu.brand_string: Apple M2
hw.cpufamily: 3660830781
hw.cpusubfamily: 2
hw.optional.arm.FEAT_DotProd: 1
hw.optional.arm.FEAT_I8MM: 1
hw.optional.arm.FEAT_BF16: 1
hw.optional.arm.FEAT_SME: 0
"""
INTEL_MAC = """machdep.cpu.brand_string: Intel(R) Core(TM) i7-8750H CPU @ 2.20GHz
machdep.cpu.family: 6
machdep.cpu.model: 158
machdep.cpu.stepping: 10
machdep.cpu.leaf7_features: BMI1 AVX2 SMEP
hw.optional.avx2_0: 1
"""
WINDOWS = """ProcessorNameString: AMD EPYC 7763 64-Core Processor
Identifier: AMD64 Family 25 Model 1 Stepping 1
"""


@pytest.mark.parametrize(
    ("text", "found", "model"),
    [
        pytest.param(APPLE, Processor("Apple M2", ("asimddp", "i8mm", "bf16")), "3660830781-2", id="Apple"),
        pytest.param(
            APPLE.replace("I8MM: 1", "I8MM: 0"),
            Processor("Apple M2", ("asimddp", "bf16")),
            "3660830781-2",
            id="lacking",
        ),
        pytest.param(
            INTEL_MAC, Processor("Intel(R) Core(TM) i7-8750H CPU @ 2.20GHz", None), "6-158-10", id="macOS on x64"
        ),
        pytest.param(
            WINDOWS,
            Processor("AMD EPYC 7763 64-Core Processor", None),
            "AMD64 Family 25 Model 1 Stepping 1",
            id="Windows",
        ),
    ],
)
def test_systems_without_proc_tell_of_it_in_their_own_words(text: str, found: Processor, model: str) -> None:
    assert described(text) == found
    assert processor_model(text) == model


def test_what_a_command_prints_counts_though_it_does_not_know_all(tmp_path) -> None:
    assert described(told_by((sys.executable, "-c", "print('machdep.cpu.brand_string: Apple M1'); exit(1)"))).name == (
        "Apple M1"
    )
    assert told_by((str(tmp_path / "sysctl"),)) == ""


def test_this_processor_is_plain_json() -> None:
    told = json.loads(json.dumps(this_processor().as_json()))

    assert told["name"]
    assert told["features"] == "unknown" or set(told["features"]) <= set(TELLING)
