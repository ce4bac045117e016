"""How much the data of a case may hold, told to pytest."""

from __future__ import annotations

import numpy as np
import pytest

pytest_plugins = ["pytester"]

FAST = "--qparity-latency-seconds=0.01"


def test_data_above_the_limit_are_a_failure_that_says_how_to_allow_them(project: pytest.Pytester) -> None:
    result = project.runpytest(FAST, "-k", "ort-int8", "--qparity-largest-data-mb=0.001")

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    said = result.stdout.str()
    assert "QP-DATA-001" in said
    assert "test.npz: got 0.0 MB of arrays, should be at most 0.001 MB." in said
    assert "allow more: --qparity-largest-data-mb" in said
    assert "--qparity-largest-data-mb=0.001" in said


def test_calibration_data_are_held_to_the_ini_value_too(project: pytest.Pytester) -> None:
    np.savez(project.path / "cases" / "data" / "calibration.npz", input=np.ones((1_000, 16), np.float32))
    with (project.path / "pytest.ini").open("a") as ini:
        ini.write("qparity_largest_data_mb = 0.05\n")

    said = project.runpytest(FAST, "-k", "ort-int8").stdout.str()

    assert "calibration.npz: got 0.1 MB of arrays, should be at most 0.05 MB." in said


def test_an_impossible_limit_is_an_error_of_usage(project: pytest.Pytester) -> None:
    result = project.runpytest("--qparity-largest-data-mb=much")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--qparity-largest-data-mb 'much', should be a number of megabytes above 0*"])
