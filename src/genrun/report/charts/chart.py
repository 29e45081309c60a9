"""What a chart shows: lines and points in the units of their axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from genrun.core.plotting import COLORS, Scale, Tick

Shape = Literal["line", "steps", "dots", "bars", "front"]
STYLES = len(COLORS)  # colours, dashes and marks that are told apart; see report.css
TICKS = 6  # at most, of an axis


@dataclass(frozen=True)
class Point:
    """One value with its interval, if it has one, and their texts."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None
    x_text: str = ""
    text: str = ""


@dataclass(frozen=True)
class Line:
    """Points of one contestant or configuration."""

    name: str
    points: Sequence[Point]
    style: int | None = None  # None: thin and grey, behind the others, not named
    shape: Shape = "line"
    short: str = ""  # in place of a name that is too long


@dataclass(frozen=True)
class ChartAxis:
    """An axis with its label, scale and ticks."""

    label: str
    scale: Scale
    ticks: Sequence[Tick]


def make_axis(label: str, scale: Scale, integers: bool = False) -> ChartAxis:
    """An axis with round ticks, without fractions if `integers`."""
    return ChartAxis(label, scale, scale.ticks(TICKS, integers))


@dataclass(frozen=True)
class Chart:
    """One plot."""

    label: str  # on the switch between the charts of a figure
    x: ChartAxis
    y: ChartAxis
    lines: Sequence[Line]
    nearest: bool = False  # the pointer shows the nearest point, not one of each line


@dataclass(frozen=True)
class Figure:
    """Charts of the same values, of which one is visible at a time, with a caption and a table."""

    key: str  # unique on the page, of letters, digits and dashes
    title: str
    caption: str
    charts: Sequence[Chart]
    columns: Sequence[str] = ()  # of the table of the same values
    rows: Sequence[Sequence[str]] = field(default=())
