from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from pytest_qparity import quantmath
from tests.quantmath.mutant import properties
from tests.quantmath.properties.table import GROUPS, PAGE, printed, sentence

AT_LEAST = 90


def test_the_page_prints_properties_and_mutants_as_they_are() -> None:
    """`python -m tests.quantmath.properties.table` writes it."""
    page = PAGE.read_text(encoding="utf-8")

    assert printed(page) == page


def test_there_are_as_many_properties_as_the_page_promises() -> None:
    found = {group: len(properties(group)) for group in GROUPS}

    assert sum(found.values()) >= AT_LEAST
    assert min(found.values()) >= 8


def test_every_file_of_properties_is_a_group() -> None:
    files = (Path(__file__).parent / "properties").glob("test_*.py")

    assert {file.stem.removeprefix("test_") for file in files} == set(GROUPS)


@pytest.mark.parametrize("group", GROUPS)
def test_a_property_is_one_sentence_and_a_plain_function(group: str) -> None:
    sentences = [sentence(prop) for prop in properties(group).values()]

    assert len(set(sentences)) == len(sentences)
    assert all(said.endswith(".") for said in sentences)
    assert all(not inspect.signature(prop).parameters for prop in properties(group).values())


def test_every_module_of_the_arithmetic_stands_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    root = Path(quantmath.__file__).parent
    modules = [path.relative_to(root).as_posix() for path in root.rglob("*.py") if path.name != "__init__.py"]

    assert [module for module in modules if f"`{module}`" not in page] == []


def test_every_public_function_stands_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    named = set(re.findall(r"`(\w+)[`(.]", page))
    functions = [name for name in quantmath.__all__ if inspect.isfunction(getattr(quantmath, name))]

    assert [name for name in functions if name not in named] == []
