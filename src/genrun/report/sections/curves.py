"""Learning curves: mean and interval over seeds at each evaluation of a configuration."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from genrun.core.formatting import AXIS_UNITS, format_amount, format_estimate, format_interval
from genrun.core.plotting import make_scale
from genrun.report.charts.chart import Chart, ChartAxis, Figure, Line, Point
from genrun.report.charts.resample import (
    collect_steps,
    drop_untrained,
    hold_last_values,
    interpolate_amounts,
    make_value_scale,
    thin_out,
)
from genrun.report.contestants import PageConfiguration, PageWorkload, mean_with_failures
from genrun.results.curve import AXES, Axis, Numbers
from genrun.results.record import RunRecord

MOST_POINTS = 60  # of a line: what a screen shows and a page can carry
MOST_BEHIND = 100  # grey lines
TICKS = 6
LEAST_EVALUATIONS = 2


def build_curve_figure(workload: PageWorkload) -> Figure | None:
    """A chart for each axis of compute that is known. None if there is no curve."""
    shown = [one for one in workload.representatives if _runs(one)]
    behind = [one for one in workload.configurations if one not in shown and _runs(one)][
        :MOST_BEHIND
    ]
    worst = workload.worst
    lines = {axis: _lines(workload, shown, behind, axis, worst) for axis in AXES}
    charts = [
        _chart(workload, shown, axis, found) for axis, found in lines.items() if _is_known(found)
    ]
    if not charts:
        return None
    points = _decisive_points(shown, lines["steps"])
    return Figure(
        key=f"curves-{workload.key}",
        title=f"{workload.metric} while training",
        caption=_caption(shown, behind, len(drop_untrained(points)) < len(points)),
        charts=charts,
        columns=("configuration", "at", workload.metric),
        rows=[
            (line.name, point.x_text, point.text)
            for line in lines["steps"]
            if line.style is not None
            for point in thin_out(line.points, 12)
        ],
    )


def _caption(
    shown: Sequence[PageConfiguration], behind: Sequence[PageConfiguration], cut: bool
) -> str:
    text = (
        "Mean of each held-out evaluation over seeds, with its 95 % interval as a band; lower is "
        "better. A run that stopped early keeps its last value; one that failed counts as the "
        "workload's worst value from there on. "
    )
    if any(one.settings for one in shown):
        text += "Each contestant is shown by the configuration that it is judged by. "
    failed_names = [one.name for one in shown if one.all_failed]
    if failed_names and len(failed_names) < len(shown):
        text += f"Above the edge: {', '.join(failed_names)}, which failed in all runs. "
    if cut:
        text += "Values before training lie above the edge. "
    if behind:
        text += f"Grey: {len(behind)} other configurations."
    return text.strip()


def _is_known(lines: Sequence[Line]) -> bool:
    return any(len(line.points) >= LEAST_EVALUATIONS for line in lines if line.style is not None)


def _runs(configuration: PageConfiguration) -> list[RunRecord]:
    """Its runs that measured something, the first of each seed."""
    found: dict[int, RunRecord] = {}
    for run in configuration.runs:
        if len(run.curve.spent["steps"]) and not run.left:
            found.setdefault(run.seed, run)
    return list(found.values())


def _lines(
    workload: PageWorkload,
    shown: Sequence[PageConfiguration],
    behind: Sequence[PageConfiguration],
    axis: Axis,
    worst: float,
) -> list[Line]:
    beyond = collect_steps([run for one in workload.configurations for run in _runs(one)])
    names = {one.label: one.name for one in workload.verdict.standings}
    lines = [
        Line(one.name, average_runs(workload.metric, one, axis, worst, False, beyond))
        for one in behind
    ]
    for one in shown:
        points = average_runs(workload.metric, one, axis, worst, True, beyond)
        lines.append(Line(one.name, points, one.style, short=names.get(one.contestant, "")))
    return [line for line in lines if line.points]


def average_runs(
    metric: str,
    configuration: PageConfiguration,
    axis: Axis,
    worst: float,
    with_intervals: bool,
    beyond: Numbers,
) -> list[Point]:
    """The mean of the runs at each of their evaluations.

    A failed run counts as `worst` at the steps `beyond` its end, which are those of all runs.
    """
    runs = _runs(configuration)
    steps = collect_steps(runs)
    if any(run.failed for run in runs):
        steps = np.union1d(steps, beyond)
    steps = np.array(thin_out(steps.tolist(), MOST_POINTS))
    values = np.array([hold_last_values(run, metric, steps, worst) for run in runs])
    spent = np.array([interpolate_amounts(run, axis, steps) for run in runs])
    points = []
    for place in range(len(steps)):
        own = values[:, place][~np.isnan(values[:, place])].tolist()
        where = spent[:, place][np.isfinite(spent[:, place])]
        if not own or not len(where):
            continue
        x = float(where.mean())
        x_text = format_amount(axis, x)
        if not with_intervals:
            points.append(Point(x, sum(own) / len(own)))
            continue
        mean = mean_with_failures(own, worst)
        if mean is not None:
            text = format_estimate(mean.value, mean.low, mean.high)
            if mean.low is not None:
                text += f" ({format_interval(mean.low, mean.high)})"
            points.append(Point(x, mean.value, mean.low, mean.high, x_text, text))
    return points


def _decisive_points(shown: Sequence[PageConfiguration], lines: Sequence[Line]) -> list[Point]:
    """The points that the axis must show: those of configurations that did not always fail."""
    sound = {one.name for one in shown if not one.all_failed} or {one.name for one in shown}
    named = (line for line in lines if line.style is not None and line.name in sound)
    return [point for line in named for point in line.points]


def _chart(
    workload: PageWorkload, shown: Sequence[PageConfiguration], axis: Axis, lines: Sequence[Line]
) -> Chart:
    named = [line for line in lines if line.style is not None]
    y = make_value_scale(drop_untrained(_decisive_points(shown, lines)))
    x = make_scale([point.x for line in named for point in line.points])
    return Chart(
        label=axis if axis != "flops" else "FLOPs",
        x=ChartAxis(AXIS_UNITS[axis], x, x.ticks(TICKS)),
        y=ChartAxis(workload.metric_label, y, y.ticks(TICKS)),
        lines=lines,
    )
