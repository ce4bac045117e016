from __future__ import annotations

import pytest

from pytest_qparity.case.names import known_list, nearest


@pytest.mark.parametrize(
    ("word", "right"),
    [("sqnr_dbb", "sqnr_db"), ("SQNR_DB", "sqnr_db"), ("cosin", "cosine"), ("zzz", None), ("", None)],
)
def test_the_nearest_known_name_is_found_and_none_where_nothing_is_near(word: str, right: str | None) -> None:
    assert nearest(word, ["cosine", "sqnr_db", "atol"]) == right


def test_the_nearest_name_keeps_its_own_spelling() -> None:
    assert nearest("topone", ["TopOne"]) == "TopOne"


def test_a_list_of_names_is_sorted_and_says_when_it_is_empty() -> None:
    assert known_list(["b", "a"]) == "a, b"
    assert known_list([]) == "(none)"
