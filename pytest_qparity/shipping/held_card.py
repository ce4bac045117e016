"""A model card held against the one that its release's ledger gives: to the letter, as far as its marks reach."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from pytest_qparity.shipping.card import CARD_FORMAT, METADATA, SECTION, Marks
from pytest_qparity.verdict import CannotJudge, Code, Failure

__all__ = ["require_card", "require_marks"]

_NUMBERED = re.compile(r"(?:#|<!--) card (\d{1,9}) of pytest-qparity: begin\b")
_KEY = re.compile(r"""["']?([\w-]+)["']?\s*:""")  # of YAML, at the start of a line
_SCORES = "model-index"
_FENCE = "---"  # before and behind the metadata
_ANEW = "take the release anew from where it was exported"


def require_marks(card: str) -> None:
    """Raises CannotJudge where a card is of another format than this version writes, or not marked: what it should say
    is not known then."""
    lines = _lines(card)
    told = {int(found[1]) for found in map(_NUMBERED.match, lines) if found} - {CARD_FORMAT}
    if told:
        sentence = f"got a card of format {max(told)}, should be {CARD_FORMAT}"
        if max(told) > CARD_FORMAT:
            raise _other(f"{sentence}: a newer version wrote it.", "pip install --upgrade pytest-qparity")
        raise _other(f"{sentence}: an older version wrote it.", "verify it with the version that wrote it")
    for marks in (METADATA, SECTION):
        counts = lines.count(marks.begin), lines.count(marks.end)
        if counts != (1, 1):
            said = f"got {counts[0]} lines {marks.begin!r} and {counts[1]} {marks.end!r}, should be one each"
            remedy = (
                "where an older version exported it: verify it with that one, or export it again; else take it anew"
            )
            raise _other(f"{said}: it was edited, or of a version whose cards had no marks.", remedy)


def require_card(card: str, made: str) -> None:
    """Raises CannotJudge where a marked card says other than `made` between its marks, or where that is not what
    readers take for its metadata: a key said again, of which the last one counts, or a score of other origin."""
    lines, should = _lines(card), _lines(made)
    for marks in (METADATA, SECTION):
        for said, line in zip_longest(_between(lines, marks), _between(should, marks)):
            if said != line:
                raise _other(f"got {_shown(said)}, should be {_shown(line)} as the ledger says.", _ANEW)
    fences = [number for number, line in enumerate(lines) if line.rstrip() == _FENCE]
    begin, end = lines.index(METADATA.begin), lines.index(METADATA.end)
    if fences[:1] != [0] or not 0 < begin < end < next(iter(fences[1:]), 0) < lines.index(SECTION.begin):
        raise _other(f"got marked metadata elsewhere than between two lines {_FENCE!r} at its start.", _ANEW)
    marked = {*_keys(lines[begin:end]), _SCORES}
    again = next((key for key in _keys([*lines[:begin], *lines[end : fences[1]]]) if key in marked), None)
    if again is not None:
        raise _other(f"got {again!r} outside its marks, should be between them alone.", _ANEW)


def _lines(text: str) -> list[str]:
    """As Markdown and YAML break them: an editor may have written the ends of another system."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _between(lines: Sequence[str], marks: Marks) -> Sequence[str]:
    return lines[lines.index(marks.begin) + 1 : lines.index(marks.end)]


def _shown(line: str | None) -> str:
    return "no further line" if line is None else repr(line)


def _keys(lines: Sequence[str]) -> Iterator[str]:
    return (found[1] for found in map(_KEY.match, lines) if found)


def _other(sentence: str, remedy: str) -> CannotJudge:
    return CannotJudge(Failure(Code.SHIP_ALTERED, f"README.md: {sentence}", remedy))
