"""What a worker holds of calibration data."""

from __future__ import annotations

import numpy as np

from pytest_qparity.precision.jobs import Calibration
from tests.precision.graphs import one_matmul
from tests.precision.making import recipe


def test_feeds_that_are_kept_stay_what_they_were_when_the_next_one_comes_in_the_same_memory():
    memory = np.zeros((1, 8), np.float32)
    calibration = Calibration(one_matmul(), recipe("int4", format="qoperator", algorithm="gptq"))

    for value in (1.0, 2.0):
        memory[...] = value
        calibration.take({"x": memory}, 1)

    assert [feed["x"][0, 0] for feed in calibration.feeds] == [1.0, 2.0]
