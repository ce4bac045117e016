"""Drawing examples with hypothesis, always the same ones for the same seed; and shrinking one that deviates."""

from __future__ import annotations

import contextlib
import threading
import zlib
from typing import TYPE_CHECKING, Any

from pytest_qparity.checks.conformance.ahead import Ahead

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hypothesis import Phase

    from pytest_qparity.checks.conformance.example import Example
    from pytest_qparity.checks.conformance.kernel import Kernel

__all__ = ["Sampler", "draw_examples", "shrink"]

_HYPOTHESIS = threading.Lock()  # not every version that is promised can be used by two threads at once
SHRINK_TRIES = 400  # simpler examples that are tried before the simplest so far is taken


class Sampler:
    """The examples of kernels, and simpler ones where one deviates: `count` of each, by `seed`.

    Where the `order` of the kernels is known, those of the next one are drawn while an engine is busy with this one.
    """

    def __init__(self, count: int, seed: int, order: Sequence[Kernel] = (), shrink_tries: int = SHRINK_TRIES) -> None:
        self.count = count
        self.seed = seed
        self._shrink_tries = shrink_tries
        self._drawn = Ahead(self._draw, order, "qparity-examples")

    def examples(self, kernel: Kernel) -> tuple[Example, ...]:
        """At least one and at most `count` different examples; the same ones whether they were drawn ahead or not."""
        return self._drawn.of(kernel)

    def shrink(self, kernel: Kernel, deviates: Callable[[Example], bool]) -> None:
        with _HYPOTHESIS:
            shrink(kernel, self.count, self.seed, deviates, self._shrink_tries)

    def close(self) -> None:
        self._drawn.close()

    def _draw(self, kernel: Kernel) -> tuple[Example, ...]:
        with _HYPOTHESIS:
            return draw_examples(kernel, self.count, self.seed)


def draw_examples(kernel: Kernel, count: int, seed: int) -> tuple[Example, ...]:
    """At least one and at most `count` different examples; fewer where the kernel has no more."""
    from hypothesis import Phase

    drawn: list[Example] = []
    _drive(kernel, count, seed, drawn.append, (Phase.generate,))
    return tuple(drawn[:count])


def shrink(
    kernel: Kernel, count: int, seed: int, deviates: Callable[[Example], bool], tries: int = SHRINK_TRIES
) -> None:
    """Offer simpler and simpler examples, until the simplest that deviates was the last that did, or `tries` were
    offered: a budget in tries, not in seconds, so that the same one is found on every machine.

    With the count and seed that `draw_examples` had, the first to deviate is among those it gave.
    """
    from hypothesis import Phase
    from hypothesis.errors import Flaky

    left: int | None = None  # until one deviates

    def require_conforming(example: Example) -> None:
        nonlocal left
        if left is not None:
            if left == 0:
                raise _OutOfTries
            left -= 1
        if deviates(example):
            left = tries if left is None else left
            raise _DeviatesError

    # Uninitialised memory does not deviate each time: what was found before stands.
    with contextlib.suppress(_DeviatesError, _OutOfTries, Flaky):
        _drive(kernel, count, seed, require_conforming, (Phase.generate, Phase.shrink))


class _DeviatesError(Exception):
    """Tells hypothesis that an example is one to shrink."""


class _OutOfTries(BaseException):
    """Ends hypothesis, which takes any Exception for one more failure."""


def _provider() -> dict[str, Any]:
    """The setting under which hypothesis draws from the seed alone, and draws tensors at once.

    Now and then it draws a constant of the modules that happen to be loaded, and the examples would depend on them.
    It draws bytes one by one, which took a third of the time that drawing takes: of a fixed number, all are drawn in
    one call, and they are the same ones. Versions before 6.131 draw no constants, and have no providers to choose from.
    """
    try:
        from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, HypothesisProvider
    except ImportError:
        return {}

    class OfTheSeed(HypothesisProvider):
        def _maybe_draw_constant(self, *arguments: object, **options: object) -> None:
            return None

        def draw_bytes(self, min_size: int = 0, max_size: int = 2**30) -> bytes:
            if min_size != max_size or self._random is None:
                return super().draw_bytes(min_size, max_size)
            # A byte by itself is the topmost of a word of 32 bits.
            return self._random.getrandbits(32 * min_size).to_bytes(4 * min_size, "little")[3::4]

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
