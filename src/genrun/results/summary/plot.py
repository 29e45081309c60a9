"""A sweep's picture as PNG and SVG, and how any picture of matplotlib's is made."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from genrun.core.plotting import COLORS, GREY, MARKERS, METADATA, picture_bytes, plain_matplotlib
from genrun.results.summary.chart import Mark, Panel

# MERGED: Limits, ticks and names of a panel's axes.
FACTOR_FOR_LOG = 30.0  # between the lowest and the highest value of the metric
BEYOND = 0.6  # of the values' range that an interval may add on each side; the rest is cut off
MARGIN = 0.08
BELOW = 0.13  # for the best's value
CROSS, FIRST_CROSS = 0.05, 0.97  # of the height: rows of crosses for failed jobs, from the top
CHARACTER, GAP = 0.0125, 0.02  # of the axis, for what a tick's text takes
LEVEL = 1.0  # of that which level text may take in all; more is written at a slant


def place_axis(axes: Any, panel: Panel) -> None:
    """The swept key's axis, with its values where they are and as they were given."""
    from matplotlib.ticker import NullLocator

    places = [place for place, _ in panel.ticks]
    if panel.log:
        axes.set_xscale("log")
        low, high = math.log10(places[0]), math.log10(places[-1])
    else:
        low, high = places[0], places[-1]
    margin = MARGIN * (high - low) if high > low else 0.5
    if not panel.numeric:
        margin = 0.5
    low, high = low - margin, high + margin
    axes.set_xlim(*((10**low, 10**high) if panel.log else (low, high)))
    ticks = panel.ticks
    slanted = False
    if panel.numeric:
        ticks = _that_fit(ticks, low, high, panel.log)
    else:
        slanted = sum(len(text) * CHARACTER + GAP for _, text in ticks) > LEVEL
        axes.grid(visible=False, axis="x")
    style = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"} if slanted else {}
    axes.set_xticks([place for place, _ in ticks], [text for _, text in ticks], **style)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(panel.key)


