"""When a supervisor looks again at the memory of what it watches."""

from __future__ import annotations

import pytest

from pytest_qparity.worker.supervisor import FASTEST_MB_PER_MS, RARE_WATCH_MS, WATCH_MS, next_look_ms


@pytest.mark.parametrize(
    ("free_mb", "milliseconds"),
    [
        pytest.param(-100.0, WATCH_MS, id="beyond the limit"),
        pytest.param(0.0, WATCH_MS, id="at the limit"),
        pytest.param(WATCH_MS * FASTEST_MB_PER_MS, WATCH_MS, id="filled in one look"),
        pytest.param(4_000.0, 80, id="as long as filling it takes"),
        pytest.param(1e6, RARE_WATCH_MS, id="far from the limit"),
    ],
)
def test_memory_is_looked_at_before_what_is_allowed_can_be_filled(free_mb, milliseconds):
    assert next_look_ms(free_mb) == milliseconds
