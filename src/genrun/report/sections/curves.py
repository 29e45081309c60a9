"""Learning curves: mean and interval over seeds at each evaluation of a configuration."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from genrun.core.formatting import AXIS_NAMES, AXIS_UNITS, format_amount
from genrun.core.plotting import make_scale
from genrun.report.charts.chart import Chart, Figure, Line, Point, make_axis
from genrun.report.charts.resample import (
    MOST_POINTS,
    collect_steps,
    drop_untrained,
    hold_last_values,
    interpolate_amounts,
    make_value_scale,
    thin_out,
)
from genrun.report.contestants import (
    PageConfiguration,
    PageWorkload,
    format_mean,
    mean_with_failures,
)
from genrun.results.curve import AXES, Axis, Numbers
from genrun.results.record import RunRecord

MOST_GREY = 100  # lines of configurations that represent no contestant
LEAST_EVALUATIONS = 2
MOST_ROWS = 12  # of the table, a line


def build_curve_figure(workload: PageWorkload) -> Figure | None:
    """A chart for each axis of compute that is known; None if no contestant has a curve."""
    named = [one for one in workload.representatives if _measured_runs(one)]
    others = [one for one in workload.configurations if one not in named and _measured_runs(one)]
    grey = others[:MOST_GREY]
    lines = {axis: _lines(workload, named, grey, axis) for axis in AXES}
    charts = [_chart(workload, named, axis, own) for axis, own in lines.items() if _is_curve(own)]
    if not charts:
        return None
    points = _decisive_points(named, lines["steps"])
    return Figure(
        key=f"curves-{workload.key}",
        title=f"{workload.metric} while training",
        caption=_caption(named, len(grey), len(drop_untrained(points)) < len(points)),
        charts=charts,
        columns=("configuration", "at", workload.metric),
        rows=[
            (line.name, point.x_text, point.text)
            for line in lines["steps"]
            if line.style is not None
            for point in thin_out(line.points, MOST_ROWS)
        ],
    )


def _caption(named: Sequence[PageConfiguration], grey: int, untrained_dropped: bool) -> str:
    text = (
        "Mean of each held-out evaluation over seeds, with its 95 % interval as a band; lower is "
        "better. A run that stopped early keeps its last value; one that failed counts as the "
        "workload's worst value from there on. "
    )
    if any(one.settings for one in named):
        text += "Each contestant is shown by the configuration that it is judged by. "
    failed = [one.name for one in named if one.all_failed]
    if failed and len(failed) < len(named):
        text += f"Above the edge: {', '.join(failed)}, which failed in all runs. "
    if untrained_dropped:
        text += "Values before training lie above the edge. "
    if grey:
        text += f"Grey: {grey} other configurations."
    return text.strip()


def _is_curve(lines: Sequence[Line]) -> bool:
    return any(len(line.points) >= LEAST_EVALUATIONS for line in lines if line.style is not None)


def _measured_runs(configuration: PageConfiguration) -> list[RunRecord]:
    """Its runs that ended and measured something, the first of each seed."""
    runs: dict[int, RunRecord] = {}
    for run in configuration.runs:
        if len(run.curve.cost["steps"]) and not run.left:
            runs.setdefault(run.seed, run)
    return list(runs.values())


def _lines(
    workload: PageWorkload,
    named: Sequence[PageConfiguration],
    grey: Sequence[PageConfiguration],
    axis: Axis,
) -> list[Line]:
    steps = collect_steps([r for one in workload.configurations for r in _measured_runs(one)])
    lines = [Line(one.name, _average_runs(workload, one, axis, steps)) for one in grey]
    for one in named:
        points = _average_runs(workload, one, axis, steps)
        short = workload.contestant_names.get(one.contestant, "")
        lines.append(Line(one.name, points, one.style, short=short))
    return [line for line in lines if line.points]


def _average_runs(
    workload: PageWorkload, configuration: PageConfiguration, axis: Axis, all_steps: Numbers
) -> list[Point]:
    """The mean of the runs at each of their evaluations.

    A failed run counts as the worst value from its end on, at each of `all_steps`.
    """
    runs = _measured_runs(configuration)
    steps = collect_steps(runs)
    if any(run.failed for run in runs):
        steps = np.union1d(steps, all_steps)
    steps = np.array(thin_out(steps.tolist(), MOST_POINTS))
    values = np.array([hold_last_values(r, workload.metric, steps, workload.worst) for r in runs])
    amounts = np.array([interpolate_amounts(run, axis, steps) for run in runs])
    points = []
    for step in range(len(steps)):
        measured = values[:, step][~np.isnan(values[:, step])].tolist()
        known = amounts[:, step][np.isfinite(amounts[:, step])]
        mean = mean_with_failures(measured, workload.worst)
        if mean is not None and len(known):
            x = float(known.mean())
            texts = (format_amount(axis, x), format_mean(mean))
            points.append(Point(x, mean.value, mean.low, mean.high, *texts))
    return points


def _decisive_points(named: Sequence[PageConfiguration], lines: Sequence[Line]) -> list[Point]:
    """The points that the axis must show: those of configurations that did not always fail."""
    names = {one.name for one in named if not one.all_failed} or {one.name for one in named}
    drawn = (line for line in lines if line.style is not None and line.name in names)
    return [point for line in drawn for point in line.points]


def _chart(
    workload: PageWorkload, named: Sequence[PageConfiguration], axis: Axis, lines: Sequence[Line]
) -> Chart:
    x = make_scale([p.x for line in lines if line.style is not None for p in line.points])
    y = make_value_scale(drop_untrained(_decisive_points(named, lines)))
    return Chart(
        label=AXIS_NAMES[axis],
        x=make_axis(AXIS_UNITS[axis], x),
        y=make_axis(workload.metric_label, y),
        lines=lines,
    )
