"""Whether scores mean what they say: the expected calibration error of class probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    FloatArray = np.ndarray[Any, np.dtype[np.float64]]

BINS = 15
_VALUES = 1 << 17  # at a time, so that they and their exponentials stay in the L2 cache: half the time of 2²²
_SUM_TOLERANCE = 1e-2  # of float16 and int8 probabilities


def confidences(scores: np.ndarray) -> FloatArray:
    """The probability of each sample's best class, float64 (samples,): of probabilities the largest, of logits that of
    their softmax. scores: (samples, classes), numbers; probabilities lie in 0 to 1 and sum to 1 in every sample."""
    import numpy as np

    are_probabilities = bool(np.min(scores) >= 0) and bool(
        np.all(np.abs(scores.sum(axis=1, dtype=np.float64) - 1.0) <= _SUM_TOLERANCE)
    )
    if are_probabilities:
        best: FloatArray = scores.max(axis=1).astype(np.float64)
        return best
    found = np.empty(len(scores))
    kind = np.float64 if scores.dtype == np.float64 else np.float32
    step = max(1, _VALUES // scores.shape[1])
    room = np.empty((step, scores.shape[1]), kind)
    for start in range(0, len(scores), step):
        rows = slice(start, start + step)
        part = scores[rows].astype(kind, copy=False)
        powers = np.subtract(part, part.max(axis=1, keepdims=True), out=room[: len(part)])
        np.exp(powers, out=powers)
        found[rows] = 1.0 / powers.sum(axis=1)
    return found


def calibration_error(confidence: FloatArray, correct: FloatArray) -> float:
    """ECE = Σ over bins of share·|mean correct − mean confidence|, BINS bins of equal width over 0 to 1.

    Naeini, Cooper and Hauskrecht 2015; Guo et al. 2017. Both float64 (samples,); `correct` is 0 or 1. ECE grows where
    samples are few, by about the square root of bins over samples: compare two models on the same samples only.
    """
    import numpy as np

    bins = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
    gaps = np.bincount(bins, weights=correct - confidence, minlength=BINS)
    return float(np.sum(np.abs(gaps)) / len(confidence))
