"""`--json`, which every command has: stdout is then one JSON value and nothing else."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_qparity.verdict import Failure


def add_json(parser: argparse._ActionsContainer) -> None:
    parser.add_argument("--json", action="store_true", help="print the result as JSON, and nothing else on stdout")


@contextlib.contextmanager
def stdout_for_json(options: argparse.Namespace) -> Iterator[None]:
    """What is told to people goes to stderr where stdout is for JSON alone."""
    if not options.json:
        yield
        return
    with contextlib.redirect_stdout(sys.stderr):
        yield


def print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def print_failure(failure: Failure, options: argparse.Namespace) -> None:
    """Of a command that was refused; stderr has told it."""
    if options.json:
        print_json({"failure": failure.as_json()})
