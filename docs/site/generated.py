"""Pages that are made of the code: the keys of a case file by its schema, and the commands by their own help."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from pytest_qparity.cli import _parser

COLUMNS = "100"
WORDS = {
    "object": "table",
    "array": "list",
    "string": "text",
    "boolean": "true or false",
    "integer": "whole number",
}
KEYS_HEAD = """# Keys by the schema

Made from `case.schema.json`, which editors use to complete and check a case file.
[The case file](case-file.md) explains the same keys at length.
"""
COMMANDS_HEAD = """# Commands

What `--help` says.
[Exit statuses](options.md#exit-statuses) and the options of pytest stand in
[options](options.md).
"""


def github_anchor(heading: str, separator: str) -> str:
    """The anchor that GitHub makes of a heading: links lead to the same place in both."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", separator)


def case_keys_page(schema: dict[str, Any]) -> str:
    """Every key of every table of a case file, as the JSON schema has it: type, default, what it is, example."""
    parts = [KEYS_HEAD]
    model, conformance = schema["anyOf"]
    places = {**_titles(model, schema["$defs"]), **_titles(conformance, schema["$defs"])}
    alone = Counter(places.values())  # a model is fetched or built: two tables in one place
    titles = {name: place if alone[place] == 1 else f"{place} {name}" for name, place in places.items()}
    parts += [_table("The case", model, titles), _table("A case without a model", conformance, titles)]
    parts += [_table(f"`{titles[name]}`", table, titles) for name, table in schema["$defs"].items()]
    return "\n".join(parts)


def _titles(table: dict[str, Any], tables: dict[str, Any], at: str = "") -> dict[str, str]:
    """Where the tables below one stand in a case file: the schema's name for each, and the header that TOML has."""
    found: dict[str, str] = {}
    for key, spec in table.get("properties", {}).items():
        for name, levels in _references(spec):
            header = ".".join([*([at] if at else []), key, *["<name>"] * levels])
            found.setdefault(name, f"[[{header}]]" if spec.get("type") == "array" else f"[{header}]")
            for below, title in _titles(tables[name], tables, header).items():
                found.setdefault(below, title)
    return found


def _references(spec: Any, levels: int = 0) -> Iterator[tuple[str, int]]:
    """The tables that a key may hold, and below how many names that a user chooses."""
    if isinstance(spec, list):
        for each in spec:
            yield from _references(each, levels)
    elif isinstance(spec, dict):
        if "$ref" in spec:
            yield spec["$ref"].rpartition("/")[2], levels
        for part in ("oneOf", "anyOf", "items"):
            yield from _references(spec.get(part), levels)
        for named in (spec.get("additionalProperties"), *spec.get("patternProperties", {}).values()):
            yield from _references(named, levels + 1)


def _table(title: str, of: dict[str, Any], titles: dict[str, str]) -> str:
    lines = [f"## {title}", "", of.get("description", ""), "", "| key | type | default | what it is | example |"]
    lines.append("| --- | --- | --- | --- | --- |")
    required = of.get("required", [])
    for key, spec in of.get("properties", {}).items():
        default = "required" if key in required else _shown(spec["default"]) if "default" in spec else "none"
        example = " ".join(_shown(each) for each in spec.get("examples", [])[:1])
        cells = (f"`{key}`", _type(spec, titles), default, spec.get("description", ""), example)
        lines.append(f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |")
    return "\n".join([*lines, ""])


def _shown(value: Any) -> str:
    return f"`{json.dumps(value, ensure_ascii=False)}`"


def _type(spec: dict[str, Any], titles: dict[str, str]) -> str:
    for several in ("oneOf", "anyOf"):
        if several in spec:
            return " or ".join(dict.fromkeys(_type(each, titles) for each in spec[several]))
    if "$ref" in spec:
        name = spec["$ref"].rpartition("/")[2]
        return f"[`{titles[name]}`](#{github_anchor(titles[name], '-')})"
    if "enum" in spec or "const" in spec:
        return ", ".join(_shown(each) for each in spec.get("enum", [spec.get("const")]))
    inside = spec.get("items") or next(iter(spec.get("patternProperties", {}).values()), None)
    inside = inside or (spec.get("additionalProperties") or None)
    of = f" of {_type(inside, titles)}" if isinstance(inside, dict) else ""
    bounds = {"exclusiveMinimum": ">", "minimum": "≥", "exclusiveMaximum": "<", "maximum": "≤"}
    limits = ", ".join(f"{sign} {spec[name]:g}" for name, sign in bounds.items() if name in spec)
    return f"{WORDS.get(spec.get('type', ''), spec.get('type', 'any'))}{of}{', ' + limits if limits else ''}"


def commands_page() -> str:
    """Every command of `qparity`, and each action of one, with its help as it prints it."""
    parts = [COMMANDS_HEAD]
    with _terminal_of(COLUMNS):
        for name, parser in every_command(_parser()):
            parts.append(f"## qparity {name}\n\n```text\n{parser.format_help().rstrip()}\n```\n")
    return "\n".join(parts)


def every_command(parser: argparse.ArgumentParser, before: str = "") -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Name and parser of each command below `parser`, those of actions (`baseline save`) behind their command."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                yield f"{before}{name}", below
                yield from every_command(below, f"{before}{name} ")


@contextlib.contextmanager
def _terminal_of(columns: str) -> Iterator[None]:
    """argparse wraps to the terminal, which a page has not."""
    stated = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = columns
    try:
        yield
    finally:
        if stated is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = stated
