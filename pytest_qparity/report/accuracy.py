"""How many accuracy verdicts of a ledger may be wrong by chance, since many gates are many chances."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_qparity.ledger import Ledger


def false_alarms(ledger: Ledger) -> Iterator[str]:
    """One line where accuracy was tested for populations: the sum of the levels of all their tests.

    A gate whose drop is exactly the margin passes with a chance of its level at most, and fails with as much; every
    other drop has smaller chances. Sums of expectations hold whether or not the gates share samples.
    """
    events = [event for event in ledger.verdicts if event.get("check") == "accuracy"]
    found = [event.get("evidence", {}).get("level") for event in events]
    levels = [level for level in found if isinstance(level, float)]
    if not levels:
        return
    one = len(levels) == 1
    gates = "1 gate of a population, wrong" if one else f"{len(levels)} gates of populations, each wrong"
    chance = " or ".join(f"{100 * level:g} %" for level in sorted(set(levels)))
    expected = f"{sum(levels):.2g}"
    yield (
        f"accuracy: {gates} either way with a chance of {chance} at most: expect up to {expected} false passes and "
        f"{expected} false failures"
    )
