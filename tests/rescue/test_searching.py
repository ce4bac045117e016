from __future__ import annotations

import itertools

import pytest

from pytest_qparity.rescue.searching import pruned, smallest_prefix

NAMES = tuple("abcdefghijklmnopqrstuvwxyz")


class Counting:
    """Passes where all of `needed` are there."""

    def __init__(self, needed) -> None:
        self.needed, self.asked = frozenset(needed), 0

    def __call__(self, names) -> bool:
        self.asked += 1
        return self.needed <= set(names)


@pytest.mark.parametrize("length", range(1, 27))
def test_the_smallest_prefix_that_passes_is_found(length):
    judge = Counting(NAMES[length - 1])

    assert smallest_prefix(NAMES, 26, judge) == length
    assert judge.asked <= 10


@pytest.mark.parametrize("most", [1, 2, 3, 7, 8, 25])
def test_no_longer_prefix_than_may_be_is_tried(most):
    tried = []

    assert smallest_prefix(NAMES, most, lambda names: tried.append(len(names))) is None
    assert max(tried) == most
    assert len(tried) == len(set(tried))


def test_nothing_to_take_is_no_prefix():
    assert smallest_prefix((), 0, Counting("")) is None


@pytest.mark.parametrize(
    "needed", [pair for size in (1, 2, 3) for pair in itertools.combinations("abcdefg", size)], ids="".join
)
def test_members_without_which_it_still_passes_are_left_out(needed):
    assert pruned("abcdefg", Counting(needed)) == needed


def test_the_least_worth_keeping_goes_first():
    """Any two will do."""
    assert pruned("abcd", lambda names: len(names) >= 2) == ("c", "d")


def test_one_member_is_not_taken_away():
    assert pruned("a", Counting("")) == ("a",)
