"""A ledger that holds one run of a larger one, as a release does: the same words in every report."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_qparity.ledger import Ledger

__all__ = ["extract_lines", "with_extract"]


def with_extract(word: str, ledger: Ledger) -> str:
    """The word of a ledger, with what it is the word of where that is one run alone."""
    return word if ledger.extract_of is None else f"{word}, extract of one run"


def extract_lines(ledger: Ledger) -> Iterator[str]:
    """Nothing of a whole ledger."""
    if ledger.extract_of is not None:
        yield f"extract: {ledger.extract_of} alone; what else its session judged is not in this ledger"
