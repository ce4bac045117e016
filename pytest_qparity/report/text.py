"""A failure as text: code, sentence, likely cause, remedy, the command that repeats it."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Mapping, MutableMapping
from typing import Any

from pytest_qparity.verdict import Code

WIDTH = 79
# Values that are too far from the float model's, of which it can be told which layers are to blame.
_LAYERS_TELL = frozenset(
    code.code for code in (Code.PARITY_SQNR, Code.PARITY_COSINE, Code.PARITY_MISMATCHED, Code.ACCURACY_DROP)
)
# What moves the cursor, colours, deletes or turns round what a terminal shows: C0 and C1 controls, line separators and
# the marks of bidirectional text (Unicode 16, UAX #9). Names in models and the errors of engines may hold them.
_COMMANDS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """`text` with what a terminal would obey in its place as an escape (`\\x1b`); half of a surrogate pair too."""
    if text.isprintable():
        return text  # nearly every text, and thousands are kept: no copy of it
    shown = _COMMANDS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
    return shown.encode("utf-8", "backslashreplace").decode()


def one_line(text: str) -> str:
    """`text` on one line, whatever breaks it holds: no part of it can be taken for a line of ours."""
    return printable(" ".join(text.split()))


def printable_lines(text: str) -> str:
    """Text whose line breaks are ours, with what else a terminal would obey as escapes."""
    if text.replace("\n", "").isprintable():
        return text  # evidence has hundreds of thousands of lines
    return "\n".join(printable(line) for line in text.split("\n"))


def failure_text(event: Mapping[str, Any], told: MutableMapping[tuple[str, str], str]) -> str:
    """The failures of a verdict event, wrapped to 79 columns.

    `told` remembers which failure of which case was told where: one cause that fails many checks (a golden that is
    missing) is told whole once, and named after that. What pytest does not show, the text of a waived verdict, is not
    remembered.
    """
    if event["waiver"] is not None:
        told = dict(told)
    blocks = [_block(failure, event, told) for failure in event["failures"]]
    notes = [wrapped("Note:   ", note) for note in event["notes"]]
    return "\n\n".join([*blocks, *notes])


def _block(failure: Mapping[str, Any], event: Mapping[str, Any], told: MutableMapping[tuple[str, str], str]) -> str:
    node_id = event["node_id"]
    first = told.setdefault((event["case"], failure["sentence"]), node_id)
    head = f"{failure['code']}  {printable(node_id)}"
    if first != node_id:
        return "\n".join([head, wrapped("", failure["sentence"]), f"As for  {printable(first)}"])
    lines = [head, wrapped("", failure["sentence"])]
    if failure["likely"]:
        lines.append(wrapped("Likely: ", failure["likely"]))
    lines.append(wrapped("Try:    ", failure["remedy"]))
    layers = layers_command(event, failure)
    if layers is not None:
        lines.append(f"Layers: {printable(layers)}")
    lines.append(f"Repeat: {printable(event['reproduce'])}")
    return "\n".join(lines)


def layers_command(event: Mapping[str, Any], failure: Mapping[str, Any]) -> str | None:
    """What tells which layers are to blame for a failure; None of one of which they are not."""
    if failure["code"] not in _LAYERS_TELL:
        return None
    return shlex.join(["qparity", "diagnose", event["node_id"].partition("::")[0], event["run"]])


def wrapped(label: str, text: str, *, hanging: str | None = None) -> str:
    """A paragraph of at most WIDTH columns behind its label; words that are longer, such as paths, stay whole.

    Lines but the first begin with `hanging`, or are indented by the label's length.
    """
    return textwrap.fill(
        one_line(text),
        WIDTH,
        initial_indent=label,
        subsequent_indent=" " * len(label) if hanging is None else hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )
