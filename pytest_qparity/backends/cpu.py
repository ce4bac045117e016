"""What the CPU is, as the facts of a session say it."""

from __future__ import annotations

from pytest_qparity.processor import Processor, this_processor


def cpu_device() -> str:
    """ "AMD EPYC (avx2, avx512f, avx512_vnni)": the model and those of its features that change quantized kernels."""
    return described_cpu(this_processor())


def described_cpu(processor: Processor) -> str:
    if processor.features is None:
        return f"{processor.name} (features unknown)"
    return f"{processor.name} ({', '.join(processor.features) or 'no features that matter'})"
