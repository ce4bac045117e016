"""Commands as texts name them, held against the parsers that would take them."""

from __future__ import annotations

import argparse
import ast
import contextlib
import functools
import io
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from pytest_qparity import cli

ROOT = Path(__file__).parents[2]
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])
# Behind these a text speaks of the command, and does not ask for it: "what qparity export wrote".
SPOKEN_OF = {"lists", "prints", "said", "say", "says", "shows", "tells", "writes", "wrote"}
_ARGUMENT = re.compile(r"-.*|[A-Z]+|.*[./:{}=].*")
_BLOCK = re.compile(r"^( *)```(?:sh|console)\n(.*?)^\1```", flags=re.MULTILINE | re.DOTALL)


@functools.cache
def whole() -> argparse.ArgumentParser:
    return cli._parser()


def parser_of(words: list[str]) -> argparse.ArgumentParser | None:
    """The parser of the command that `words` begin with, of an action (`baseline save`) too; None: there is none."""
    parser: argparse.ArgumentParser = whole()
    for index in range(2):
        choices = _choices(parser)
        if not choices or index >= len(words):
            break
        if words[index] not in choices:
            return None
        parser = choices[words[index]]
    return parser


def _choices(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def every_command() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """The name of each command and of each action of one, with its parser."""
    for name, parser in _choices(whole()).items():
        actions = _choices(parser)
        yield name, parser
        yield from ((f"{name} {action}", of) for action, of in actions.items())


def refusal(words: list[str]) -> str | None:
    """What `qparity` says against these arguments; None where it takes them."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            whole().parse_args(words)
    except SystemExit as end:
        return said.getvalue().strip().splitlines()[-1] if end.code else None
    return None


def named_in(text: str) -> Iterator[list[str]]:
    """The arguments of each `qparity …` that a sentence asks for: up to the first word that is none."""
    for found in re.finditer(r"(?<![\w/-])(?<!\ba )qparity ([a-z]+\b[^\n]*)", text):
        words = re.split(r"  +|`", found[1])[0].split()
        if text[: found.start()].rpartition("\n")[2].isspace():  # a line of examples: the whole of it is a command
            yield words[: words.index(">")] if ">" in words else words
            continue
        taken = [words[0].rstrip(".,;:)")]
        closed = words[0] != taken[0]
        for word in words[1:]:
            if closed:
                break
            bare = word.rstrip(".,;)") if not word.endswith("/") else word
            parser = parser_of(taken)
            is_action = parser is not None and bare in _choices(parser)
            if not (is_action or _ARGUMENT.fullmatch(bare) or _is_value(parser, taken[-1])):
                break
            taken.append(bare.replace("{}", "11"))
            closed = bare != word
        following = words[len(taken)].rstrip(".,;:)") if len(taken) < len(words) else ""
        if following not in SPOKEN_OF:
            yield taken


def _is_value(parser: argparse.ArgumentParser | None, before: str) -> bool:
    """Whether `before` is an option that takes a value."""
    action = parser._option_string_actions.get(before) if parser is not None else None
    return action is not None and action.nargs != 0


def texts_of(source: Path) -> Iterator[tuple[int, str]]:
    """Each text in a module but docstrings, with its line; what is filled in is `{}`."""
    tree = ast.parse(source.read_text(encoding="utf-8"))
    passed_over: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            passed_over.add(id(node.value))  # docstrings
        if isinstance(node, ast.JoinedStr):
            passed_over.update(id(value) for value in node.values)
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr) and id(node) not in passed_over:
            yield (
                node.lineno,
                "".join(str(each.value) if isinstance(each, ast.Constant) else "{}" for each in node.values),
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in passed_over:
            yield node.lineno, node.value


def lines_of_blocks(page: Path) -> Iterator[str]:
    """Each command in a page's blocks of shell; a line that ends in a backslash goes on, comments are taken off."""
    for block in _BLOCK.finditer(page.read_text(encoding="utf-8")):
        for line in block[2].replace("\\\n", " ").splitlines():
            for part in line.split("&&"):
                if part.strip() and not part.strip().startswith("#"):
                    yield part.strip()


def words_of(line: str) -> list[str]:
    return shlex.split(line, comments=True)
