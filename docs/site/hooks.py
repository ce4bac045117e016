"""What the site has that the folder has not: a page for each failure code, the case file's keys as the schema has them,
the benchmarks' page; and links that suit both."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent))  # mkdocs loads this file by its path
from generated import case_keys_page, commands_page, github_anchor

from pytest_qparity.case.json_schema import case_schema
from pytest_qparity.report.explanations import Explanation, parse_failures

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
AWAITED = {"start.md", "latency.md", "resnet50.md"}  # named by other pages, and left out until they are there
_FENCE = re.compile(r"^(```|~~~).*?^\1", flags=re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
_CODE = re.compile(r"(?<![\[`])`(QP-[A-Z]+-\d{3})`(?![\]`])")
_HEADING = re.compile(r"^### (QP-[A-Z]+-\d{3}): ", flags=re.MULTILINE)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    config.nav = _without_awaited(config.nav, Path(config.docs_dir))
    config.mdx_configs.setdefault("toc", {})["slugify"] = github_anchor
    return config


def _without_awaited(entries: Any, docs: Path) -> Any:
    if isinstance(entries, list):
        kept = (_without_awaited(each, docs) for each in entries)
        return [each for each in kept if each not in (None, {})]
    if isinstance(entries, dict):
        return {title: kept for title, of in entries.items() if (kept := _without_awaited(of, docs)) is not None}
    return None if entries in AWAITED and not (docs / entries).exists() else entries


def on_files(files: Files, config: MkDocsConfig) -> Files:
    from mkdocs.structure.files import File

    found = parse_failures((Path(config.docs_dir) / "failures.md").read_text(encoding="utf-8"))
    made = {f"failures/{code}.md": failure_page(each, list(found)) for code, each in found.items()}
    made["case-keys.md"] = case_keys_page(case_schema())
    made["commands.md"] = commands_page()
    made["benchmarks.md"] = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    for name, text in made.items():
        files.append(File.generated(config, name, content=text))
    there = [file.src_uri for file in files.documentation_pages()]
    config.nav = [*(config.nav or []), *unnamed(config.nav, there)]
    return files


def unnamed(nav: Any, there: list[str]) -> list[dict[str, list[str]]]:
    """A section for the pages that the navigation does not name: a page that nobody put there is not lost."""
    named = set(_pages(nav))
    left = [name for name in there if name not in named and not name.startswith(("failures/", "upstream/", "site/"))]
    return [{"More": left}] if left else []


def _pages(entries: Any) -> list[str]:
    if isinstance(entries, str):
        return [entries]
    below = entries.values() if isinstance(entries, dict) else entries or []
    return [name for each in below for name in _pages(each)]


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    text = _HEADING.sub(r"### [\1](failures/\1.md): ", markdown) if page.file.src_uri == "failures.md" else markdown
    return outside_fences(text, lambda part: linked(part, page.file.src_uri, Path(config.docs_dir)))


def outside_fences(text: str, change: Any) -> str:
    """`change` done to what stands outside of blocks of code."""
    parts, end = [], 0
    for fence in _FENCE.finditer(text):
        parts += [change(text[end : fence.start()]), fence[0]]
        end = fence.end()
    return "".join([*parts, change(text[end:])])


def linked(text: str, page: str, docs: Path) -> str:
    """Codes lead to their pages; a link out of docs/ leads to the site's copy, or becomes the words alone."""
    up = "../" * page.count("/")
    text = _LINK.sub(lambda found: _link(found[1], found[2], page, docs), text)
    return _CODE.sub(lambda found: f"[`{found[1]}`]({up}failures/{found[1]}.md)", text)


def _link(words: str, target: str, page: str, docs: Path) -> str:
    path, _, anchor = target.partition("#")
    if not path or "://" in target or target.startswith("mailto:"):
        return f"[{words}]({target})"
    base = docs.parent / "benchmarks" if page == "benchmarks.md" else (docs / page).parent
    lead = (base / path).resolve()
    if lead == ROOT / "benchmarks" / "README.md":
        lead = docs / "benchmarks.md"
    elif lead.name in AWAITED and not lead.exists():
        return words
    if lead.exists() and (lead.is_dir() or not lead.is_relative_to(docs)):
        return f"{words} (`{lead.relative_to(ROOT)}` in the repository)"
    if not lead.is_relative_to(docs):
        return f"[{words}]({target})"
    below = "../" * page.count("/") + lead.relative_to(docs).as_posix()
    return f"[{words}]({below}{'#' + anchor if anchor else ''})"


def failure_page(of: Explanation, codes: list[str]) -> str:
    """One code's page: the paragraph of failures.md, and what is on both sides of it."""
    index = codes.index(of.code)
    around = [f"[{each}]({each}.md)" for each in codes[max(0, index - 1) : index + 2] if each != of.code]
    text = outside_fences(
        f"{of.text}\n\n**Try:** {of.remedy}",
        lambda part: _LINK.sub(lambda found: found[0] if "://" in found[2] else f"[{found[1]}](../{found[2]})", part),
    )
    return (
        f"---\ntitle: {of.code}\n---\n# {of.code}: {of.title}\n\n"
        f"Outcome: **{of.outcome}**. On a terminal: `qparity explain {of.code}`\n\n{text}\n\n"
        f"---\n\n{of.family}: {' · '.join(around)} · [all failures](../failures.md)\n"
    )
