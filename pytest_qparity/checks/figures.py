"""Figures in messages."""

from __future__ import annotations

MOST_DECIMALS = 12
LARGEST_FIXED = 1e9  # beyond, digits tell less than the exponent


def apart(value: float, limit: float, decimals: int) -> str:
    """`value` with `decimals` decimals, or with as many more as it takes to read otherwise than `limit`.

    A verdict on 19.97 dB must not say "20.0 dB, should be at least 20 dB". With more than MOST_DECIMALS: in figures,
    with an exponent.
    """
    if decimals > MOST_DECIMALS:
        told = ((f"{value:.{figures}g}", f"{limit:.{figures}g}") for figures in range(4, 17))
        return next((one for one, other in told if one != other), plain(value, decimals))
    if not max(abs(value), abs(limit)) < LARGEST_FIXED:
        return plain(value, decimals)
    for places in range(decimals, MOST_DECIMALS):
        shown = f"{value:.{places}f}"
        if shown != f"{limit:.{places}f}":
            return shown
    return f"{value:.{decimals}f}"


def plain(value: float, decimals: int) -> str:
    """`value` with `decimals` decimals; from a thousand million on, of what is no number, and where that were more than
    MOST_DECIMALS, as 1.34e+111."""
    return f"{value:.{decimals}f}" if abs(value) < LARGEST_FIXED and decimals <= MOST_DECIMALS else f"{value:.3g}"
