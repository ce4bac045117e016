"""Plots as SVG that is part of the page, drawn by pygal: coloured by the page's style, and read out by its title."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_qparity.report.html.labels import Placing
from pytest_qparity.report.html.slimming import slimmed
from pytest_qparity.report.text import one_line

if TYPE_CHECKING:
    from markupsafe import Markup

__all__ = ["Dot", "Drawn", "Plot", "can_draw", "drawn", "ticks"]

WIDTH, HEIGHT = 760, 380
SMALL_WIDTH, SMALL_HEIGHT = 300, 150
TICKS = 6
DOT, SMALL_DOT = 4.0, 2.0
FEW = 12  # dots of a series; of more each is small
_FONT = "system-ui, sans-serif"


@dataclass(frozen=True, slots=True)
class Dot:
    """`said` is shown when pointed at, `label` beside the dot."""

    x: float
    y: float
    said: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A series; `style` is a class of the page's style sheet, which gives it colour and form."""

    name: str
    style: str
    dots: Sequence[Dot]
    is_line: bool = False


@dataclass(frozen=True, slots=True)
class Plot:
    """`title` is what a screen reader says of it: what it shows, and what of it matters. `note`: what all have to be
    told below it, since a part of a plot may lie outside of a small screen."""

    title: str
    x_title: str
    y_title: str
    series: Sequence[Drawn]
    is_small: bool = False
    x_labels: Sequence[tuple[float, str]] = ()  # in place of numbers
    note: str = ""


def can_draw() -> bool:
    """Whether pygal, an extra, is installed."""
    return importlib.util.find_spec("pygal") is not None


def drawn(plot: Plot) -> Markup:
    """The `<svg>`, and what its series are: no script, no style of its own, no address of anything outside."""
    import pygal
    from markupsafe import Markup
    from pygal.style import Style

    xs = [dot.x for series in plot.series for dot in series.dots]
    ys = [dot.y for series in plot.series for dot in series.dots]
    chart = pygal.XY(
        width=SMALL_WIDTH if plot.is_small else WIDTH,
        height=SMALL_HEIGHT if plot.is_small else HEIGHT,
        style=Style(
            font_family=_FONT, label_font_size=13, major_label_font_size=13, title_font_size=14, legend_font_size=14,
            value_label_font_size=13,
        ),
        js=[],
        css=[],
        no_prefix=True,
        disable_xml_declaration=True,
        explicit_size=False,
        show_legend=False,  # its columns do not hold names: the page has a list
        print_labels=True,
        margin=6 if plot.is_small else 12,
        x_title=one_line(plot.x_title) or None,
        y_title=one_line(plot.y_title) or None,
        range=_range(ys),
        xrange=_range(xs),
    )  # fmt: skip
    chart.y_labels = [{"value": value, "label": f"{value:g}"} for value in ticks(*_range(ys))]
    named = plot.x_labels or [(value, f"{value:g}") for value in ticks(*_range(xs))]
    chart.x_labels = [{"value": value, "label": one_line(label)} for value, label in named]
    for series in plot.series:
        dots = [
            {"value": (dot.x, dot.y), **({"label": one_line(dot.label)} if dot.label else {})} for dot in series.dots
        ]
        chart.add(one_line(series.name), dots, stroke=series.is_line, dots_size=DOT if len(dots) <= FEW else SMALL_DOT)
    chart.add_xml_filter(_for_page(plot))
    svg = Markup(chart.render(is_unicode=True))  # ElementTree escapes what names bring
    if plot.is_small:
        return svg
    return Markup('<div class="scroll" tabindex="0" role="group" aria-label="Plot">{}</div>{}').format(
        svg, _legend(plot)
    )


def _legend(plot: Plot) -> Markup:
    from markupsafe import Markup

    if len(plot.series) < 2:
        return Markup("")
    item = Markup('<li><span class="swatch {}"></span><bdi>{}</bdi></li>')
    items = Markup("").join(item.format(series.style, one_line(series.name)) for series in plot.series)
    return Markup('<ul class="inline legend">{}</ul>').format(items)


def ticks(low: float, high: float) -> list[float]:
    """About TICKS round numbers (1, 2 or 5 times a power of ten apart) that lie in the range."""
    step = 10.0 ** math.floor(math.log10((high - low) / TICKS))
    step *= next(factor for factor in (1.0, 2.0, 5.0, 10.0) if factor * step * TICKS >= (high - low) * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(index * step, 12) for index in range(first, math.floor(high / step + 1e-9) + 1)]


def _range(values: Sequence[float]) -> tuple[float, float]:
    """That of the values and a margin, so that no dot lies on the edge; never empty."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    room = 0.06 * (high - low) or 0.5 * abs(high) or 0.5
    return low - room, high + room


def _for_page(plot: Plot) -> Callable[[Any], Any]:
    """What pygal draws, less what is for its own script and style, with names where they can be read."""

    def changed(svg: Any) -> Any:
        svg.attrib = {"class": f"chart {'small' if plot.is_small else 'large'}", "viewBox": svg.get("viewBox")}
        svg.set("role", "img")
        svg.set("aria-label", one_line(plot.title))
        for parent in list(svg.iter()):
            for child in list(parent):
                if _is_for_scripts(child):
                    parent.remove(child)
            parent.attrib.pop("id", None)  # two plots would have the same ones
        for index, series in enumerate(plot.series):
            for element in svg.iter():
                classes = (element.get("class") or "").split()
                if f"color-{index}" in classes:
                    element.set("class", " ".join([*classes, series.style]))
        _name_dots(svg, plot)
        slimmed(svg, {series.style for series in plot.series})
        return svg

    return changed


def _is_for_scripts(element: Any) -> bool:
    is_comment = not isinstance(element.tag, str)
    return is_comment or element.tag in ("defs", "title", "desc") or "tooltip-overlay" in element.get("class", "")


def _name_dots(svg: Any, plot: Plot) -> None:
    """Each dot says what it is when pointed at; labels stand where they cover no other one, or are left out."""
    from xml.etree.ElementTree import SubElement

    groups = {name: [each for each in svg.iter() if _is_of(each, name)] for name in ("overlay", "text-overlay")}
    placing = Placing(SMALL_WIDTH if plot.is_small else WIDTH)
    for circle in svg.iter("circle"):
        placing.take(float(circle.get("cx")), float(circle.get("cy")), DOT)
    for index, series in enumerate(plot.series):
        circles = [dot for dot in _series(groups["overlay"], index).iter("g") if dot.get("class") == "dots"]
        texts = _series(groups["text-overlay"], index)
        labels = iter(list(texts))
        for dot, element in zip(series.dots, circles, strict=True):
            if dot.said:
                SubElement(element, "title").text = one_line(dot.said)
            if dot.label:
                label, circle = next(labels), element.find("circle")
                place = placing.beside(float(circle.get("cx")), float(circle.get("cy")), len(dot.label))
                if place is None:
                    texts.remove(label)
                else:
                    label.attrib |= {"x": f"{place.x:.1f}", "y": f"{place.y:.1f}", "text-anchor": place.anchor}


def _is_of(element: Any, name: str) -> bool:
    return "plot" in (element.get("class") or "").split() and name in element.get("class").split()


def _series(groups: list[Any], index: int) -> Any:
    return next(each for group in groups for each in group if f"serie-{index}" in each.get("class", "").split())
