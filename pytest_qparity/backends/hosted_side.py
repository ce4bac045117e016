"""A session in a worker as one side of a comparison of times: its blocks are made there, one at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self

from pytest_qparity.backends.timed_calls import Block

if TYPE_CHECKING:
    import numpy as np

    from pytest_qparity.worker.protocol import Answer

    Ask = Callable[[str, Mapping[str, Any], Mapping[str, np.ndarray], int], Answer]


class HostedSide:
    """Within `with`: when that ends in order, what the session gives is looked at once more."""

    settles = True

    def __init__(self, ask: Ask, feed: Mapping[str, np.ndarray]) -> None:
        """`ask`: calls a function of `serving` with arguments and arrays, of so many runs at most."""
        self._ask = ask
        self._feed = feed
        self.used_s = 0.0
        self.computes_elsewhere = False

    def __enter__(self) -> Self:
        answer = self._ask("begin_blocks", {}, self._feed, 3)
        self.computes_elsewhere = answer.value["computes_elsewhere"] is True
        self._see(answer)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._ask("end_blocks", {}, {}, 1)

    def with_copies(self) -> None:
        """Time runs with all copies, not those of a feed that lies on the device."""
        self._ask("with_copies", {}, {}, 1)

    def block(self, skipped: int, counted: int) -> Block:
        # A block is as many calls as take a few milliseconds, or one: that two of them hang is long enough to wait.
        answer = self._ask("timed_block", {"skipped": skipped, "counted": counted}, {}, 2)
        self._see(answer)
        return Block.of_array(answer.arrays["calls"])

    def rest(self, *, look: bool) -> None:
        if look:
            self._ask("look_at_block", {}, {}, 1)

    def _see(self, answer: Answer) -> None:
        """Processor time of a worker in this process is this process's own."""
        if answer.value["pid"] != os.getpid():
            self.used_s = answer.value["used_s"]
