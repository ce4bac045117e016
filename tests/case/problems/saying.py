"""What an error says of one problem of a case file."""

from __future__ import annotations


def one(code: str, line: int | None, sentence: str, remedy: str) -> str:
    return f"{code}  case.toml{f':{line}' if line else ''}\n{sentence}\nTry: {remedy}"


def value(line: int, sentence: str, remedy: str) -> str:
    return one("QP-CASE-003", line, sentence, remedy)


def unknown(line: int, sentence: str, remedy: str) -> str:
    return one("QP-CASE-002", line, sentence, remedy)


def missing(line: int, sentence: str, remedy: str) -> str:
    return one("QP-CASE-004", line, sentence, remedy)


def dead(line: int, sentence: str, remedy: str) -> str:
    return one("QP-CASE-005", line, sentence, remedy)
