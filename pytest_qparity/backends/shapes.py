"""The shapes in which a case feeds an input: engines that are built for shapes need them before the first feed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_qparity.case.feeding import Feed


@dataclass(frozen=True, slots=True)
class InputShapes:
    """Over all feeds, dimension by dimension: the least, that of the first feed (a whole batch), the greatest."""

    least: tuple[int, ...]
    usual: tuple[int, ...]
    greatest: tuple[int, ...]

    def __str__(self) -> str:
        return " to ".join(
            dict.fromkeys("x".join(map(str, shape)) or "scalar" for shape in (self.least, self.greatest))
        )


def shapes_over(feeds: Iterable[Feed]) -> dict[str, InputShapes]:
    """Of each input that has one rank in all feeds: one of several ranks fits no engine that is built for shapes."""
    seen: dict[str, list[tuple[int, ...]]] = {}
    for feed in feeds:
        for name, array in feed.arrays.items():
            seen.setdefault(name, []).append(array.shape)
    return {name: _over(shapes) for name, shapes in seen.items() if len({len(shape) for shape in shapes}) == 1}


def shapes_as_json(shapes: Mapping[str, InputShapes]) -> dict[str, list[list[int]]]:
    return {name: [list(each.least), list(each.usual), list(each.greatest)] for name, each in shapes.items()}


def shapes_from_json(told: Mapping[str, list[list[int]]]) -> dict[str, InputShapes]:
    return {name: InputShapes(*(tuple(shape) for shape in each)) for name, each in told.items()}


def _over(shapes: list[tuple[int, ...]]) -> InputShapes:
    sizes = list(zip(*shapes, strict=True))
    return InputShapes(tuple(map(min, sizes)), shapes[0], tuple(map(max, sizes)))
