"""The release gate for quantized ONNX models: `from pytest_qparity import gate, load_case`.

Names are imported when first used: pytest loads this package at every start, also of runs that hold no case.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from pytest_qparity.version import __version__

__all__ = [
    "BackendSpec",
    "Case",
    "DataSource",
    "Metric",
    "NamedPrecision",
    "ReportSection",
    "ReportTable",
    "__version__",
    "gate",
    "load_case",
    "read_ledger",
]

if TYPE_CHECKING:
    from pytest_qparity import gate
    from pytest_qparity.backends.registry import BackendSpec
    from pytest_qparity.case.contributed import DataSource, NamedPrecision
    from pytest_qparity.case.loading import Case, load_case
    from pytest_qparity.checks.metrics import Metric
    from pytest_qparity.ledger import read_ledger
    from pytest_qparity.report.added import ReportSection, ReportTable

_HOMES = {
    "BackendSpec": "pytest_qparity.backends.registry",
    "Case": "pytest_qparity.case.loading",
    "DataSource": "pytest_qparity.case.contributed",
    "Metric": "pytest_qparity.checks.metrics",
    "NamedPrecision": "pytest_qparity.case.contributed",
    "ReportSection": "pytest_qparity.report.added",
    "ReportTable": "pytest_qparity.report.added",
    "load_case": "pytest_qparity.case.loading",
    "read_ledger": "pytest_qparity.ledger",
}


def __getattr__(name: str) -> Any:
    if name == "gate":
        return importlib.import_module("pytest_qparity.gate")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'pytest_qparity' has no attribute {name!r}")
