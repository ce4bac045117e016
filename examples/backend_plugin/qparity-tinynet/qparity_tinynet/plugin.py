"""What pytest loads in every session: names and targets, no engine."""

from __future__ import annotations

from pytest_qparity import BackendSpec


def pytest_qparity_backends() -> list[BackendSpec]:
    return [BackendSpec("tinynet", "qparity_tinynet.backend:Tinynet", placement="any", optimizers=("off", "all"))]
