"""Drawing examples with hypothesis, always the same ones for the same seed; and shrinking one that deviates."""

from __future__ import annotations

import contextlib
import math
import time
import zlib
from typing import TYPE_CHECKING, Any

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


def shrink(kernel: Kernel, count: int, seed: int, deviates: Callable[[Example], bool]) -> None:
    """Offer simpler and simpler examples, until the simplest that deviates was the last that did, or SHRINK_SECONDS
    have passed.

    With the count and seed that `draw_examples` had, the first to deviate is among those it gave.
    """
    from hypothesis import Phase
    from hypothesis.errors import Flaky

    end = math.inf

    def require_conforming(example: Example) -> None:
        nonlocal end
        if time.monotonic() > end:
            raise _OutOfTime
        if deviates(example):
            end = min(end, time.monotonic() + SHRINK_SECONDS)
            raise _DeviatesError

    # Uninitialised memory does not deviate each time: what was found before stands.
    with contextlib.suppress(_DeviatesError, _OutOfTime, Flaky):
        _drive(kernel, count, seed, require_conforming, (Phase.generate, Phase.shrink))


class _DeviatesError(Exception):
    """Tells hypothesis that an example is one to shrink."""


class _OutOfTime(BaseException):
    """Ends hypothesis, which takes any Exception for one more failure."""


def _provider() -> dict[str, Any]:
    """The setting under which hypothesis draws from the seed alone.

    Now and then it draws a constant of the modules that happen to be loaded, and the examples would depend on them.
    Versions before 6.131 do not, and have no providers to choose from.
    """
    try:
        from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, HypothesisProvider
    except ImportError:
        return {}

    class OfTheSeed(HypothesisProvider):
        def _maybe_draw_constant(self, *arguments: object, **options: object) -> None:
            return None

    AVAILABLE_PROVIDERS.setdefault("qparity", OfTheSeed)
    return {"backend": "qparity"}


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
        **_provider(),
    )
    @hypothesis.given(kernel.examples())
    def each(example: Example) -> None:
        take(example)

    each()
