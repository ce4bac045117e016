from __future__ import annotations

import json
import platform

from pytest_qparity.processor import TELLING, Processor, described, this_processor

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


def test_this_processor_is_plain_json() -> None:
    told = json.loads(json.dumps(this_processor().as_json()))

    assert told["name"]
    assert told["features"] == "unknown" or set(told["features"]) <= set(TELLING)
