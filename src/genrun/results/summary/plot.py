"""A sweep's picture as PNG and SVG, and how any picture of matplotlib's is made."""

from __future__ import annotations

import io
import logging
import math
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from genrun.results.summary.chart import Mark, Panel
from genrun.results.summary.plot__sweeps_axes import CROSS, FIRST_CROSS, metric_axis, place_axis

WIDTH, HEIGHT = 8.0, 4.6  # inches of a panel
LEGEND_ROW, LEGEND_COLUMNS = 0.22, 3
DOTS = 150  # an inch
COLORS = (  # Okabe and Ito: told apart by the colour-blind, too
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C8C3C",
)  # fmt: skip
MARKERS = "osD^vPXh"
GREY = "#555555"
DODGE, DODGE_OF_CHOICES = 3.5, 10.0  # points between lines at the same place
ASIDE = 6.0  # points from a bar to its seeds, where there is room
METADATA = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}}  # nothing
SETTINGS: dict[Any, Any] = {
    "text.parse_math": False,  # a name with a $ in it is a name
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "font.size": 11.0,
    "axes.edgecolor": "#888888",
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E4E4E4",
    "legend.frameon": False,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "genrun",  # the same bytes each time
}


def draw(panels: Sequence[Panel], title: str, subtitle: str) -> dict[str, bytes]:
    """The panels below each other, as `png` and `svg`."""
    with plain_matplotlib():
        figure = _figure(panels, title, subtitle)
        return {kind: picture_bytes(figure, kind) for kind in METADATA}


def import_beforehand() -> None:
    """Imports what takes half a second, while there is nothing else to do."""
    _quiet()
    import scipy.special  # noqa: F401  # a summary's intervals


def _quiet() -> None:
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it speaks of its cache, and of fonts


@contextmanager
def plain_matplotlib() -> Iterator[None]:
    """With our settings alone, whatever matplotlibrc there is, and silent about its cache."""
    _quiet()
    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a character that the font has not
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(SETTINGS)
        yield


def picture_bytes(figure: Any, kind: str) -> bytes:
    """As png or svg, the same bytes each time."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=DOTS, metadata=METADATA[kind])
    return buffer.getvalue()


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
