"""The documentation as a site: what is made for it, and that it builds with every link and anchor right."""

from __future__ import annotations

import html.parser
import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pytest_qparity.case.json_schema import case_schema
from pytest_qparity.report.explanations import explanations
from pytest_qparity.verdict import Code
from tests.documentation.commands import every_command

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SITE = DOCS / "site"


def loaded(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"site_{name}", SITE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


hooks, generated = loaded("hooks"), loaded("generated")


def test_a_code_in_a_sentence_leads_to_its_page_and_one_in_a_block_or_a_link_stays() -> None:
    text = "See `QP-ACC-001`, [`QP-ACC-001`](failures.md).\n```toml\n`QP-ACC-001`\n```\n"

    assert hooks.outside_fences(text, lambda part: hooks.linked(part, "ci/README.md", DOCS)) == (
        "See [`QP-ACC-001`](../failures/QP-ACC-001.md), [`QP-ACC-001`](../ci/failures.md).\n"
        "```toml\n`QP-ACC-001`\n```\n"
    )


def test_a_link_out_of_the_folder_becomes_the_copy_or_the_words() -> None:
    text = "[a](../benchmarks/README.md#b) [c](../benchmarks/rescue.py) [d](upstream) [e](https://example.org)"

    assert hooks.linked(text, "data.md", DOCS) == (
        "[a](benchmarks.md#b) c (`benchmarks/rescue.py` in the repository) "
        "d (`docs/upstream` in the repository) [e](https://example.org)"
    )


def test_a_link_that_leads_nowhere_stays_for_the_build_to_find() -> None:
    assert hooks.linked("[a](gone.md) [b](../gone.py)", "data.md", DOCS) == "[a](gone.md) [b](../gone.py)"


def test_the_page_of_a_code_has_its_paragraph_with_links_that_lead_from_where_it_is() -> None:
    page = hooks.failure_page(explanations()["QP-ACC-003"], [code.code for code in Code])

    assert "# QP-ACC-003: too few samples to tell what is lost" in page
    assert "](../statistics.md#the-three-answers)" in page
    assert "[QP-ACC-002](QP-ACC-002.md) · [QP-ACC-004](QP-ACC-004.md)" in page


def test_the_page_of_keys_has_every_key_of_the_schema() -> None:
    def keys(part: Any) -> set[str]:
        inside = part.values() if isinstance(part, dict) else part if isinstance(part, list) else []
        found = set(part.get("properties", {})) if isinstance(part, dict) else set()
        return found.union(*(keys(each) for each in inside))

    page = generated.case_keys_page(case_schema())

    named = set(re.findall(r"^\| `([^`]+)` \| [^|]+ \| [^|]+ \| [^|]+ \|", page, flags=re.MULTILINE))
    assert named == keys(case_schema())
    assert "any |" not in page
    headings = re.findall(r"^## (.+)$", page, flags=re.MULTILINE)
    assert len(set(headings)) == len(headings)
    assert "`[budgets.<name>.<name>]`" in headings


def test_the_page_of_commands_has_every_command_and_every_option() -> None:
    page = generated.commands_page()

    for name, parser in every_command():
        section = page.partition(f"## qparity {name}\n")[2].partition("\n## ")[0]
        options = {option for action in parser._actions for option in action.option_strings}
        assert {option for option in options if option not in section} == set(), name


def test_headings_have_the_anchors_that_github_gives_them() -> None:
    assert generated.github_anchor("`[precisions.<name>]`", "-") == "precisionsname"
    assert generated.github_anchor("trtexec --int8", "-") == "trtexec---int8"


def test_a_page_that_the_navigation_does_not_name_is_put_behind_it() -> None:
    nav = [{"Start": ["index.md", {"CI": "ci/README.md"}]}]

    assert hooks.unnamed(nav, ["index.md", "ci/README.md", "failures/QP-ACC-001.md"]) == []
    assert hooks.unnamed(nav, ["index.md", "ci/README.md", "scale.md"]) == [{"More": ["scale.md"]}]


def test_only_pages_that_are_awaited_may_be_lacking() -> None:
    import yaml

    named = hooks._pages(yaml.safe_load((SITE / "mkdocs.yml").read_text(encoding="utf-8"))["nav"])

    made = {"case-keys.md", "commands.md", "benchmarks.md"}
    assert {name for name in named if not (DOCS / name).exists()} <= hooks.AWAITED | made


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("material", reason="needs the extra [docs]")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "-f", str(SITE / "mkdocs.yml"), "--strict", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, [line for line in done.stderr.splitlines() if "WARNING" in line or "ERROR" in line]
    return folder


def test_the_site_has_a_page_for_each_code(site: Path) -> None:
    there = {path.parent.name for path in (site / "failures").glob("QP-*/index.html")}

    assert there == {code.code for code in Code}


class Asked(html.parser.HTMLParser):
    """What a browser would fetch of a page by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value and (name == "src" or (tag == "link" and name == "href")):
                self.found.append(value)


def test_a_page_asks_no_other_server_for_anything(site: Path) -> None:
    for page in (site / "index.html", site / "zh" / "index.html", site / "failures" / "QP-ACC-001" / "index.html"):
        asked = Asked()
        asked.feed(page.read_text(encoding="utf-8"))

        assert asked.found
        assert [each for each in asked.found if "://" in each or each.startswith("//")] == []
