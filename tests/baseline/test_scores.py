"""Scores of 0 and 1 as a text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_qparity.baseline.scores import packed_scores, unpacked_scores


@given(st.lists(st.booleans(), min_size=1, max_size=70))
def test_what_is_packed_is_unpacked(bits: list[bool]) -> None:
    scores = np.array(bits, np.float64)

    text = packed_scores(scores)

    assert text is not None
    np.testing.assert_array_equal(unpacked_scores(text), scores)


@pytest.mark.parametrize("scores", [[], [0.5], [1.0, float("nan")]], ids=["none", "a half", "NaN"])
def test_scores_that_are_no_bits_are_not_packed(scores: list[float]) -> None:
    assert packed_scores(np.array(scores)) is None


@pytest.mark.parametrize("text", ["", "8", "8:", "9:/A==", "8:/A==/A==", "0:", "-8:/A==", "8:!!!!"])
def test_a_text_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="should be samples"):
        unpacked_scores(text)
