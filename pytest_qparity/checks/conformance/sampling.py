"""Drawing examples with hypothesis, always the same ones for the same seed; and shrinking one that deviates."""

from __future__ import annotations

import contextlib
import time
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis import Phase

    from pytest_qparity.checks.conformance.example import Example
    from pytest_qparity.checks.conformance.kernel import Kernel

__all__ = ["draw_examples", "shrink"]

SHRINK_SECONDS = 4.0


def draw_examples(kernel: Kernel, count: int, seed: int) -> tuple[Example, ...]:
    """At least one and at most `count` different examples; fewer where the kernel has no more."""
    from hypothesis import Phase

    drawn: list[Example] = []
    _drive(kernel, count, seed, drawn.append, (Phase.generate,))
    return tuple(drawn[:count])


def shrink(kernel: Kernel, count: int, seed: int, deviates: Callable[[Example], bool]) -> Example | None:
    """The simplest example that deviates which hypothesis finds in SHRINK_SECONDS, or None where none does.

    With the count and seed that `draw_examples` had it goes by the same examples until the first that deviates.
    """
    from hypothesis import Phase

    found: list[Example] = []
    end = time.monotonic() + SHRINK_SECONDS

    def require_conforming(example: Example) -> None:
        if found and time.monotonic() > end:
            raise _OutOfTime
        if deviates(example):
            found.append(example)
            raise _DeviatesError

    with contextlib.suppress(_DeviatesError, _OutOfTime):
        _drive(kernel, count, seed, require_conforming, (Phase.generate, Phase.shrink))
    return found[-1] if found else None


class _DeviatesError(Exception):
    """Tells hypothesis that an example is one to shrink."""


class _OutOfTime(BaseException):
    """Ends hypothesis, which takes any Exception for one more failure."""


def _drive(kernel: Kernel, count: int, seed: int, take: Callable[[Example], None], phases: tuple[Phase, ...]) -> None:
    import hypothesis

    @hypothesis.seed(zlib.crc32(f"{kernel.id} {seed}".encode()))
    @hypothesis.settings(
        max_examples=count,
        phases=phases,
        database=None,
        deadline=None,
        derandomize=False,
        print_blob=False,
        report_multiple_bugs=False,
        suppress_health_check=list(hypothesis.HealthCheck),
        verbosity=hypothesis.Verbosity.quiet,
    )
    @hypothesis.given(kernel.examples())
    def each(example: Example) -> None:
        take(example)

    each()
