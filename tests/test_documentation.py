"""What the documentation lists is what the code has."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from pytest_qparity.plugin import pytest_addoption
from pytest_qparity.verdict import Code

ROOT = Path(__file__).parent.parent


def test_every_failure_code_has_its_paragraph_and_no_paragraph_is_left_over() -> None:
    text = (ROOT / "docs" / "failures.md").read_text(encoding="utf-8")

    headings = re.findall(r"^### (QP-\w+-\d{3}): (.*)\n\n\*([a-z-]+)\.\*", text, flags=re.MULTILINE)

    assert headings == [(code.code, code.title, code.outcome.value) for code in Code]


def test_failure_codes_are_unique() -> None:
    codes = [code.code for code in Code.__members__.values()]

    assert len(set(codes)) == len(codes)


def test_every_failure_code_is_born_in_one_place() -> None:
    sources = [path for path in (ROOT / "pytest_qparity").rglob("*.py") if path.name != "verdict.py"]
    texts = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in sources}

    unborn = [code.name for code in Code if not any(f"Code.{code.name}" in text for text in texts.values())]

    assert not unborn


def test_every_folder_of_the_package_is_in_the_architecture_page() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")

    places = [path for path in (ROOT / "pytest_qparity").iterdir() if path.suffix == ".py" or path.is_dir()]
    unnamed = [
        path.name
        for path in places
        if not path.name.startswith("__") and f"`{path.name}{'/' if path.is_dir() else ''}`" not in text
    ]

    assert not unnamed


def test_ci_runs_the_commands_of_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")

    for name in ("gate", "tests"):
        found = re.search(rf"<!-- command: {name} -->\n```sh\n(.*)\n```", readme)
        assert found is not None
        assert f"{name.upper()}='{found[1]}'" in ci


def test_the_lowest_versions_under_test_are_the_floors_that_are_promised() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    tested_extras = (
        "ort",
        "openvino",
        "docs",
        "images",
        "text",
        "audio",
        "completion",
        "datasets",
        "history",
        "metrics",
        "report",
        "sign",
        "test",
    )
    promised = [*project["dependencies"], *(each for name in tested_extras for each in extras[name])]
    floors = dict(requirement.partition(";")[0].split(">=") for requirement in promised if ">=" in requirement)

    lines = (ROOT / "tests" / "lowest.txt").read_text(encoding="utf-8").splitlines()
    tested = dict(line.split("==") for line in lines if not line.startswith("#"))

    assert tested.keys() == floors.keys()
    assert {name for name, floor in floors.items() if not f"{tested[name]}.".startswith(f"{floor}.")} == set()


class Registry:
    """Stands in for pytest's parser: notes the names of options, and the default of each ini value."""

    def __init__(self) -> None:
        self.options: list[str] = []
        self.defaults: dict[str, str] = {}

    def getgroup(self, *_: str) -> Registry:
        return self

    def addoption(self, name: str, **_: Any) -> None:
        self.options.append(name)

    def addini(self, name: str, *_: str, default: str | list[str] | bool, **__: Any) -> None:
        self.defaults[name] = " ".join(default) if isinstance(default, list) else str(default).lower()


@pytest.fixture
def registered() -> Registry:
    registry = Registry()
    pytest_addoption(registry)  # type: ignore[arg-type]
    return registry


def test_the_options_page_lists_the_options_ini_values_and_defaults_of_the_plugin(registered: Registry) -> None:
    text = (ROOT / "docs" / "options.md").read_text(encoding="utf-8")

    rows = re.findall(
        r"^\| `(--[a-z-]+)(?:=[^|]*|`) \| (?:`(\w+)`|none) \| (?:`(.*?)`|[^`|]*) \|", text, flags=re.MULTILINE
    )

    assert [option for option, _, _ in rows] == registered.options
    assert {ini: default for _, ini, default in rows if ini} == registered.defaults
