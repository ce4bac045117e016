from __future__ import annotations

from pytest_qparity.backends.cpu import cpu_device, described_cpu

X64 = """processor : 0
model name\t: AMD EPYC 9V74
flags\t\t: fpu sse2 avx avx2 avx512f avx512_vnni

processor : 1
model name\t: AMD EPYC 9V74
flags\t\t: fpu
"""
ARM = "processor : 0\nFeatures : fp asimd asimddp i8mm bf16\n"


def test_an_x64_cpu_is_named_with_the_features_that_change_quantized_kernels() -> None:
    assert described_cpu(X64) == "AMD EPYC 9V74 (avx2, avx512f, avx512_vnni)"


def test_an_arm_cpu_has_its_own_features() -> None:
    assert described_cpu(ARM).endswith("(asimddp, i8mm, bf16)")


def test_features_nobody_tells_are_unknown_and_not_absent() -> None:
    assert described_cpu("").endswith("(features unknown)")


def test_this_cpu_has_a_name() -> None:
    assert cpu_device()
