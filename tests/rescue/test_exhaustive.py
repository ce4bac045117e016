"""All sets of the nodes that may be float: which are judged, and what is said of them."""

from __future__ import annotations

import pytest

from pytest_qparity.rescue.exhaustive import Proof, sets_to_judge

NODES = "abcd"  # 6 sets of 2, 4 of 1


def sizes(left: int, *judged: str, nodes: str = NODES) -> list[tuple[int, int]]:
    known = [frozenset(each) for each in judged]
    return [(size, len(waiting)) for size, waiting in sets_to_judge(nodes, 2, known, left)]


@pytest.mark.parametrize(("left", "expected"), [(5, []), (6, [(2, 6)]), (9, [(2, 6)]), (10, [(2, 6), (1, 4)])], ids=str)
def test_the_largest_sets_come_first_and_none_where_not_all_of_a_size_fit(left, expected):
    assert sizes(left) == expected


def test_what_was_judged_costs_nothing_again():
    assert sizes(7, "ab", "dc", "c") == [(2, 4), (1, 3)]


def test_the_sets_of_many_nodes_are_not_counted_to_their_end():
    assert not list(sets_to_judge([str(index) for index in range(2000)], 500, [], 40))


def test_a_proof_says_what_it_rests_on():
    whole = Proof(28, 7, 1, 2, "")
    assert whole.sentence == "None of all 28 sets of 1 to 2 of the 7 nodes that can be float passes."
    assumed = Proof(21, 7, 2, 2, "smooth = 0.5").sentence
    assert assumed.startswith("None of all 21 sets of 2 of the 7 nodes that can be float passes with smooth = 0.5;")
    assert "fewer float are not expected" in assumed
    assert Proof(1, 1, 1, 1, "").sentence.startswith("Not the one set of 1 of the 1 nodes")
