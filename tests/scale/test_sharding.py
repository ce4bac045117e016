from __future__ import annotations

import random

import pytest

from pytest_qparity.scale.costs import Durations, seconds_by_run
from pytest_qparity.scale.sharding import Shard, parse_shard, shard_of_runs


@pytest.mark.parametrize("text", ["1/1", "3/8", "8/8", "9999/9999"])
def test_a_shard_is_read(text: str) -> None:
    assert str(parse_shard(text)) == text


@pytest.mark.parametrize(
    "text", ["", "3", "0/8", "9/8", "3/0", "-1/8", "3/8/2", " 3/8", "3 / 8", "03/8", "٣/8", "1.0/2", "1/10000"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"should be K/N"):
        parse_shard(text)


class TestSplit:
    def test_each_run_is_in_one_shard_and_none_is_empty(self) -> None:
        seconds = {f"case::{index}": 0.0 for index in range(7)}

        shards = shard_of_runs(seconds, 7)

        assert set(shards) == set(seconds)
        assert sorted(shards.values()) == [1, 2, 3, 4, 5, 6, 7]

    def test_it_is_balanced_and_the_same_whatever_the_order(self) -> None:
        random.seed(4)
        seconds = {f"case{index}::run": random.lognormvariate(0, 1.5) for index in range(200)}
        shuffled = dict(sorted(seconds.items(), key=lambda _: random.random()))

        shards = shard_of_runs(seconds, 8)

        assert shard_of_runs(shuffled, 8) == shards
        loads = [sum(cost for run, cost in seconds.items() if shards[run] == shard) for shard in range(1, 9)]
        best = max(sum(seconds.values()) / 8, *seconds.values())
        assert max(loads) <= (4 / 3 - 1 / 24) * best

    def test_more_shards_than_runs_are_refused(self) -> None:
        with pytest.raises(ValueError, match="got 3 shards of 2 runs, should be at most one shard a run"):
            shard_of_runs({"a": 1.0, "b": 1.0}, 3)


class TestCosts:
    NODE_IDS = ("a.toml::x::parity", "a.toml::x::latency", "b.toml::y::parity", "b.toml::y::latency")

    def test_runs_count_their_checks_where_nothing_is_recorded(self) -> None:
        assert seconds_by_run(self.NODE_IDS[:3], None) == {"a.toml::x": 2.0, "b.toml::y": 1.0}

    def test_a_check_that_is_not_recorded_is_taken_for_those_of_its_name(self) -> None:
        recorded = Durations({"a.toml::x::parity": 0.5, "a.toml::x::latency": 4.0, "c.toml::z::latency": 2.0}, "")

        assert seconds_by_run(self.NODE_IDS, recorded) == {"a.toml::x": 4.5, "b.toml::y": 3.5}
        assert seconds_by_run(["d.toml::w::memory"], recorded) == {"d.toml::w": 2.0}


def test_a_shard_is_equal_by_value() -> None:
    assert parse_shard("3/8") == Shard(3, 8)
