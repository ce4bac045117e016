"""How this backend says that it cannot judge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_SAID = 3  # messages of an engine in one sentence


def not_loaded(got: str, should: str, remedy: str) -> CannotJudge:
    return CannotJudge(Failure(Code.BACKEND_LOAD, f'Backend "trt" got {got}, should {should}.', remedy))


def not_run(got: str, should: str, remedy: str) -> CannotJudge:
    return CannotJudge(Failure(Code.BACKEND_RUN, f'Backend "trt" got {got}, should {should}.', remedy))


def quoted(messages: Sequence[str]) -> str:
    """What an engine said, the first MOST_SAID of it."""
    told = "; ".join(f'"{message}"' for message in messages[:MOST_SAID])
    left = len(messages) - MOST_SAID
    return f"{told} and {left} more" if left > 0 else told or "no message"
