"""Lays a chart out for its template: positions in percent, SVG paths, texts for the pointer.

All positions are fractions of the plot, so that one drawing fits a phone, a desktop and paper
while its text keeps its size (docs/decisions/0014).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from genrun.core.formatting import shorten
from genrun.core.plotting import Tick
from genrun.report.charts.chart import Chart, ChartAxis, Line, Point

UNITS = 1000  # of a path's coordinates across the plot, in both directions
FAR = 3.0  # how far beyond the plot's edge a line is drawn, in plots
MARKS = 7  # along a line, so that it is recognized without colour
NAME_HEIGHT = 0.062  # of the plot, between names at the ends of lines
LONGEST_NAME = 24  # characters of these


def lay_out(chart: Chart) -> dict[str, Any]:
    """Returns the variables of the macro `plot` in parts.html."""
    named = [line for line in chart.lines if line.style is not None]
    behind = [line for line in chart.lines if line.style is None]
    return {
        "x": {"label": chart.x.label, "ticks": _ticks(chart.x.ticks, False)},
        "y": {"label": chart.y.label, "ticks": _ticks(chart.y.ticks, True)},
        "behind": [_path(line, chart) for line in behind if line.shape in ("line", "steps")],
        "front": [_path(line, chart) for line in behind if line.shape == "front"],
        "behind_dots": [
            spot
            for line in behind
            if line.shape in ("dots", "bars")
            for spot in _spots(line, chart)
        ],
        "lines": [_line(line, chart) for line in named],
        "legend": [
            {"name": name, "style": style}
            for name, style in dict.fromkeys((line.name, line.style) for line in named)
        ],
        "names": _names(named, chart) if len({line.name for line in named}) > 1 else [],
        "hover": {
            "nearest": chart.nearest,
            "x": chart.x.label,
            "lines": [
                _hover(line, chart)
                for line in chart.lines
                if line.shape != "front" and (chart.nearest or line.style is not None)
            ],
        },
    }


def _line(line: Line, chart: Chart) -> dict[str, Any]:
    banded = line.shape in ("line", "steps")
    return {
        "name": line.name,
        "style": line.style,
        "path": _path(line, chart) if banded else "",
        "band": _band(line, chart) if banded else "",
        "bars": _bars(line, chart) if line.shape == "bars" else [],
        "marks": _spots(line, chart),
    }


def _ticks(ticks: Sequence[Tick], upwards: bool) -> list[dict[str, str]]:
    """Every other tick is marked as minor: a narrow page leaves it out."""
    return [
        {
            "at": format_percent(1 - tick.at if upwards else tick.at),
            "text": tick.text,
            "minor": "minor" if index % 2 and len(ticks) > 3 else "",
        }
        for index, tick in enumerate(ticks)
    ]


def _place(point: Point, x: ChartAxis, y: ChartAxis) -> tuple[float, float]:
    return x.scale.at(point.x), _height(point.y, y)


def _height(value: float, axis: ChartAxis) -> float:
    """The fraction from the top, limited to `FAR` plots beyond the edges."""
    if value == math.inf:
        return -FAR
    return min(max(1 - axis.scale.at(value), -FAR), 1 + FAR)


def _path(line: Line, chart: Chart) -> str:
    places = [_place(point, chart.x, chart.y) for point in line.points]
    if line.shape in ("steps", "front"):
        corners = [(b[0], a[1]) for a, b in pairwise(places)]
        between = [place for pair in zip(places, corners, strict=False) for place in pair]
        places = [*between, *places[-1:]]
    return _join(places)


def _join(places: Sequence[tuple[float, float]]) -> str:
    if not places:
        return ""
    return "M" + "L".join(f"{x * UNITS:.0f} {y * UNITS:.0f}" for x, y in places)


def _band(line: Line, chart: Chart) -> str:
    bounded = [p for p in line.points if p.low is not None and p.high is not None]
    if len(bounded) < 2:
        return ""
    above = [
        (chart.x.scale.at(p.x), _height(p.high, chart.y)) for p in bounded if p.high is not None
    ]
    below = [
        (chart.x.scale.at(p.x), _height(p.low, chart.y)) for p in bounded if p.low is not None
    ]
    return _join([*above, *reversed(below)]) + "Z"


def _bars(line: Line, chart: Chart) -> list[dict[str, str]]:
    return [
        {
            "x": format_percent(chart.x.scale.at(p.x)),
            "low": format_percent(min(_height(p.low, chart.y), 1.0)),
            "high": format_percent(max(_height(p.high, chart.y), 0.0)),
        }
        for p in line.points
        if p.low is not None and p.high is not None
    ]


def _spots(line: Line, chart: Chart) -> list[tuple[str, str, bool]]:
    """(x, y, failed) of marks: all points of a line without path, else a few along the path."""
    unconnected = line.shape in ("dots", "bars")
    stride = 1 if unconnected else max(1, math.ceil(len(line.points) / MARKS))
    places = []
    for point in line.points[::stride]:
        x, y = _place(point, chart.x, chart.y)
        failed = point.y == math.inf
        if failed:
            y = 0.02
        if -0.01 <= x <= 1.01 and -0.01 <= y <= 1.01:
            places.append((format_percent(x), format_percent(y), failed))
    return places


def _names(lines: Sequence[Line], chart: Chart) -> list[dict[str, Any]]:
    """Names at the ends of lines, moved apart so that they do not overlap."""
    ends = [
        (one, one.points[-1]) for one in lines if one.points and one.shape in ("line", "steps")
    ]
    targets = sorted(
        (min(max(_height(point.y, chart.y), 0.02), 0.98), line.style, _short(line))
        for line, point in ends
    )
    heights: list[float] = []
    for height, _, _ in targets:
        heights.append(max(height, heights[-1] + NAME_HEIGHT) if heights else height)
    over = max(0.0, heights[-1] - 1.0) if heights else 0.0
    heights = [height - over for height in heights]
    return [
        {"at": format_percent(height), "style": style, "name": shorten(name, LONGEST_NAME)}
        for height, (_, style, name) in zip(heights, targets, strict=True)
    ]


def _short(line: Line) -> str:
    return line.name if len(line.name) <= LONGEST_NAME else line.short or line.name


def _hover(line: Line, chart: Chart) -> dict[str, Any]:
    """Each point as [x, y, text of x, text of y], x and y as fractions from the top left."""
    points = []
    for point in line.points:
        x, y = _place(point, chart.x, chart.y)
        y = 0.02 if point.y == math.inf else y
        points.append([round(x, 4), round(y, 4), point.x_text, point.text])
    return {"name": line.name, "style": line.style, "points": points}


def format_percent(fraction: float) -> str:
    return f"{100 * fraction:.2f}".rstrip("0").rstrip(".") + "%"
