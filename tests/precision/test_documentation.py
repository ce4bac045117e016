"""docs/precisions.md prints the table of precisions, of backends and of targets, and the constants of the recipes."""

from __future__ import annotations

import re
from pathlib import Path

from pytest_qparity.backends.registry import BUILTIN
from pytest_qparity.precision.operands import TYPES
from pytest_qparity.precision.placement.targets import TARGETS
from pytest_qparity.precision.recipes import CastRecipe
from pytest_qparity.precision.static import COMMON_OPSET, CONVERTED_TO, PER_CHANNEL_OPSET
from pytest_qparity.precision.table import PRECISIONS, Made, Tolerance, base_of

PAGE = (Path(__file__).parents[2] / "docs" / "precisions.md").read_text(encoding="utf-8")
ONLY_CAST = {"fp16": "float16", "bf16": "bfloat16"}


def rows(*first_columns: str) -> list[list[str]]:
    """The cells of the one table whose first columns have these titles."""
    lines, head = PAGE.splitlines(), f"| {' | '.join(first_columns)} |"
    (start,) = [index for index, line in enumerate(lines) if line.startswith(head)]
    end = next(index for index in range(start, len(lines)) if not lines[index].startswith("|"))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[start + 2 : end]]


def blocks(made: Made) -> str:
    return "" if made.block is None else f", blocks of {made.block}"


def activations(made: Made) -> str:
    if made.activation is not None:
        return made.activation + blocks(made)
    return "by target" if made.method == "static" else "float"


def weights(name: str, made: Made) -> str:
    return ONLY_CAST.get(name) or ("float" if made.weight is None else made.weight + blocks(made))


def shown(title: str, name: str, made: Made, tolerance: Tolerance) -> list[str]:
    recipe = "the float model itself" if made.method == "float-model" else made.method
    limits = [f"{tolerance.sqnr_db:g}", str(tolerance.cosine), f"{round(100 * tolerance.top1_agreement, 6):g}"]
    return [title, recipe, activations(made), weights(name, made), *limits, str(tolerance.margin)]


def test_the_table_is_the_one_in_the_code():
    expected = []
    for precision in PRECISIONS.values():
        name, made = precision.name, precision.made
        expected.append(shown(f"`{name}`", name, made, precision.tolerance))
        if precision.transformer_tolerance is not None:
            expected.append(shown(f"`{name}`, text classification", name, made, precision.transformer_tolerance))

    assert rows("precision", "recipe", "activations") == expected


def test_who_computes_in_a_precision_is_what_backends_state():
    head = next(line for line in PAGE.splitlines() if line.startswith("| precision | `ort` |"))
    backends = {backend.name: backend for backend in BUILTIN}
    columns = [backends[name] for name in re.findall(r"`([\w-]+)`", head)]

    assert {backend.name for backend in columns} == set(backends)
    assert rows("precision", "`ort`") == [
        [f"`{name}`", *("emulated" if name in backend.emulated else "native" for backend in columns)]
        for name in PRECISIONS
    ]


def test_every_precision_is_in_the_table_of_what_ran():
    """`fp8` is `fp8-e4m3` by another name."""
    ran = {
        base_of(row[0].strip("`"), None) for row in rows("precision", "recipe", "`ort`", "`openvino`", "`reference`")
    }

    assert TYPES["fp8"] == TYPES["fp8-e4m3"]
    assert ran | {"fp8"} == set(PRECISIONS)


def test_the_targets_are_those_of_the_code():
    expected = []
    for target in TARGETS.values():
        placement = {"outputs": target.fused_outputs, "skips": target.quantized_skips, "sums": target.fused_sums}
        zero_points, bias = "0" if target.symmetric else "any", "int32" if target.integer_bias else "float"
        placed = ", ".join(what for what, holds in placement.items() if holds)
        expected.append([f"`{target.name}`", target.activation, zero_points, bias, placed])

    assert rows("`target`", "activations") == expected


def test_the_constants_are_those_of_the_recipes():
    cast = CastRecipe(())

    assert f"beyond ±{cast.largest:g}" in PAGE
    assert f"nearer to 0 than {cast.smallest:g}" in PAGE
    assert f"below {PER_CHANNEL_OPSET}, where nothing has a scale" in PAGE
    assert f'below {COMMON_OPSET} for `target = "any"`' in PAGE
    assert f"goes to {CONVERTED_TO} at least" in PAGE
