"""os._exit(0) of a process that owes something is a failure; everything else leaves as it did."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pytest_qparity.leaving import Leaving
from tests.worker import leftovers

OWING = """
import os, sys
from pytest_qparity.leaving import Leaving

original, owed = os._exit, ["Got a debt."]
leaving = Leaving(lambda: owed[0])
leaving.guard()
"""


def left(how: str) -> tuple[int, str]:
    """Status and stderr of a process that owes something and leaves so."""
    ended = subprocess.run([sys.executable, "-c", f"{OWING}\n{how}"], capture_output=True, text=True, timeout=60)
    return ended.returncode, ended.stderr


@pytest.mark.parametrize("status", [0, 256])
def test_status_0_is_70_and_one_line(status: int) -> None:
    assert left(f"os._exit({status})") == (70, f"qparity: got os._exit({status}): Got a debt.\n")


def test_the_line_is_seen_though_stderr_is_taken_away() -> None:
    assert left("os.dup2(os.open(os.devnull, os.O_WRONLY), 2)\nos._exit(0)") == (
        70,
        "qparity: got os._exit(0): Got a debt.\n",
    )


def test_another_status_stays() -> None:
    assert left("os._exit(3)") == (3, "")


def test_who_owes_nothing_leaves_as_before() -> None:
    assert left("owed[0] = ''\nos._exit(0)") == (0, "")


def test_a_fork_leaves_as_before() -> None:
    how = """
child = os.fork()
if child == 0:
    os._exit(0)
original(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) + 5)
"""
    assert left(how) == (5, "")


def test_nothing_is_left_of_it() -> None:
    before, descriptors = os._exit, leftovers.descriptors()
    leaving = Leaving(lambda: "Got a debt.")

    leaving.guard()
    assert os._exit != before
    leaving.stop()

    assert os._exit is before
    assert leftovers.descriptors() == descriptors


def test_one_inside_another_gives_the_outer_one_back() -> None:
    before = os._exit
    outer, inner = Leaving(lambda: ""), Leaving(lambda: "")

    outer.guard()
    guarded = os._exit
    inner.guard()
    inner.stop()
    assert os._exit == guarded
    outer.stop()

    assert os._exit is before
