"""Conformance of an engine's kernels with their operators' specifications."""

from __future__ import annotations

from pytest_qparity.checks.conformance.ahead import Ahead
from pytest_qparity.checks.conformance.catalogue import kernels_by_id
from pytest_qparity.checks.conformance.judging import Laboratory, Tried, judge_kernel, judge_record, try_kernel
from pytest_qparity.checks.conformance.kernel import Kernel
from pytest_qparity.checks.conformance.known import (
    Known,
    KnownDeviation,
    KnownDeviations,
    KnownError,
    read_known,
    shipped_known,
)
from pytest_qparity.checks.conformance.models import probe_model
from pytest_qparity.checks.conformance.record import Record
from pytest_qparity.checks.conformance.reproducer import reproducer
from pytest_qparity.checks.conformance.sampling import Sampler
from pytest_qparity.checks.conformance.trial import Answer, Bench, Trial

__all__ = [
    "Ahead",
    "Answer",
    "Bench",
    "Kernel",
    "Known",
    "KnownDeviation",
    "KnownDeviations",
    "KnownError",
    "Laboratory",
    "Record",
    "Sampler",
    "Trial",
    "Tried",
    "judge_kernel",
    "judge_record",
    "kernels_by_id",
    "probe_model",
    "read_known",
    "reproducer",
    "shipped_known",
    "try_kernel",
]
