"""A sweep's picture as PNG and SVG: the metric against what was swept."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from genrun.core.formatting import format_metric
from genrun.core.plotting import (
    CHARACTER,
    GAP,
    GREY,
    METADATA,
    Scale,
    Tick,
    drop_overlapping,
    fit_scale,
    isolated_matplotlib,
    make_scale,
    picture_bytes,
    set_axis,
    style_line,
)
from genrun.results.summary.chart import SweepMark, SweepPanel

WIDTH, HEIGHT = 8.0, 4.6  # inches of a panel
LEGEND_ROW, LEGEND_COLUMNS = 0.22, 3
DODGE, DODGE_OF_CHOICES = 3.5, 10.0  # points between lines at the same place
ASIDE = 6.0  # points from a bar to its seeds
MOST_TICKS = 9
MARGIN = 0.08  # of the axis, beyond the outermost values
BELOW = 0.13  # of the axis, for the text of the best's value
CROSS, FIRST_CROSS = 0.05, 0.97  # of the height: rows of crosses for failed jobs, from the top


def draw(panels: Sequence[SweepPanel], title: str, subtitle: str) -> dict[str, bytes]:
    """Returns the panels below each other as `png` and `svg`."""
    with isolated_matplotlib():
        figure = _figure(panels, title, subtitle)
        return {kind: picture_bytes(figure, kind) for kind in METADATA}


def _figure(panels: Sequence[SweepPanel], title: str, subtitle: str) -> Any:
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


def _entries(panel: SweepPanel) -> int:
    """The number of entries of the legend."""
    lines = sum(bool(line.label) for line in panel.lines)
    return lines + any(mark.failed for mark in panel.marks)


def _draw_panel(axes: Any, panel: SweepPanel) -> None:
    _set_key_axis(axes, panel)
    floor = _set_metric_axis(axes, panel)
    best = min(panel.marks, key=lambda mark: math.inf if mark.mean is None else mark.mean)
    single = len(panel.lines) == 1
    dodge = DODGE if panel.numeric else DODGE_OF_CHOICES
    crosses: Counter[float] = Counter()
    for number, line in enumerate(panel.lines):
        style = style_line(number)
        color = style["color"]
        shift = dodge * (number - (len(panel.lines) - 1) / 2)
        over = axes.transData + _shift(axes, shift)
        marks = sorted(line.marks, key=lambda mark: mark.place)
        banded = single and panel.connected
        _draw_intervals(axes, marks, {"color": color, "transform": over}, banded)
        aside = axes.transData + _shift(axes, shift + (ASIDE if single and not banded else 0))
        _draw_seeds(axes, marks, {"color": color, "transform": aside})
        axes.plot(
            [mark.place for mark in marks],
            [_or_nan(mark.mean) for mark in marks],
            transform=over, linestyle="-" if panel.connected else "", markersize=6.5,
            linewidth=1.6, label=line.label or None, **style,
        )  # fmt: skip
        _draw_failures(axes, marks, color, crosses)
        if best in line.marks:
            _name_best(axes, best, floor, over)
    if crosses:
        axes.plot([], [], "x", color=GREY, markersize=8, mew=2, label="failed or diverged")


def _set_key_axis(axes: Any, panel: SweepPanel) -> None:
    """The swept key's axis, named at the swept values, as they were configured."""
    places = [place for place, _ in panel.ticks]
    if panel.numeric and len(places) > 1:
        scale = make_scale(places, panel.log, MARGIN)
    else:
        scale = Scale(places[0] - 0.5, places[-1] + 0.5, False)
    ticks = [Tick(place, scale.at(place), text) for place, text in panel.ticks]
    style = {}
    if panel.numeric:
        ticks = drop_overlapping(ticks)
    else:
        axes.grid(visible=False, axis="x")
        if sum(len(tick.text) * CHARACTER + GAP for tick in ticks) > 1:  # too long for one row
            style = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"}
    set_axis(axes, "x", scale, ticks, **style)
    axes.set_xlabel(panel.key)


def _set_metric_axis(axes: Any, panel: SweepPanel) -> float:
    """The metric's axis. Returns the value that the best's text is written below."""
    values = [value for mark in panel.marks for value in mark.values]
    ends = [end for mark in panel.marks for end in (mark.low, mark.high) if end is not None]
    fitted = fit_scale(values, ends)
    scale = fitted.pad(BELOW, MARGIN + 1.3 * CROSS * _most_failing(panel))
    set_axis(axes, "y", scale, scale.ticks(MOST_TICKS))
    axes.set_ylabel(f"{panel.metric} (lower is better)")
    return fitted.low


def _most_failing(panel: SweepPanel) -> int:
    """How many lines at most have failures at the same place, and so crosses below each other."""
    failing = (
        place for line in panel.lines for place in {m.place for m in line.marks if m.failed}
    )
    return max(Counter(failing).values(), default=0)


def _draw_intervals(
    axes: Any, marks: Sequence[SweepMark], style: dict[str, Any], banded: bool
) -> None:
    """A band between neighbours if `banded`, else and without neighbours bars."""
    places = [mark.place for mark in marks]
    low, high = [_or_nan(mark.low) for mark in marks], [_or_nan(mark.high) for mark in marks]
    known = [not math.isnan(end) for end in low]
    neighbours = [a or b for a, b in zip([False, *known], [*known[1:], False], strict=False)]
    if banded:
        axes.fill_between(places, low, high, alpha=0.15, linewidth=0, **style)
    barred = [n for n in range(len(marks)) if known[n] and not (banded and neighbours[n])]
    axes.vlines(
        [places[n] for n in barred], [low[n] for n in barred], [high[n] for n in barred],
        linewidth=1.5, **style,
    )  # fmt: skip


def _draw_seeds(axes: Any, marks: Sequence[SweepMark], style: dict[str, Any]) -> None:
    seeds = [(m.place, value) for m in marks if len(m.values) > 1 for value in m.values]
    places, values = [place for place, _ in seeds], [value for _, value in seeds]
    axes.plot(places, values, ".", markersize=8, alpha=0.6, markeredgewidth=0, **style)


def _draw_failures(
    axes: Any, marks: Sequence[SweepMark], color: str, crosses: Counter[float]
) -> None:
    """A cross at the top, below those of other lines, with the number of failures."""
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


def _name_best(axes: Any, best: SweepMark, floor: float, over: Any) -> None:
    """Writes the best mean below its mark, and below the visible part of its interval."""
    lowest = best.mean if best.low is None else max(best.low, floor)
    axes.annotate(
        format_metric(best.mean), (best.place, lowest), (0, -6), ha="center", va="top",
        xycoords=over, textcoords="offset points", fontsize=10, fontweight="bold",
    )  # fmt: skip


def _or_nan(number: float | None) -> float:
    """NaN, at which nothing is drawn and a line is interrupted."""
    return math.nan if number is None else number


def _shift(axes: Any, points: float) -> Any:
    from matplotlib.transforms import ScaledTranslation

    return ScaledTranslation(points / 72, 0, axes.get_figure(root=True).dpi_scale_trans)
