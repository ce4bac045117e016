"""What third parties may add. Implement these in a conftest.py or a plugin; all answers are joined."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_qparity.backends.registry import BackendSpec
    from pytest_qparity.checks.metrics import Metric


@pytest.hookspec
def pytest_qparity_backends(config: pytest.Config) -> list[BackendSpec]:  # type: ignore[empty-body]
    """Backends to add, or to put in the place of a built-in one of the same name.

    Called once, before collection: return names and targets, import no engine.

        def pytest_qparity_backends(config):
            return [BackendSpec("my-engine", "my_package.my_engine:MyEngine", placement="ort")]
    """


@pytest.hookspec
def pytest_qparity_metrics(config: pytest.Config) -> list[Metric]:  # type: ignore[empty-body]
    """Accuracy metrics to add. A function that gives an array, and no Scores, needs a direction.

    def pytest_qparity_metrics(config):
        return [Metric("rmse", "my_package.metrics:squared_errors", direction="lower", percent=False)]
    """
