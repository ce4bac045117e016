"""How every property of the reference is run: the same examples each time, within half a second."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

PROFILE = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