def metric_axis(axes: Any, panel: Panel) -> float:
    """The metric's axis: all values, and of the intervals what leaves the values readable.

    Gives the lowest value below which there is room for a text.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

    values = [value for mark in panel.marks for value in mark.values]
    ends = [end for mark in panel.marks for end in (mark.low, mark.high) if end is not None]
    log = min(values) > 0 and max(values) > FACTOR_FOR_LOG * min(values)
    if log:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=12))
        values = [math.log10(value) for value in values]
        ends = [math.log10(end) for end in ends if end > 0]
    else:
        axes.yaxis.set_major_locator(MaxNLocator(nbins=7))
    low, high = _limits(values, ends)
    size = (high - low) or abs(high) * 0.1 or 1.0
    bottom = low - BELOW * size
    top = high + (MARGIN + 1.3 * CROSS * _most_failing(panel)) * size
    axes.set_ylim(*((10**bottom, 10**top) if log else (bottom, top)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.6g}"))
    axes.set_ylabel(f"{panel.metric} (lower is better)")
    return 10**low if log else low


def _most_failing(panel: Panel) -> int:
    """How many lines at most have failures at the same place, and so crosses below each other."""
    failing = (
        place for line in panel.lines for place in {m.place for m in line.marks if m.failed}
    )
    return max(Counter(failing).values(), default=0)


def _limits(values: Sequence[float], ends: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = BEYOND * (high - low)
    inner = [end for end in ends if math.isfinite(end)]
    return (
        min([low, *(max(end, low - room) for end in inner)]),
        max([high, *(min(end, high + room) for end in inner)]),
    )


def _that_fit(
    ticks: Sequence[tuple[float, str]], low: float, high: float, log: bool
) -> list[tuple[float, str]]:
    """From the left, each whose text does not run into the one before."""
    kept: list[tuple[float, str]] = []
    free = -math.inf
    for place, text in ticks:
        at = ((math.log10(place) if log else place) - low) / (high - low)
        half = len(text) * CHARACTER / 2
        if at - half >= free:
            kept.append((place, text))
            free = at + half + GAP
    return kept


WIDTH, HEIGHT = 8.0, 4.6  # inches of a panel
LEGEND_ROW, LEGEND_COLUMNS = 0.22, 3
DODGE, DODGE_OF_CHOICES = 3.5, 10.0  # points between lines at the same place
ASIDE = 6.0  # points from a bar to its seeds, where there is room


def draw(panels: Sequence[Panel], title: str, subtitle: str) -> dict[str, bytes]:
    """The panels below each other, as `png` and `svg`."""
    with plain_matplotlib():
        figure = _figure(panels, title, subtitle)
        return {kind: picture_bytes(figure, kind) for kind in METADATA}


def _figure(panels: Sequence[Panel], title: str, subtitle: str) -> Any:
    from matplotlib.figure import Figure

    heights = [HEIGHT + LEGEND_ROW * math.ceil(_entries(p) / LEGEND_COLUMNS) for p in panels]
    figure = Figure(figsize=(WIDTH, sum(heights)), layout="constrained")
    figure.suptitle(title, x=0.012, ha="left", fontsize=13, fontweight="bold")
    parts = figure.subfigures(len(panels), 1, height_ratios=heights, squeeze=False)[:, 0]
    for number, (part, panel) in enumerate(zip(parts, panels, strict=True)):
        axes = part.add_subplot()
        _draw_panel(axes, panel)
        if number == 0:
            axes.set_title(subtitle, loc="left", fontsize=9.5, color=GREY)
        if _entries(panel):
            part.legend(loc="outside lower left", ncols=LEGEND_COLUMNS, fontsize=10)
    return figure


def _entries(panel: Panel) -> int:
    """Of the legend."""
    lines = sum(bool(line.label) for line in panel.lines)
    return lines + any(mark.failed for mark in panel.marks)


def _draw_panel(axes: Any, panel: Panel) -> None:
    place_axis(axes, panel)
    floor = metric_axis(axes, panel)
    best = min(panel.marks, key=lambda mark: math.inf if mark.mean is None else mark.mean)
    alone = len(panel.lines) == 1
    dodge = DODGE if panel.numeric else DODGE_OF_CHOICES
    crosses: Counter[float] = Counter()
    for number, line in enumerate(panel.lines):
        color, marker = COLORS[number % len(COLORS)], MARKERS[number % len(MARKERS)]
        shift = dodge * (number - (len(panel.lines) - 1) / 2)
        over = axes.transData + _moved(axes, shift)
        marks = sorted(line.marks, key=lambda mark: mark.place)
        banded = alone and panel.connected
        _draw_intervals(axes, marks, {"color": color, "transform": over}, banded)
        beside = axes.transData + _moved(axes, shift + (ASIDE if alone and not banded else 0))
        _draw_seeds(axes, marks, {"color": color, "transform": beside})
        axes.plot(
            [mark.place for mark in marks],
            [_or_nan(mark.mean) for mark in marks],
            transform=over, color=color, linestyle="-" if panel.connected else "", marker=marker,
            markersize=6.5, linewidth=1.6, label=line.label or None,
        )  # fmt: skip
        _draw_failures(axes, marks, color, crosses)
        if best in line.marks:
            _name_best(axes, best, floor, over)
    if crosses:
        axes.plot([], [], "x", color=GREY, markersize=8, mew=2, label="failed or diverged")


def _draw_intervals(axes: Any, marks: Sequence[Mark], look: dict[str, Any], banded: bool) -> None:
    """A band over neighbours, bars where there are none or several lines."""
    places = [mark.place for mark in marks]
    low, high = [_or_nan(mark.low) for mark in marks], [_or_nan(mark.high) for mark in marks]
    known = [not math.isnan(end) for end in low]
    beside = [a or b for a, b in zip([False, *known], [*known[1:], False], strict=False)]
    if banded:
        axes.fill_between(places, low, high, alpha=0.15, linewidth=0, **look)
    barred = [n for n in range(len(marks)) if known[n] and not (banded and beside[n])]
    axes.vlines(
        [places[n] for n in barred], [low[n] for n in barred], [high[n] for n in barred],
        linewidth=1.5, **look,
    )  # fmt: skip


def _draw_seeds(axes: Any, marks: Sequence[Mark], look: dict[str, Any]) -> None:
    seeds = [(m.place, value) for m in marks if len(m.values) > 1 for value in m.values]
    places, values = [place for place, _ in seeds], [value for _, value in seeds]
    axes.plot(places, values, ".", markersize=8, alpha=0.6, markeredgewidth=0, **look)


def _draw_failures(axes: Any, marks: Sequence[Mark], color: str, crosses: Counter[float]) -> None:
    """A cross at the top, below those of other lines, with how many there are of it."""
    edge = axes.get_xaxis_transform()
    failed: Counter[float] = Counter()
    for mark in marks:
        failed[mark.place] += mark.failed
    for place, count in (+failed).items():
        height = FIRST_CROSS - CROSS * crosses[place]
        crosses[place] += 1
        axes.plot(place, height, "x", color=color, transform=edge, markersize=7, mew=2)
        if count > 1:
            axes.annotate(
                str(count), (place, height), (7, 0), xycoords=edge, va="center",
                textcoords="offset points", color=color, fontsize=9,
            )  # fmt: skip


def _name_best(axes: Any, best: Mark, floor: float, over: Any) -> None:
    """Its mean stands below it, and below its interval as far as that is seen."""
    lowest = best.mean if best.low is None else max(best.low, floor)
    axes.annotate(
        f"{best.mean:.5g}", (best.place, lowest), (0, -6), ha="center", va="top",
        xycoords=over, textcoords="offset points", fontsize=10, fontweight="bold",
    )  # fmt: skip


def _or_nan(number: float | None) -> float:
    """Where there is none, nothing is drawn and a line is broken."""
    return math.nan if number is None else number


def _moved(axes: Any, points: float) -> Any:
    from matplotlib.transforms import ScaledTranslation

    return ScaledTranslation(points / 72, 0, axes.get_figure(root=True).dpi_scale_trans)
