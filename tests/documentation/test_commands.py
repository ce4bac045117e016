"""Every command that a page or a message names is one that there is, with arguments that it takes."""

from __future__ import annotations

import configparser
import re
import tomllib
from pathlib import Path

import pytest

from tests.documentation.commands import (
    PAGES,
    ROOT,
    every_command,
    lines_of_blocks,
    named_in,
    parser_of,
    refusal,
    texts_of,
    whole,
    words_of,
)

SOURCES = sorted((ROOT / "pytest_qparity").rglob("*.py"))
TEMPLATES = sorted(path for path in (ROOT / "docs" / "ci").iterdir() if path.suffix in {".yml", ""})


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("where it is meant so, qparity baseline save NAME", [["baseline", "save", "NAME"]]),
        ("see `qparity lint FILE --target ort` first", [["lint", "FILE", "--target", "ort"]]),
        ("qparity accept --missing, and commit both folders", [["accept", "--missing"]]),
        ("qparity diagnose {} {}", [["diagnose", "11", "11"]]),
        ("should be what qparity export wrote", []),
        ("pytest-qparity lints", []),
    ],
)
def test_a_command_ends_where_the_sentence_goes_on(text: str, arguments: list[list[str]]) -> None:
    assert list(named_in(text)) == arguments


def test_a_command_that_lacks_an_argument_is_refused() -> None:
    assert refusal(["baseline", "save"]) is not None
    assert refusal(["explode"]) is not None
    assert refusal(["doctor", "--jsno"]) is not None


def test_every_command_that_a_message_names_is_taken_by_the_command_line() -> None:
    named = {
        (path.relative_to(ROOT).as_posix(), line, *arguments): refusal(arguments)
        for path in SOURCES
        for line, text in texts_of(path)
        for arguments in named_in(text)
    }

    assert len(named) > 40
    assert {place: said for place, said in named.items() if said is not None} == {}


def known_to_pytest(config: pytest.Config) -> set[str]:
    groups = [config._parser._anonymous, *config._parser._groups]
    return {name for group in groups for option in group.options for name in option.names()} | {"--benchmark-only"}


def test_every_option_of_pytest_that_a_message_names_is_one(pytestconfig: pytest.Config) -> None:
    known = known_to_pytest(pytestconfig)
    named = {
        (path.name, line): option
        for path in SOURCES
        for line, text in texts_of(path)
        for option in re.findall(r"--qparity-[a-z][a-z-]*[a-z]", text)
    }

    assert len(named) > 20
    assert {place: option for place, option in named.items() if option not in known} == {}


def wrong(line: str, options: set[str]) -> str | None:
    """Why a line of shell would not do; None where it would, or is of another program."""
    words = words_of(line)
    words = words[next((i for i, word in enumerate(words) if "=" not in word), 0) :]  # A=B in front
    program = Path(words[0]).name
    if any("…" in word for word in words):
        return None
    if program == "qparity":
        return refusal(words[1 : words.index(">") if ">" in words else None])
    if program == "pytest":
        named = [word.partition("=")[0] for word in words[1:] if word.startswith("-")]
        return next((f"no option {name}" for name in named if name not in options), None)
    if program == "tox":
        environments = configparser.ConfigParser()
        environments.read(ROOT / "tox.ini", encoding="utf-8")
        return None if f"testenv:{words[words.index('-e') + 1]}" in environments else "no environment of tox"
    if program in {"pip", "pip3"}:
        return next((f"no extra {extra}" for extra in extras_in(line) if extra not in extras()), None)
    return None


def extras() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return set(project["optional-dependencies"])


def extras_in(text: str) -> list[str]:
    return [each for found in re.findall(r"pytest-qparity\[([\w,-]+)\]", text) for each in found.split(",")]


def test_every_command_in_a_block_of_a_page_is_taken(pytestconfig: pytest.Config) -> None:
    options = known_to_pytest(pytestconfig)
    lines = [(page.relative_to(ROOT).as_posix(), line) for page in PAGES for line in lines_of_blocks(page)]

    assert len(lines) > 45
    assert {(page, line): said for page, line in lines if (said := wrong(line, options)) is not None} == {}


def test_every_command_in_a_sentence_of_a_page_is_one_with_options_that_it_has() -> None:
    """Some are named without their arguments, so that they are not parsed whole."""
    named = [
        (page.name, found[1])
        for page in PAGES
        for found in re.finditer(r"(?<!`)`qparity ([^`\n]+)`", page.read_text(encoding="utf-8"))
    ]

    assert len(named) > 70
    assert [each for each in named if unknown(each[1].split()) is not None] == []


def unknown(words: list[str]) -> str | None:
    """The first word that is no command, or no option of it; None where all are."""
    parser = whole() if words[0].startswith("-") else parser_of(words)
    if parser is None:
        return words[0]
    options = (word.partition("=")[0] for word in words if word.startswith("-"))
    return next((option for option in options if option not in parser._option_string_actions), None)


def test_every_extra_that_a_page_or_a_message_names_is_one() -> None:
    texts = [page.read_text(encoding="utf-8") for page in PAGES]
    texts += [text for path in SOURCES for _, text in texts_of(path)]

    assert set().union(*(extras_in(text) for text in texts)) <= extras()


@pytest.mark.parametrize("name", sorted({name.partition(" ")[0] for name, _ in every_command()}))
def test_every_command_is_in_the_reference_of_exit_statuses(name: str) -> None:
    text = (ROOT / "docs" / "options.md").read_text(encoding="utf-8")

    assert f"`qparity {name}" in text


def test_templates_of_ci_are_yaml_and_their_commands_are_taken(pytestconfig: pytest.Config) -> None:
    import yaml

    options, taken = known_to_pytest(pytestconfig), 0
    for template in TEMPLATES:
        text = template.read_text(encoding="utf-8")
        if template.suffix == ".yml":
            assert yaml.safe_load(text), template.name
        for found in re.finditer(
            r"""(?:run: |^ +- |sh ')((?:pip|pytest|qparity|tox) [^'\n]*)""", text, flags=re.MULTILINE
        ):
            assert wrong(found[1], options) is None, (template.name, found[1])
            taken += 1

    assert taken >= 12
