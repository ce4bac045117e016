"""What pytest loads in every session: names, targets and keys, no engine."""

from __future__ import annotations

from pytest_qparity import BackendSpec, NamedPrecision


def pytest_qparity_backends() -> list[BackendSpec]:
    return [BackendSpec("tinynet", "qparity_tinynet.backend:Tinynet", placement="any", optimizers=("off", "all"))]


def pytest_qparity_precisions() -> list[NamedPrecision]:
    """The recipe that tinynet's makers recommend: its kernels take zero points; outliers keep their range."""
    return [NamedPrecision("tinynet-int8", base="int8", recipe={"calibration": "minmax", "symmetric": False})]
