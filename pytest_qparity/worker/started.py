"""Workers that were started before anybody asked for them: several start in the time of one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from pytest_qparity.verdict import CannotJudge

if TYPE_CHECKING:
    from pytest_qparity.worker.limits import Limits
    from pytest_qparity.worker.protocol import Worker


class StartedWorkers:
    """Those that wait within a block. None of them has done a call, so that they are as new ones are."""

    def __init__(self) -> None:
        self._waiting: list[Worker] = []

    @contextlib.contextmanager
    def ahead(self, start: Callable[[Limits], Worker], limits: Iterable[Limits]) -> Iterator[None]:
        """Start one for each of `limits`; what nobody has taken at the end of the block is closed."""
        try:
            with contextlib.suppress(CannotJudge):  # whoever asks for a worker is told that none starts
                self._waiting.extend(map(start, limits))
            yield
        finally:
            while self._waiting:
                self._waiting.pop().close()

    def taken(self, limits: Limits) -> Worker | None:
        """One with exactly these limits, which is the caller's from now on; None where none waits."""
        for index, worker in enumerate(self._waiting):
            if worker.limits == limits:
                return self._waiting.pop(index)
        return None
