"""A maker's own process: `python -m pytest_qparity.precision.calling_maker module:function MODEL OUTPUT [CALIBRATION]`.

It runs in the case's folder, where modules beside the case file are found, and elsewhere where its parent finds them.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_qparity.case.functions import find_function, load_function
from pytest_qparity.verdict import CannotJudge, Code, Failure

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main", "takes_calibration"]

_CALIBRATION = "calibration"
_PARAMETERS = ("model", "output", _CALIBRATION)


def takes_calibration(maker: str, folder: Path) -> bool:
    """Whether `module:function` has a parameter `calibration`; its file is read and not imported. Raises CannotJudge
    where it is not found, or not defined there with the parameters that a maker has."""
    found = find_function(maker, folder)
    statements = ast.parse(found.source.read_bytes()).body if found.source.suffix == ".py" else []
    for each in statements:
        if isinstance(each, ast.FunctionDef) and each.name == found.function:
            names = tuple(argument.arg for argument in (*each.args.args, *each.args.kwonlyargs))
            if names in (_PARAMETERS, _PARAMETERS[:2]) and not each.args.posonlyargs:
                return _CALIBRATION in names
            raise _unfit(maker, f"the parameters ({', '.join(names)})")
    raise _unfit(maker, f"no def {found.function} at the top of {found.source.name}")


def _unfit(maker: str, got: str) -> CannotJudge:
    should = "a function (model, output) or (model, output, calibration)"
    return CannotJudge(
        Failure(
            Code.VARIANT_RECIPE, f'Maker "{maker}": got {got}, should be {should}.', "write it so: docs/extending.md"
        )
    )


def main(words: Sequence[str]) -> None:
    """Call the maker with paths. What it raises is this process's end, with a traceback on stderr."""
    maker, *paths = words
    load_function(maker, Path.cwd())(**{name: Path(path) for name, path in zip(_PARAMETERS, paths, strict=False)})


if __name__ == "__main__":
    main(sys.argv[1:])
