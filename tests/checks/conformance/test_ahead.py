"""What is made of the next key while that of this one is used."""

from __future__ import annotations

import threading

import pytest

from pytest_qparity.checks.conformance.ahead import Ahead


class Maker:
    """Makes upper-case letters, and remembers of which keys and in which threads."""

    def __init__(self) -> None:
        self.threads: dict[str, str] = {}
        self.has_made_b = threading.Event()

    def __call__(self, key: str) -> str:
        self.threads[key] = threading.current_thread().name
        if key == "b":
            self.has_made_b.set()
        return key.upper()


def test_the_next_one_is_made_before_it_is_asked_for() -> None:
    maker = Maker()
    ahead = Ahead(maker, "abc", "maker")

    assert ahead.of("a") == "A"
    assert maker.has_made_b.wait(timeout=30)
    assert [ahead.of("b"), ahead.of("c")] == ["B", "C"]
    ahead.close()

    here = threading.current_thread().name
    assert maker.threads["a"] == here
    assert maker.threads["b"] == maker.threads["c"] != here


@pytest.mark.parametrize("asked", [["c"], ["b"], ["a", "c"]])
def test_what_may_have_been_left_out_is_not_made(asked: list[str]) -> None:
    maker = Maker()
    ahead = Ahead(maker, "abcde", "maker")

    made = [ahead.of(key) for key in asked]
    ahead.close()

    assert made == [key.upper() for key in asked]
    assert maker.threads.keys() - {"b"} == set(asked) - {"b"}  # b followed a, in order


def test_in_order_again_after_one_that_was_not() -> None:
    maker = Maker()
    ahead = Ahead(maker, "abcde", "maker")

    for key in "cde":
        ahead.of(key)
    ahead.close()

    assert maker.threads["e"] != threading.current_thread().name


def test_what_making_raises_belongs_to_its_key() -> None:
    def make(key: str) -> str:
        if key == "b":
            raise ValueError("got b, should be another letter")
        return key

    ahead = Ahead(make, "abc", "maker")

    assert ahead.of("a") == "a"
    with pytest.raises(ValueError, match="got b"):
        ahead.of("b")
    assert ahead.of("c") == "c"
    ahead.close()
