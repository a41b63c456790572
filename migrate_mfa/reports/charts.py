"""Lines over time as inline SVG, drawn by leather; only this module imports it.

leather writes fixed colours and sizes, and long decimals. They are replaced: by a `viewBox`, by a class for
each colour (so that a style sheet can set it, dark or light), and by coordinates with one decimal.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import floor, log10
from xml.etree.ElementTree import Element, SubElement, tostring

import leather
from leather import theme
from leather.scales import Linear

Point = tuple[float, float | None]
"""x and y; a y of None breaks a line."""

WIDTH, HEIGHT = 520, 210
_MUCH = 1.12
_LAST_NAME = 16
"""Room for half of the last label below, which is at the very end."""
_COLOURS = {
    "#1d5fd0": "c-line",
    "#11845b": "c-share",
    "#6b7280": "c-quota",
    "#c62828": "c-throttle",
    "#4b5563": "c-label",
    "#e5e7eb": "c-grid",
    "#9ca3af": "c-zero",
}
"""By leather's colour, the class. The colour itself shows where there is no style sheet."""
LINE, SHARE, QUOTA, THROTTLE, _LABEL, _GRID, _ZERO = _COLOURS
_DECIMALS = re.compile(r"(\d+\.\d)\d+")


@dataclass(frozen=True, slots=True)
class Level:
    """A dashed horizontal line, such as a quota."""

    y: float
    colour: str
    dashes: str


def lines_over_time(
    points: Sequence[Point],
    *,
    label: str,
    levels: Sequence[Level] = (),
    marks: Sequence[tuple[float, float]] = (),
    x_ticks: Sequence[float],
    x_name: Callable[[float], str],
) -> str:
    """One line with levels and marks, as an SVG element.

    Args:
        points: in order of x, with at least one y.
        label: describes the picture for readers who cannot see it.
        levels: lines across the whole width.
        marks: dots.
        x_ticks: where the lower axis has a label, from its beginning to its end.
        x_name: gives the label.
    """
    begin, end = x_ticks[0], x_ticks[-1]
    top = max([y for _, y in points if y is not None] + [each.y for each in levels]) * _MUCH or 1.0
    _dress()
    chart = leather.Chart()
    chart.set_x_scale(_Exact(begin, end))
    chart.set_y_scale(_Exact(0, top))
    y_ticks = _ticks(top)
    chart.add_x_axis(ticks=list(x_ticks), tick_formatter=lambda value, *_: x_name(value))
    chart.add_y_axis(ticks=y_ticks, tick_formatter=lambda value, *_: f"{value:g}")
    for level in levels:
        edge = [(begin, level.y), (end, level.y)]
        chart.add_line(edge, stroke_color=level.colour, width=1.5, stroke_dasharray=level.dashes)
    chart.add_line(points, stroke_color=LINE, width=2)
    if marks:
        chart.add_dots(marks, fill_color=THROTTLE, radius=3.5)
    return _as_svg(chart, label)


class _Exact(Linear):  # type: ignore[misc] # leather has no types
    """A scale with exact ends: leather's own begins and ends at ticks of its choice."""

    def project(self, value: float, range_min: float, range_max: float) -> float:
        low, high = float(self._data_min), float(self._data_max)
        return (range_max - range_min) * ((float(value) - low) / (high - low)) + range_min


def _ticks(top: float) -> list[float]:
    """About three to six round numbers from 0 on."""
    power = 10.0 ** floor(log10(top))
    step = next(step for step in (power / 5, power / 2, power, 2 * power, 5 * power) if top / step < 6)  # noqa: PLR2004 - as said
    return [step * number for number in range(int(top / step) + 1)]


def _dress() -> None:
    """Set leather's global settings; nothing else in this process uses them."""
    theme.margin = 0.02
    theme.background_color = "none"
    theme.label_color, theme.tick_color, theme.zero_color = _LABEL, _GRID, _ZERO
    theme.tick_font_family = theme.legend_font_family = "system-ui, sans-serif"
    theme.tick_font_size, theme.tick_font_char_width, theme.tick_font_char_height = 12, 7, 14
    theme.legend_font_char_height = theme.legend_gap = 0  # the legend is in the page's own words


def _keep_inside(group: Element) -> None:
    """Align the last label below to end at its tick: centred, it would be cut off."""
    names = group.findall(".//g[@class='axis bottom']/g/text")
    max(names, key=lambda each: float(each.get("x", "0"))).set("text-anchor", "end")


def _as_svg(chart: leather.Chart, label: str) -> str:
    root = Element("svg", {"class": "chart", "viewBox": f"0 0 {WIDTH + _LAST_NAME} {HEIGHT}", "role": "img"})
    root.set("aria-label", label)
    SubElement(root, "title").text = label
    group = chart.to_svg_group(WIDTH, HEIGHT)
    margins = group[1]
    margins.remove(margins[0])  # the empty place of a title, and a legend
    root.append(group)
    _keep_inside(group)
    for element in group.iter():
        for name in ("fill", "stroke"):
            if found := _COLOURS.get(element.get(name, "")):
                element.set("class", f"{element.get('class', '')} {found}".strip())
        for name, value in list(element.attrib.items()):
            if not value:
                del element.attrib[name]
            elif name in {"x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "d"}:
                element.set(name, _DECIMALS.sub(r"\1", value))
    return tostring(root, encoding="unicode")
