from __future__ import annotations

from pytest_qparity.backends.cpu import cpu_device, described_cpu
from pytest_qparity.processor import Processor


def test_a_cpu_is_named_with_the_features_that_change_quantized_kernels() -> None:
    assert described_cpu(Processor("AMD EPYC 9V74", ("avx2", "avx512_vnni"))) == "AMD EPYC 9V74 (avx2, avx512_vnni)"


def test_features_nobody_tells_are_unknown_and_not_absent() -> None:
    assert described_cpu(Processor("CPU", None)) == "CPU (features unknown)"


def test_this_cpu_has_a_name() -> None:
    assert cpu_device()
