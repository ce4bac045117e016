"""What is made of one thing after another, the next one's while this one's is used."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence
    from concurrent.futures import Future

__all__ = ["Ahead"]

Key = TypeVar("Key", bound="Hashable")
Made = TypeVar("Made")


class Ahead(Generic[Key, Made]):
    """`make` of keys; where these are asked for in their `order`, that of the next is made in a thread of its own.

    Who asks for keys out of order, since some were left out, gets nothing made that may not be asked for. What `make`
    raises, `of` raises.
    """

    def __init__(self, make: Callable[[Key], Made], order: Sequence[Key], name: str) -> None:
        self._make = make
        self._following = dict(pairwise(order))
        self._expected = order[0] if order else None
        self._ahead: tuple[Key, Future[Made]] | None = None
        self._thread = ThreadPoolExecutor(1, name) if self._following else None
        self._turn = threading.Lock()

    def of(self, key: Key) -> Made:
        with self._turn:
            made = self._taken(key)
            following = self._following.get(key)
            in_order, self._expected = key == self._expected, following
            if self._thread is not None and following is not None and in_order:
                self._ahead = (following, self._thread.submit(self._make, following))
            return made

    def close(self) -> None:
        """Wait for what is being made."""
        if self._thread is not None:
            self._thread.shutdown(wait=True, cancel_futures=True)

    def _taken(self, key: Key) -> Made:
        ahead, self._ahead = self._ahead, None
        if ahead is None:
            return self._make(key)
        its_key, future = ahead
        if its_key == key:
            return future.result()
        if not future.cancel():
            future.exception()  # nobody asks for it; it must end before another is made
        return self._make(key)
