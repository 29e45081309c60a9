"""Compute saved against quality lost, with the policies that no other one beats."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from genrun.core.formatting import AXIS_NAMES, shorten
from genrun.core.plotting import (
    COLORS,
    GREY,
    MARKERS,
    clip_to_drawable,
    picture_bytes,
    plain_matplotlib,
)
from genrun.statistics.interval import Interval

# MERGED: Names beside points, each where it runs into nothing.
SMALL = 9.0  # points, of the text
GAPS = (7.0, 14.0, 24.0, 36.0)  # points from a mark to its name: as near as there is room
BEHIND = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.4}
AROUND = (  # where a name may stand: x, y, how it is aligned; on its own error bars at last
    (0.7, 0.7, "left", "bottom"),
    (0.7, -0.7, "left", "top"),
    (-0.7, 0.7, "right", "bottom"),
    (-0.7, -0.7, "right", "top"),
    (1, 0, "left", "center"),
    (-1, 0, "right", "center"),
    (0, 1, "center", "bottom"),
    (0, -1, "center", "top"),
)


def name_points(
    axes: Any, named: Sequence[tuple[float, float, str]], marks: Sequence[Any]
) -> None:
    """Writes each (x, y, name), the first ones first; what finds no room is left out.

    The axes' limits must be final, and its figure laid out. `marks` are all points (x, y) that no
    name may cover.
    """
    renderer = axes.get_figure(root=True).canvas.get_renderer()
    inside = axes.get_window_extent(renderer)
    taken = [_box_of(axes, x, y) for x, y in marks]
    for x, y, name in named:
        for text in _attempts(axes, x, y, name):
            box = text.get_window_extent(renderer).padded(1.5)
            if _contains(inside, box) and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                break
            text.remove()


def _attempts(axes: Any, x: float, y: float, name: str) -> Iterator[Any]:
    for gap in GAPS:
        for across, up, horizontal, vertical in AROUND:
            far = {"arrowprops": {"arrowstyle": "-", "color": "#777777", "linewidth": 0.7}}
            yield axes.annotate(
                name, (x, y), (across * gap, up * gap), textcoords="offset points",
                ha=horizontal, va=vertical, fontsize=SMALL, annotation_clip=False,
                bbox=BEHIND, **(far if gap > GAPS[0] else {}),
            )  # fmt: skip


def _box_of(axes: Any, x: float, y: float) -> Any:
    from matplotlib.transforms import Bbox

    across, up = axes.transData.transform((x, y))
    return Bbox.from_extents(across - 4, up - 4, across + 4, up + 4)


def _contains(outer: Any, inner: Any) -> bool:
    return bool(
        outer.x0 <= inner.x0 and inner.x1 <= outer.x1 and outer.y0 <= inner.y0
        and inner.y1 <= outer.y1
    )  # fmt: skip


if TYPE_CHECKING:
    from genrun.replay.replay import Replay
    from genrun.replay.summary import Panel, Result

WIDTH, HEIGHT = 8.0, 5.2  # inches of a panel
LEGEND_ROW, LEGEND_COLUMNS = 0.24, 3
MOST_PANELS = 4
MARGIN = 0.1  # of the means' range, on each side
BEYOND = 0.5  # of the means' range that intervals may add; the rest is cut off
LONGEST = 40  # characters


def draw(replay: Replay, kind: str) -> bytes:
    """A panel for each workload, that of all together first, as `png` or `svg`."""
    panels = replay.panels[:MOST_PANELS]
    with plain_matplotlib():
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
        every = figure.subplots(len(panels), 1, squeeze=False)[:, 0]
        for axes, panel in zip(every, panels, strict=True):
            _draw_panel(axes, panel, families, AXIS_NAMES[replay.axis])
        handles, names = every[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower left", ncols=LEGEND_COLUMNS, fontsize=10)
        figure.draw_without_rendering()  # lays out, so that a name's place is known
        for axes, panel in zip(every, panels, strict=True):
            _name(axes, panel)
        return picture_bytes(figure, kind)


def _draw_panel(axes: Any, panel: Panel, families: Sequence[str], axis: str) -> None:
    scale = _scale(panel)
    axes.axhline(0, color=GREY, linewidth=1, linestyle="--", label="run on, take the end")
    kept = scale * clip_to_drawable(panel.keeping.value)
    axes.plot(0, kept, "*", color=GREY, markersize=11, label="run on, keep the best")
    _draw_front(axes, panel)
    for number, family in enumerate(families):
        look = {"color": COLORS[number % len(COLORS)], "marker": MARKERS[number % len(MARKERS)]}
        own = [result for result in panel.results if _family(result.label) == family]
        _draw_results(axes, own, scale, look, family)
    _limit(axes, panel, kept)
    unit = "% of each run's own fall" if panel.relative else shorten(panel.metric, LONGEST)
    runs = f"{panel.runs} run{'s' if panel.runs != 1 else ''}"
    axes.set_title(
        f"{shorten(panel.label, 60)}: means over {runs}, 95 % intervals", loc="left", fontsize=9.5,
        color=GREY,
    )  # fmt: skip
    axes.set_xlabel(f"saved (% of each run's {axis}), more is better")
    axes.set_ylabel(f"lost ({unit}), less is better")


def _draw_front(axes: Any, panel: Panel) -> None:
    """What one must at least lose to save so much."""
    scale = _scale(panel)
    front = sorted((r.saved.value, r.lost.value) for r in panel.results if r.optimal)
    places, values = [100 * x for x, _ in front], [scale * clip_to_drawable(y) for _, y in front]
    if places and places[0] > 0:
        places, values = [0.0, *places], [values[0], *values]
    look = {"color": "#333333", "linewidth": 1.1, "linestyle": ":", "zorder": 2.5}
    axes.plot(places, values, drawstyle="steps-pre", label="Pareto front", **look)


def _draw_results(
    axes: Any, results: Sequence[Result], scale: float, look: dict[str, Any], family: str
) -> None:
    """Filled where nothing beats it; hollow else."""
    for result in results:
        x, y = 100 * result.saved.value, scale * clip_to_drawable(result.lost.value)
        bar = {"color": look["color"], "linewidth": 1.2, "alpha": 0.25}
        axes.vlines(x, *_ends(result.lost, scale), **bar)
        axes.hlines(y, *_ends(result.saved, 100), **bar)
        axes.plot(
            x, y, linestyle="", markersize=7.5, markeredgewidth=1.5, zorder=3,
            markerfacecolor=look["color"] if result.optimal else "white", **look,
        )  # fmt: skip
    axes.plot([], [], linestyle="", markersize=7.5, label=shorten(family, LONGEST), **look)


def _ends(interval: Interval, scale: float) -> tuple[float, float]:
    low = interval.value if interval.low is None else interval.low
    high = interval.value if interval.high is None else interval.high
    return scale * clip_to_drawable(low), scale * clip_to_drawable(high)


def _limit(axes: Any, panel: Panel, kept: float) -> None:
    """All means, and of the intervals what leaves these apart."""
    scale = _scale(panel)
    values = [0.0, kept, *(scale * clip_to_drawable(r.lost.value) for r in panel.results)]
    ends = [end for r in panel.results for end in _ends(r.lost, scale)]
    low, high = min(values), max(values)
    size = (high - low) or 1.0
    low = max(min([low, *ends]), low - BEYOND * size)
    high = min(max([high, *ends]), high + BEYOND * size)
    axes.set_ylim(low - MARGIN * (high - low), high + MARGIN * (high - low) or 1.0)
    most = 100 * max(_ends(r.saved, 1)[1] for r in panel.results)
    axes.set_xlim(-0.04 * most, 1.15 * most or 1.0)


def _name(axes: Any, panel: Panel) -> None:
    """What was varied, those on the front first."""
    scale, named = _scale(panel), []
    marks = [(0.0, scale * clip_to_drawable(panel.keeping.value))]
    for result in sorted(panel.results, key=lambda result: not result.optimal):
        point = 100 * result.saved.value, scale * clip_to_drawable(result.lost.value)
        marks.append(point)
        if name := _variant(result.label):
            named.append((*point, name))
    name_points(axes, named, marks)


def _scale(panel: Panel) -> float:
    return 100.0 if panel.relative else 1.0


def _family(label: str) -> str:
    """`early + budget` of `early patience=3 + budget examples=1000`."""
    return " + ".join(part.split(" ")[0] for part in label.split(" + "))


def _variant(label: str) -> str:
    """`patience=3, examples=1000` of the same."""
    given = [word for part in label.split(" + ") for word in part.split(" ")[1:]]
    return shorten(", ".join(given), LONGEST)
