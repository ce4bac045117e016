"""What a drawing takes in the page: pygal writes fifteen digits and the names that its own script would look for."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

__all__ = ["slimmed"]

# Those by which the page's style sheet knows what a thing is; the names of series' styles come with the plot.
STYLED = frozenset(
    ("chart", "small", "large", "background", "axis", "x", "y", "guide", "line", "title", "nofill", "dot")
)
_PLACES = ("d", "x", "y", "cx", "cy", "r", "width", "height", "transform")
_NUMBER = re.compile(r"-?\d+\.\d+")


def slimmed(svg: Any, styles: Collection[str]) -> None:
    """Places to a tenth of a pixel, and no class that the page does not style."""
    kept = STYLED.union(styles)
    for element in svg.iter():
        for name in _PLACES:
            if name in element.attrib:
                element.set(name, _NUMBER.sub(_tenths, element.get(name)))
        classes = [each for each in (element.get("class") or "").split() if each in kept]
        if classes:
            element.set("class", " ".join(dict.fromkeys(classes)))
        else:
            element.attrib.pop("class", None)


def _tenths(number: re.Match[str]) -> str:
    return f"{round(float(number[0]), 1):g}"
