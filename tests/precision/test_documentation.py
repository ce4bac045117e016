"""docs/precisions.md prints the table of precisions and the constants of the recipes."""

from __future__ import annotations

import re
from pathlib import Path

from pytest_qparity.precision.integer import PER_CHANNEL_OPSET

from pytest_qparity.precision.recipes import CastRecipe, IntegerRecipe
from pytest_qparity.precision.table import PRECISIONS, Tolerance

PAGE = (Path(__file__).parents[2] / "docs" / "precisions.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(\w+)`(, text classification)? \| (.*) \| (.+) \| (.+) \| (.+) \| (.+) \|$", re.MULTILINE)


def shown(name: str, made: bool, tolerance: Tolerance) -> tuple[str, bool, float, float, float, str]:
    percent = round(100 * tolerance.top1_agreement, 6)
    return name, made, tolerance.sqnr_db, tolerance.cosine, percent, str(tolerance.margin)


def test_the_table_is_the_one_in_the_code():
    printed = [
        (name + (task or ""), made != "no", *map(float, figures), margin)
        for name, task, made, *figures, margin in ROW.findall(PAGE)
    ]

    expected = []
    for precision in PRECISIONS.values():
        expected.append(shown(precision.name, precision.made, precision.tolerance))
        if precision.transformer_tolerance is not None:
            name = f"{precision.name}, text classification"
            expected.append(shown(name, precision.made, precision.transformer_tolerance))
    assert printed == expected


def test_the_constants_are_those_of_the_recipes():
    cast, integer = CastRecipe(()), IntegerRecipe((), "uint8", "minmax")

    assert f"beyond ±{cast.largest:g}" in PAGE
    assert f"nearer to 0 than {cast.smallest:g}" in PAGE
    assert f"below opset {PER_CHANNEL_OPSET} is converted to {integer.opset} first" in PAGE
