"""Where in a TOML text a key or a list item stands. Used for messages only, so it reads a text once more and in full.

tomllib gives no positions. This scanner knows just enough TOML to follow keys, headers and brackets; what it
cannot follow ends the scan, and what it found until then still stands.
"""

from __future__ import annotations

import contextlib
import re
import tomllib
from bisect import bisect_right

Location = tuple[str | int, ...]

_VOID = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BLANK = re.compile(r"[ \t]*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_QUOTED_KEY = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'')
_STRING = re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|' + _QUOTED_KEY.pattern, re.DOTALL)
_SCALAR = re.compile(r"[^,\[\]{}#\n]+")


def line_of(text: str, location: Location) -> int | None:
    """The line, from 1, of the longest part of `location` that the text holds; None where it holds nothing of it."""
    return line_in(lines_of(text), location)


def line_in(lines: dict[Location, int], location: Location) -> int | None:
    for length in range(len(location), 0, -1):
        if (line := lines.get(location[:length])) is not None:
            return line
    return None


def lines_of(text: str) -> dict[Location, int]:
    """The line at which each key, table and list item is first named."""
    scan = _Scan(text)
    with contextlib.suppress(_LostError, RecursionError):
        scan.document()
    return scan.lines


class _LostError(Exception):
    """The text is not TOML, or TOML that this scanner does not follow."""


class _Scan:
    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.lines: dict[Location, int] = {}
        self.last_index: dict[Location, int] = {}  # of each array of tables
        self.line_starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def document(self) -> None:
        table: Location = ()
        self.skip(_VOID)
        while self.position < len(self.text):
            if self.text.startswith("[", self.position):
                table = self.header()
            else:
                self.pair(table)
            self.skip(_VOID)

    def header(self) -> Location:
        start = self.position
        brackets = "[[" if self.text.startswith("[[", start) else "["
        self.position += len(brackets)
        table: Location = ()
        keys = self.keys()
        for key in keys[:-1]:
            table = self.in_last_item((*table, key))
        table = (*table, keys[-1])
        if brackets == "[[":
            self.last_index[table] = self.last_index.get(table, -1) + 1
            table = self.in_last_item(table)
        self.note(table, start)
        self.expect("]" * len(brackets))
        return table

    def in_last_item(self, table: Location) -> Location:
        return (*table, self.last_index[table]) if table in self.last_index else table

    def pair(self, table: Location) -> None:
        start = self.position
        location = (*table, *self.keys())
        self.note(location, start)
        self.expect("=")
        self.skip(_BLANK)
        self.value(location)

    def keys(self) -> list[str]:
        keys = [self.key()]
        while self.text.startswith(".", self.position):
            self.position += 1
            keys.append(self.key())
        return keys

    def key(self) -> str:
        self.skip(_BLANK)
        if match := _BARE_KEY.match(self.text, self.position):
            key = match.group()
        elif match := _QUOTED_KEY.match(self.text, self.position):
            key = _unquoted(match.group())
        else:
            raise _LostError
        self.position = match.end()
        self.skip(_BLANK)
        return key

    def value(self, location: Location) -> None:
        if self.text.startswith("[", self.position):
            self.array(location)
        elif self.text.startswith("{", self.position):
            self.inline_table(location)
        elif match := _STRING.match(self.text, self.position) or _SCALAR.match(self.text, self.position):
            self.position = match.end()
        else:
            raise _LostError

    def array(self, location: Location) -> None:
        self.expect("[")
        self.skip(_VOID)
        index = 0
        while not self.text.startswith("]", self.position):
            self.note((*location, index), self.position)
            self.value((*location, index))
            self.comma_or("]")
            index += 1
        self.expect("]")

    def inline_table(self, location: Location) -> None:
        self.expect("{")
        self.skip(_VOID)
        while not self.text.startswith("}", self.position):
            self.pair(location)
            self.comma_or("}")
        self.expect("}")

    def comma_or(self, closing: str) -> None:
        self.skip(_VOID)
        if not self.text.startswith(closing, self.position):
            self.expect(",")
            self.skip(_VOID)

    def expect(self, expected: str) -> None:
        if not self.text.startswith(expected, self.position):
            raise _LostError
        self.position += len(expected)

    def skip(self, pattern: re.Pattern[str]) -> None:
        if match := pattern.match(self.text, self.position):
            self.position = match.end()

    def note(self, location: Location, position: int) -> None:
        line = bisect_right(self.line_starts, position)
        for length in range(1, len(location) + 1):
            self.lines.setdefault(location[:length], line)


def _unquoted(quoted: str) -> str:
    try:
        return str(tomllib.loads(f"key = {quoted}")["key"])
    except tomllib.TOMLDecodeError as error:
        raise _LostError from error
