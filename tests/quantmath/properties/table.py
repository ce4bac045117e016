"""Properties and mutants as docs/quantization-math.md prints them: `python -m tests.quantmath.properties.table` writes
them there."""

from __future__ import annotations

import inspect
from pathlib import Path

from tests.checks.conformance.toy_mutants import TOY_MUTANTS
from tests.quantmath.mutant import properties
from tests.quantmath.mutants import MUTANTS

PAGE = Path(__file__).parents[3] / "docs" / "quantization-math.md"
GROUPS = {
    "integer_affine": "Affine quantization to integers",
    "integer_parameters": "Scales and zero points of integers",
    "operator_types": "Types of scales and outputs",
    "packing": "Packing of 4-bit and 2-bit codes",
    "integer_compute": "Integer products",
    "requantization": "Requantization",
    "graph_rewrites": "Graph rewrites",
    "float_formats": "Float formats",
    "blocks": "Block formats",
    "bnb4": "NF4 and FP4 of bitsandbytes",
    "ranges": "Ranges",
    "entropy": "Ranges by entropy",
    "measures": "Error measures",
}


def sentence(prop: object) -> str:
    """The first line of a property's docstring; ValueError where it has none."""
    said = inspect.getdoc(prop)
    if not said:
        raise ValueError(f"got {prop} without a docstring, should say in its first line what holds")
    return said.splitlines()[0]


def property_tables() -> str:
    """Properties in the order in which they stand, under their groups."""
    found = {group: properties(group).values() for group in GROUPS}
    lines = [f"{sum(map(len, found.values()))} properties.", ""]
    for group, title in GROUPS.items():
        lines += [f"### {title} ({len(found[group])})", "", "| property |", "| --- |"]
        lines += [f"| {_cell(sentence(prop))} |" for prop in found[group]]
        lines.append("")
    return "\n".join(lines)


def mutant_table() -> str:
    """What each mutant does wrong, by group; those of the backend at the end."""
    rows = [(title, [mutant.what for mutant in MUTANTS if mutant.group == group]) for group, title in GROUPS.items()]
    rows.append(("A backend of a third party", [mutant.what for mutant in TOY_MUTANTS]))
    lines = [f"{sum(len(mutants) for _, mutants in rows)} mutants.", "", "| in | mutants |", "| --- | --- |"]
    lines += [f"| {title} ({len(mutants)}) | {_cell('; '.join(mutants))} |" for title, mutants in rows]
    return "\n".join([*lines, ""])


def _cell(text: str) -> str:
    """Markdown ends a cell at a bar."""
    return text.replace("|", "\\|").replace("*", "\\*").replace("_", "\\_")


def printed(page: str) -> str:
    """`page` with properties and mutants as they are now."""
    for name, table in (("properties", property_tables()), ("mutants", mutant_table())):
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        before, found, rest = page.partition(begin)
        _, closed, after = rest.partition(end)
        if not (found and closed):
            raise ValueError(f"got a page without {begin} and {end}, should have both")
        page = f"{before}{begin}\n\n{table}\n{end}{after}"
    return page


if __name__ == "__main__":
    PAGE.write_text(printed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
