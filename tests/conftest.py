"""No test depends on the clock. Those that need a GPU are skipped where there is none, and counted in the summary."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from pytest_qparity.backends.cuda_driver import DriverError, this_driver

MARKER = "gpu: computes on an NVIDIA GPU; skipped, and counted in the summary, where there is none"

# How long an example takes says what else runs on the machine.
settings.register_profile("any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-machine")


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with its golden and its variants made, copied for each test: to make them anew takes a second."""
    from tests.e2e.projects import accept_golden, make_variants, write_project

    root = tmp_path_factory.mktemp("template")
    case_file = write_project(root)
    accept_golden(case_file)
    make_variants(case_file)
    return root


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARKER)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    needing = [item for item in items if item.get_closest_marker("gpu")]
    reason = missing_gpu() if needing else ""
    for item in needing if reason else ():
        item.add_marker(pytest.mark.skip(reason=f"needs a GPU: {reason}"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = [report for report in terminalreporter.getreports("skipped") if "gpu" in getattr(report, "keywords", ())]
    if skipped:
        terminalreporter.section("GPU", red=True)
        terminalreporter.line(
            f"NOT RUN: {len(skipped)} tests that compute on a GPU: {missing_gpu() or 'they were skipped'}"
        )


def missing_gpu() -> str:
    """Why there is none; empty where there is one."""
    try:
        return "" if this_driver().gpus else "the NVIDIA driver finds no GPU"
    except DriverError as error:
        return str(error)
