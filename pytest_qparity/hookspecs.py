"""What third parties may add. Implement these in a conftest.py or a plugin; all answers are joined."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_qparity.backends.registry import BackendSpec
    from pytest_qparity.case.contributed import DataSource, NamedPrecision
    from pytest_qparity.checks.metrics import Metric
    from pytest_qparity.report.added import ReportSection


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


@pytest.hookspec
def pytest_qparity_precisions(config: pytest.Config) -> list[NamedPrecision]:  # type: ignore[empty-body]
    """Precisions to add: a recipe's keys, or a function that makes the variant, by a name that cases may use.

    Called once, before collection: return names and keys, import no quantizer.

        def pytest_qparity_precisions(config):
            return [NamedPrecision("acme-int8", base="int8", recipe={"calibration": "entropy"})]
    """


@pytest.hookspec
def pytest_qparity_data(config: pytest.Config) -> list[DataSource]:  # type: ignore[empty-body]
    """Data sources to add: a case's `test = "acme-hub:digits"` calls the function with "digits".

    Called once, before collection: return names and targets.

        def pytest_qparity_data(config):
            return [DataSource("acme-hub", "acme.hub:samples")]
    """


@pytest.hookspec
def pytest_qparity_report_sections(config: pytest.Config) -> list[ReportSection]:  # type: ignore[empty-body]
    """Sections to add to the terminal summary, the page, the summary in Markdown and pytest-html's page.

    The function gets a copy of the ledger, once all is decided, and gives text, a ReportTable, or a list of these.

        def pytest_qparity_report_sections(config):
            return [ReportSection("Cost of the fleet", "acme.costs:section")]
    """
