"""What a chart shows: lines and points in the units of their axes. No drawing here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from genrun.core.plotting import COLORS, Scale, Tick

Shape = Literal["line", "steps", "dots", "bars", "front"]
STYLES = len(COLORS)  # colours, dashes and marks that are told apart; see report.css


@dataclass(frozen=True)
class Point:
    """One value, with its interval where it has one, and how both read."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None
    x_text: str = ""
    text: str = ""


@dataclass(frozen=True)
class Line:
    """Points that belong together."""

    name: str
    points: Sequence[Point]
    style: int | None = None  # None: thin and grey, behind the others, without a name
    shape: Shape = "line"
    short: str = ""  # where the name is long


@dataclass(frozen=True)
class ChartAxis:
    """What runs along it, and where its values lie."""

    label: str
    scale: Scale
    ticks: Sequence[Tick]


@dataclass(frozen=True)
class Chart:
    """One plot."""

    label: str  # what it is called among others that it can be switched with
    x: ChartAxis
    y: ChartAxis
    lines: Sequence[Line]
    nearest: bool = False  # hovering shows the one point that is nearest, not one of each line


@dataclass(frozen=True)
class Figure:
    """Charts of the same thing, of which one is seen at a time, and what to know of them."""

    key: str  # unique on the page, of letters, digits and dashes
    title: str
    caption: str
    charts: Sequence[Chart]
    columns: Sequence[str] = ()  # of the same values as a table
    rows: Sequence[Sequence[str]] = field(default=())
