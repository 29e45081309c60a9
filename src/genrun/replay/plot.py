"""Draws compute saved against quality lost, with the Pareto front of policies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from genrun.core.formatting import AXIS_NAMES, pluralize, shorten
from genrun.core.plotting import (
    FRAME,
    GREY,
    INK,
    clip_to_drawable,
    fit_scale,
    isolated_matplotlib,
    make_scale,
    picture_bytes,
    set_axis,
    style_line,
)
from genrun.replay.replay import Replay
from genrun.replay.summary import ReplayPanel, ReplayResult
from genrun.statistics.interval import Interval

WIDTH, HEIGHT = 8.0, 5.2  # inches of a panel
LEGEND_ROW, LEGEND_COLUMNS = 0.24, 3
MOST_PANELS = 4
MOST_TICKS = 10
MARGIN = 0.1  # of the axis of lost, on each side
LEFT, RIGHT = 0.04, 0.15  # margins of the axis of saved
LONGEST_NAME, LONGEST_TITLE = 40, 60  # characters
NAME_SIZE = 9.0  # points
GAPS = (7.0, 14.0, 24.0, 36.0)  # points from a mark to its name; the nearest that has space
NAME_BOX = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.4}
DIRECTIONS = (  # to place a name in: x, y, alignments; last those over the mark's bars
    (0.7, 0.7, "left", "bottom"),
    (0.7, -0.7, "left", "top"),
    (-0.7, 0.7, "right", "bottom"),
    (-0.7, -0.7, "right", "top"),
    (1, 0, "left", "center"),
    (-1, 0, "right", "center"),
    (0, 1, "center", "bottom"),
    (0, -1, "center", "top"),
)


def draw(replay: Replay, kind: str) -> bytes:
    """Returns a picture of kind `png` or `svg` with one axes for each of the first panels."""
    panels = replay.panels[:MOST_PANELS]
    with isolated_matplotlib():
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        families = list(dict.fromkeys(_family(r.label) for r in panels[0].results))
        legend = LEGEND_ROW * -(-(len(families) + 3) // LEGEND_COLUMNS)
        figure = Figure(figsize=(WIDTH, HEIGHT * len(panels) + legend), layout="constrained")
        FigureCanvasAgg(figure)
        figure.suptitle(
            "Compute saved against quality lost", x=0.012, ha="left", fontsize=13,
            fontweight="bold",
        )  # fmt: skip
        all_axes = figure.subplots(len(panels), 1, squeeze=False)[:, 0]
        for axes, panel in zip(all_axes, panels, strict=True):
            _draw_panel(axes, panel, families, AXIS_NAMES[replay.axis])
        handles, names = all_axes[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower left", ncols=LEGEND_COLUMNS, fontsize=10)
        figure.draw_without_rendering()  # names are placed in the final layout
        for axes, panel in zip(all_axes, panels, strict=True):
            _name_results(axes, panel)
        return picture_bytes(figure, kind)


def _draw_panel(axes: Any, panel: ReplayPanel, families: Sequence[str], axis: str) -> None:
    axes.axhline(0, color=GREY, linewidth=1, linestyle="--", label="no stopping, last value")
    lost = _unit(panel) * clip_to_drawable(panel.keeping.value)
    axes.plot(0, lost, "*", color=GREY, markersize=11, label="no stopping, best checkpoint")
    _draw_front(axes, panel)
    for number, family in enumerate(families):
        results = [result for result in panel.results if _family(result.label) == family]
        _draw_results(axes, results, _unit(panel), style_line(number), family)
    _set_axes(axes, panel)
    unit = (
        "% of each run's improvement" if panel.is_relative else shorten(panel.metric, LONGEST_NAME)
    )
    title = f"{shorten(panel.label, LONGEST_TITLE)}: means over {pluralize(panel.runs, 'run')}"
    axes.set_title(f"{title}, 95 % intervals", loc="left", fontsize=9.5, color=GREY)
    axes.set_xlabel(f"saved (% of each run's {axis}), more is better")
    axes.set_ylabel(f"lost ({unit}), less is better")


def _draw_front(axes: Any, panel: ReplayPanel) -> None:
    """Draws the least loss among policies that save at least so much."""
    front = sorted(_point(panel, result) for result in panel.results if result.optimal)
    if front and front[0][0] > 0:
        front = [(0.0, front[0][1]), *front]
    axes.plot(
        [x for x, _ in front], [y for _, y in front], drawstyle="steps-pre", color=INK,
        linewidth=1.1, linestyle=":", zorder=2.5, label="Pareto front",
    )  # fmt: skip


def _draw_results(
    axes: Any, results: Sequence[ReplayResult], unit: float, style: dict[str, str], family: str
) -> None:
    """Draws filled marks for results on the Pareto front, hollow marks for others."""
    for result in results:
        x, y = 100 * result.saved.value, unit * clip_to_drawable(result.lost.value)
        bar = {"color": style["color"], "linewidth": 1.2, "alpha": 0.25}
        axes.vlines(x, *_bounds(result.lost, unit), **bar)
        axes.hlines(y, *_bounds(result.saved, 100), **bar)
        axes.plot(
            x, y, linestyle="", markersize=7.5, markeredgewidth=1.5, zorder=3,
            markerfacecolor=style["color"] if result.optimal else "white", **style,
        )  # fmt: skip
    name = shorten(family, LONGEST_NAME)
    axes.plot([], [], linestyle="", markersize=7.5, label=name, **style)


def _set_axes(axes: Any, panel: ReplayPanel) -> None:
    unit = _unit(panel)
    lost = [0.0, unit * panel.keeping.value, *(unit * r.lost.value for r in panel.results)]
    ends = [end for result in panel.results for end in _bounds(result.lost, unit)]
    y = fit_scale(lost, ends, log=False, margin=MARGIN)
    most = max(_bounds(result.saved, 100)[1] for result in panel.results)
    x = make_scale([0.0, most or 1.0]).pad(LEFT, RIGHT)
    set_axis(axes, "x", x, x.ticks(MOST_TICKS))
    set_axis(axes, "y", y, y.ticks(MOST_TICKS))


def _name_results(axes: Any, panel: ReplayPanel) -> None:
    """Writes the settings that vary at each mark if there is space, those on the front first.

    The axes' limits and the figure's layout must be final.
    """
    results = sorted(panel.results, key=lambda result: not result.optimal)
    points = [_point(panel, result) for result in results]
    marks = [(0.0, _unit(panel) * clip_to_drawable(panel.keeping.value)), *points]
    renderer = axes.get_figure(root=True).canvas.get_renderer()
    inside = axes.get_window_extent(renderer)
    boxes = [_mark_box(axes, x, y) for x, y in marks]  # that no name may cover
    for result, (x, y) in zip(results, points, strict=True):
        name = _variant(result.label)
        for text in _attempts(axes, x, y, name) if name else ():
            box = text.get_window_extent(renderer).padded(1.5)
            if _contains(inside, box) and not any(box.overlaps(other) for other in boxes):
                boxes.append(box)
                break
            text.remove()


def _attempts(axes: Any, x: float, y: float, name: str) -> Iterator[Any]:
    for gap in GAPS:
        for across, up, horizontal, vertical in DIRECTIONS:
            far = {"arrowprops": {"arrowstyle": "-", "color": FRAME, "linewidth": 0.7}}
            yield axes.annotate(
                name, (x, y), (across * gap, up * gap), textcoords="offset points",
                ha=horizontal, va=vertical, fontsize=NAME_SIZE, annotation_clip=False,
                bbox=NAME_BOX, **(far if gap > GAPS[0] else {}),
            )  # fmt: skip


def _mark_box(axes: Any, x: float, y: float) -> Any:
    from matplotlib.transforms import Bbox

    across, up = axes.transData.transform((x, y))
    return Bbox.from_extents(across - 4, up - 4, across + 4, up + 4)


def _contains(outer: Any, inner: Any) -> bool:
    return bool(
        outer.x0 <= inner.x0 and inner.x1 <= outer.x1 and outer.y0 <= inner.y0
        and inner.y1 <= outer.y1
    )  # fmt: skip


def _point(panel: ReplayPanel, result: ReplayResult) -> tuple[float, float]:
    return 100 * result.saved.value, _unit(panel) * clip_to_drawable(result.lost.value)


def _bounds(interval: Interval, unit: float) -> tuple[float, float]:
    low = interval.value if interval.low is None else interval.low
    high = interval.value if interval.high is None else interval.high
    return unit * clip_to_drawable(low), unit * clip_to_drawable(high)


def _unit(panel: ReplayPanel) -> float:
    """Factor of lost: 100 over several workloads, whose fractions are drawn as percentages."""
    return 100.0 if panel.is_relative else 1.0


def _family(label: str) -> str:
    """The policies of a label: `early + budget` of `early patience=3 + budget examples=1000`."""
    return " + ".join(part.split(" ")[0] for part in label.split(" + "))


def _variant(label: str) -> str:
    """The settings of a label: `patience=3, examples=1000` of the same."""
    settings = [setting for part in label.split(" + ") for setting in part.split(" ")[1:]]
    return shorten(", ".join(settings), LONGEST_NAME)
