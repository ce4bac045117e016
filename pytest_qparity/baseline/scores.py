"""Scores of 0 and 1 as a text: a bit a sample, so that a ledger and a baseline can keep them all."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    FloatArray = np.ndarray[Any, np.dtype[np.float64]]

__all__ = ["packed_scores", "unpacked_scores"]

MOST_SAMPLES = 200_000  # 33 kB of text


def packed_scores(scores: FloatArray) -> str | None:
    """ "540:…": how many, and the bits in base64, the first sample highest; None of scores that are not all 0 or 1, or
    of more than MOST_SAMPLES. scores: float64 (samples,)."""
    import numpy as np

    if not 0 < len(scores) <= MOST_SAMPLES or not ((scores == 0) | (scores == 1)).all():
        return None
    return f"{len(scores)}:{base64.b64encode(np.packbits(scores.astype(bool)).tobytes()).decode()}"


def unpacked_scores(text: str) -> FloatArray:
    """float64 (samples,) of 0 and 1. Raises ValueError at a text that `packed_scores` does not give."""
    import numpy as np

    count, separator, bits = text.partition(":")
    try:
        content = np.frombuffer(base64.b64decode(bits, validate=True), np.uint8)
    except binascii.Error:
        content = np.zeros(0, np.uint8)
    if not (separator and count.isascii() and count.isdigit()) or len(content) != -(-int(count) // 8) or not int(count):
        raise ValueError(f"got {text[:20]!r}, should be samples, a colon, and a bit for each in base64")
    return np.unpackbits(content, count=int(count)).astype(np.float64)
