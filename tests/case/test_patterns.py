from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_qparity.case.patterns import is_closed, matches


@pytest.mark.parametrize("pattern", ["*", "a[bc]d", "[[]x", "[]]", "[!]]", "x]", "[a][b]", "op:Conv*", "[!a]"])
def test_a_glob_whose_brackets_close_is_closed(pattern: str) -> None:
    assert is_closed(pattern)


@pytest.mark.parametrize("pattern", ["[", "a[bc", "[]", "[!", "[!]", "[a][b", "conv["])
def test_a_glob_with_an_open_bracket_is_not_closed(pattern: str) -> None:
    assert not is_closed(pattern)


@given(st.text("[]!ab", max_size=8))
def test_closed_is_what_leaves_no_bracket_once_all_sequences_are_cut_out(pattern: str) -> None:
    rest = re.sub(r"\[!?+\]?+[^\]]*\]", "", pattern)

    assert is_closed(pattern) == ("[" not in rest)


def test_upper_and_lower_case_differ() -> None:
    assert matches("Conv*", "Conv_1")
    assert not matches("conv*", "Conv_1")
