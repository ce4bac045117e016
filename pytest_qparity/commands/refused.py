"""`--json` of a command that was refused: whatever ended it, stdout holds one JSON value, with code and remedy."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any, TextIO

from pytest_qparity.commands.json_output import print_json
from pytest_qparity.commands.passing import PassingOn
from pytest_qparity.verdict import Code, Failure

__all__ = ["usage_failure", "with_json_at_any_end"]

_OPTION = "--json"
_TOLD = re.compile(
    r"^(?P<code>QP-[A-Z]+-\d{3})\b.*\n(?P<sentence>(?s:.+?))\nTry: +(?P<remedy>(?s:.+?))(?=\n\S|\Z)", re.M
)
_USAGE = re.compile(r"^qparity[\w .-]*: (?:error: )?(?P<sentence>.+)", re.M)

_UNKNOWN = "argument COMMAND: invalid choice"  # argparse's, of a command that there is not


def with_json_at_any_end(arguments: Sequence[str], work: Callable[[], int]) -> int:
    """Do the work of a command; where it is asked for JSON, is refused, and has printed none, print its failure so.

    What is told to people stands on stderr as without; the exit status is the same too.
    """
    if not any(len(each) > len("--") and _OPTION.startswith(each) for each in arguments):
        return work()
    told, printed = _Tee(sys.stderr), _Tee(sys.stdout)
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(told):
        try:
            status = work()
        except SystemExit as end:  # argparse's own refusal, or --help
            if end.code not in (0, None):
                _print(told, printed, arguments, 2)
            raise
        if status:
            _print(told, printed, arguments, status)
    return status


def _print(told: _Tee, printed: _Tee, arguments: Sequence[str], status: int) -> None:
    if printed.text.strip():
        return
    failure = _failure_in(told.text, arguments)
    print_json({"exit_status": status, "failure": failure})


def _failure_in(text: str, arguments: Sequence[str]) -> dict[str, Any]:
    """The first failure that was told to people, or the usage that was wrong."""
    found = _TOLD.search(text)
    code = None if found is None else next((code for code in Code if code.code == found["code"]), None)
    if found is not None and code is not None:
        return Failure(code, " ".join(found["sentence"].split()), " ".join(found["remedy"].split())).as_json()
    usage = _USAGE.search(text)
    sentence = text.strip() if usage is None else usage["sentence"]
    command = next((each for each in arguments if not each.startswith("-")), "")
    if _UNKNOWN in sentence:
        command = ""  # it has no help of its own
    return usage_failure(sentence or "The command said nothing.", command if usage is not None else "").as_json()


def usage_failure(sentence: str, command: str) -> Failure:
    """A command that was used in a wrong way, as a value. `command`: empty where it is not known."""
    return Failure(Code.USAGE, sentence, f"qparity {command} --help" if command else "qparity --help")


class _Tee(PassingOn):
    """And keeps it."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._kept: list[str] = []

    @property
    def text(self) -> str:
        return "".join(self._kept)

    def write(self, text: str) -> int:
        self._kept.append(text)
        return super().write(text)
