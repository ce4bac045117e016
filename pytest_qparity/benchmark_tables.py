"""pytest-benchmark's tables of latency checks: printed where somebody asks for any."""

from __future__ import annotations

import os
import shlex
from collections.abc import Generator, Iterator
from typing import Any, TypeAlias

import pytest

from pytest_qparity.stash import CASE_FILES

_Groups: TypeAlias = list[tuple[str | None, list[dict[str, Any]]]]


class Tables:
    """Leaves out the tables of latency checks: the summary has their figures and intervals, a row for each run.

    An option of pytest-benchmark, on the command line or in addopts, brings them back. Files that it saves, and what it
    compares, are made elsewhere; tests of the project keep their tables.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._names = frozenset(path.relative_to(config.rootpath).as_posix() for path in config.stash[CASE_FILES])
        self._is_asked_for = any(each.startswith("--benchmark-") for each in _arguments(config))

    @pytest.hookimpl(optionalhook=True, wrapper=True)
    def pytest_benchmark_group_stats(self) -> Generator[None, _Groups, _Groups]:
        groups = yield
        if self._is_asked_for:
            return groups
        others = [(name, [each for each in benchmarks if not self._is_ours(each)]) for name, benchmarks in groups]
        return [(name, benchmarks) for name, benchmarks in others if benchmarks]

    def _is_ours(self, benchmark: dict[str, Any]) -> bool:
        return str(benchmark["fullname"]).partition("::")[0] in self._names


def _arguments(config: pytest.Config) -> Iterator[str]:
    yield from map(str, config.invocation_params.args)
    yield from config.getini("addopts")
    yield from shlex.split(os.environ.get("PYTEST_ADDOPTS", ""))
