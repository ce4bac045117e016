"""Figures in messages."""

from __future__ import annotations

MOST_DECIMALS = 12


def apart(value: float, limit: float, decimals: int) -> str:
    """`value` with `decimals` decimals, or with as many more as it takes to read otherwise than `limit`.

    A verdict on 19.97 dB must not say "20.0 dB, should be at least 20 dB".
    """
    for places in range(decimals, MOST_DECIMALS):
        shown = f"{value:.{places}f}"
        if shown != f"{limit:.{places}f}":
            return shown
    return f"{value:.{decimals}f}"
