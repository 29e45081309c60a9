"""Limits, ticks and names of a panel's axes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from genrun.results.summary.chart import Panel

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
