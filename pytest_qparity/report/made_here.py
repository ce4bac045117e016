"""What verdicts rest on that nobody recorded or reviewed: drawn inputs, a golden made in the session itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_qparity.ledger import Ledger

__all__ = ["made_here_lines"]

_MOST_CASES = 3  # that one line names


def made_here_lines(ledger: Ledger) -> Iterator[str]:
    """One line for drawn inputs, one for a pair's golden, one for goldens that a session was told to make."""
    verdicts = [event for event in ledger.verdicts if event.get("evidence", {}).get("inputs") == "drawn"]
    cases = list(dict.fromkeys(str(event["case"]) for event in verdicts))
    if cases:
        more = f" and {len(cases) - _MOST_CASES} more" if len(cases) > _MOST_CASES else ""
        named = f"{', '.join(cases[:_MOST_CASES])}{more}"
        yield f"inputs of {named} were drawn: they show parity, not accuracy, and a failure may be theirs"
    pair = ledger.start.get("pair")
    told = pair.get("told", ()) if isinstance(pair, Mapping) else ()
    yield from (str(line).rstrip(".") for line in told if str(line).startswith("Golden: "))
    accepted = ledger.start.get("accept")
    if accepted:
        yield f"goldens were made in this session (--qparity-accept={accepted}): nobody has reviewed them since"
