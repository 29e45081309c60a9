"""Quality against compute: every configuration, and the Pareto front of all evaluations."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from genrun.core.formatting import AXIS_NAMES, AXIS_UNITS, MISSING, format_amount, format_number
from genrun.core.plotting import Scale, is_logarithmic, make_scale
from genrun.report.charts.chart import Chart, Figure, Line, Point, Shape, make_axis
from genrun.report.charts.resample import (
    MOST_POINTS,
    collect_steps,
    hold_last_values,
    interpolate_amounts,
    make_value_scale,
    thin_out,
)
from genrun.report.contestants import PageConfiguration, PageWorkload, format_mean
from genrun.results.curve import AXES, Axis

MOST_ROWS = 200
MOST_WITH_INTERVALS = 12  # points
ORDER: tuple[Axis, ...] = ("flops", "seconds", "examples", "steps")  # of the charts

OwnedPoint = tuple[PageConfiguration, Point]


def build_front_figure(workload: PageWorkload) -> Figure | None:
    """A chart for each axis of compute that is known; None if no configuration has a mean."""
    configurations = [
        one
        for one in workload.configurations
        if math.isfinite(one.rank_value) and not one.all_pruned and not one.all_failed
    ]
    fronts = {axis: _front(workload, configurations, axis) for axis in ORDER}
    charts = [
        _chart(workload, configurations, axis, [point for _, point in front])
        for axis, front in fronts.items()
        if front
    ]
    if not charts:
        return None
    return Figure(
        key=f"front-{workload.key}",
        title=f"{workload.metric} against compute",
        caption="Each configuration's mean of its runs' best values against what training a run "
        "took on average; lower and further left is better. The dashed line is the Pareto front "
        "of all evaluations: the best that any configuration had reached for that compute.",
        charts=charts,
        columns=("configuration", workload.metric, *AXES, "on the front"),
        rows=_rows(configurations, fronts),
    )


def find_pareto_front(points: Sequence[Point]) -> list[Point]:
    """Returns the points that no other is lower than for the same or less x, by ascending x."""
    front: list[Point] = []
    for point in sorted(points, key=lambda point: (point.x, point.y)):
        if not front or point.y < front[-1].y:
            front.append(point)
    return front


def mean_amount(configuration: PageConfiguration, axis: Axis) -> float:
    """The mean over runs of what training took; NaN if it is not known of any."""
    amounts = [run.curve.total(axis) for run in configuration.runs if not run.left]
    known = [amount for amount in amounts if math.isfinite(amount)]
    return sum(known) / len(known) if known else math.nan


def _front(
    workload: PageWorkload, configurations: Sequence[PageConfiguration], axis: Axis
) -> list[OwnedPoint]:
    owned = [(one, point) for one in configurations for point in _evaluations(workload, one, axis)]
    owners = {id(point): one for one, point in owned}
    return [(owners[id(p)], p) for p in find_pareto_front([point for _, point in owned])]


def _evaluations(
    workload: PageWorkload, configuration: PageConfiguration, axis: Axis
) -> list[Point]:
    """The mean of its runs' best values up to each evaluation, and what they had taken by then."""
    runs = [run for run in configuration.runs if not run.left and not run.pruned]
    steps = np.array(thin_out(collect_steps(runs).tolist(), MOST_POINTS))
    values = [
        np.full(len(steps), workload.worst)
        if run.failed
        else np.fmin.accumulate(hold_last_values(run, workload.metric, steps, workload.worst))
        for run in runs
    ]
    amounts = np.array([interpolate_amounts(run, axis, steps) for run in runs]).mean(axis=0)
    return [
        Point(
            x,
            y,
            x_text=format_amount(axis, x),
            text=f"{configuration.name}: {format_number(y)} by then",
        )
        for x, y in zip(amounts.tolist(), np.mean(values, axis=0).tolist(), strict=True)
        if x > 0 and math.isfinite(x) and math.isfinite(y)
    ]


def _final_points(configurations: Sequence[PageConfiguration], axis: Axis) -> list[OwnedPoint]:
    """Each configuration's mean at the end of its runs."""
    owned = []
    for one in configurations:
        amount, mean = mean_amount(one, axis), one.mean
        if mean is not None and math.isfinite(amount) and amount > 0:
            texts = format_amount(axis, amount), f"{one.name}: {format_mean(mean)}"
            owned.append((one, Point(amount, mean.value, mean.low, mean.high, *texts)))
    return owned


def _chart(
    workload: PageWorkload,
    configurations: Sequence[PageConfiguration],
    axis: Axis,
    front: Sequence[Point],
) -> Chart:
    owned = _final_points(configurations, axis)
    final = [point for _, point in owned]
    amounts = [point.x for point in [*final, *front]]
    x = make_scale(amounts, is_logarithmic(amounts), margin=0.04)
    y = _extend(make_value_scale(final), [point.y for point in final], front)
    lines = [
        Line("Pareto front", [*front, Point(x.high, front[-1].y)], None, "front"),
        Line("on the front", front, None, "dots"),
    ]
    shape: Shape = "bars" if len(final) <= MOST_WITH_INTERVALS else "dots"
    for label in dict.fromkeys(one.contestant for one, _ in owned):
        points = [point for one, point in owned if one.contestant == label]
        style = next(one.style for one, _ in owned if one.contestant == label)
        lines.append(Line(workload.contestant_names.get(label, label), points, style, shape))
    return Chart(
        label=AXIS_NAMES[axis],
        x=make_axis(f"{AXIS_UNITS[axis]} a run", x),
        y=make_axis(workload.metric_label, y),
        lines=lines,
        nearest=True,
    )


def _extend(scale: Scale, final: Sequence[float], front: Sequence[Point]) -> Scale:
    """Extends the scale upwards for the front, at most by the height of the final values."""
    if scale.log:
        return scale
    space = max(scale.high - scale.low, max(final) - min(final))
    top = min(max(point.y for point in front), scale.high + space)
    return Scale(scale.low, max(scale.high, top), False)


def _rows(
    configurations: Sequence[PageConfiguration], fronts: Mapping[Axis, Sequence[OwnedPoint]]
) -> list[list[str]]:
    axes: dict[int, dict[str, None]] = {}  # on whose front each configuration is
    for axis, front in fronts.items():
        for one, _ in front:
            axes.setdefault(id(one), {})[AXIS_NAMES[axis]] = None
    return [
        [
            one.name,
            MISSING if one.mean is None else format_mean(one.mean),
            *(format_amount(axis, mean_amount(one, axis)) for axis in AXES),
            ", ".join(axes.get(id(one), {})) or MISSING,
        ]
        for one in configurations[:MOST_ROWS]
    ]
