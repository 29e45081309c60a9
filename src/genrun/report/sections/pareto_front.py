"""Quality against compute: every configuration, and the Pareto front of all evaluations."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from genrun.core.formatting import (
    AXIS_UNITS,
    MISSING,
    format_amount,
    format_estimate,
    format_interval,
)
from genrun.core.plotting import Scale, is_logarithmic, make_scale
from genrun.report.charts.chart import Chart, ChartAxis, Figure, Line, Point, Shape
from genrun.report.charts.resample import (
    collect_steps,
    hold_last_values,
    interpolate_amounts,
    make_value_scale,
    thin_out,
)
from genrun.report.contestants import PageConfiguration, PageWorkload
from genrun.results.curve import AXES, Axis

TICKS = 6
MOST_ROWS = 200
MOST_POINTS = 60  # of a configuration's curve
MOST_WITH_INTERVALS = 12  # points
Front = list[tuple[PageConfiguration, Point]]  # by ascending x, with their configurations
ORDER: tuple[Axis, ...] = ("flops", "seconds", "examples", "steps")


def build_front_figure(workload: PageWorkload) -> Figure | None:
    """A chart for each axis of compute that is known. None if no configuration has a mean."""
    configurations = [
        one
        for one in workload.configurations
        if math.isfinite(one.rank_value) and not one.all_pruned and not one.all_failed
    ]
    fronts = {axis: _front(workload, configurations, axis) for axis in ORDER}
    charts = [
        _chart(workload, configurations, axis, front) for axis, front in fronts.items() if front
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
    for point in sorted(points, key=lambda one: (one.x, one.y)):
        if not front or point.y < front[-1].y:
            front.append(point)
    return front


def mean_amount(configuration: PageConfiguration, axis: Axis) -> float:
    """The mean over runs of what training used; NaN if it is not known of any."""
    found = [run.curve.total(axis) for run in configuration.runs if not run.left]
    found = [amount for amount in found if math.isfinite(amount)]
    return sum(found) / len(found) if found else math.nan


def _points(
    configurations: Sequence[PageConfiguration], axis: Axis
) -> list[tuple[PageConfiguration, Point]]:
    found = []
    for configuration in configurations:
        amount = mean_amount(configuration, axis)
        if configuration.mean is None or not math.isfinite(amount) or amount <= 0:
            continue
        mean = configuration.mean
        text = format_estimate(mean.value, mean.low, mean.high)
        if mean.low is not None:
            text += f" ({format_interval(mean.low, mean.high)})"
        where = format_amount(axis, amount)
        point = Point(
            amount, mean.value, mean.low, mean.high, where, f"{configuration.name}: {text}"
        )
        found.append((configuration, point))
    return found


def _front(
    workload: PageWorkload, configurations: Sequence[PageConfiguration], axis: Axis
) -> Front:
    worst = workload.worst
    reached = [
        (one, point) for one in configurations for point in _reached(workload, one, axis, worst)
    ]
    owners = {id(point): one for one, point in reached}
    return [
        (owners[id(point)], point) for point in find_pareto_front([point for _, point in reached])
    ]


def _chart(
    workload: PageWorkload, configurations: Sequence[PageConfiguration], axis: Axis, owned: Front
) -> Chart:
    found, front = _points(configurations, axis), [point for _, point in owned]
    ends = [point for _, point in found]
    amounts = [point.x for point in [*ends, *front]]
    x = make_scale(amounts, is_logarithmic(amounts), margin=0.04)
    y = _extend([point.y for point in ends], front, make_value_scale(ends))
    lines = [
        Line("Pareto front", [*front, Point(x.high, front[-1].y)], None, "front"),
        Line("on the front", front, None, "dots"),
    ]
    names = {one.label: one.name for one in workload.verdict.standings}
    for label in dict.fromkeys(configuration.contestant for configuration, _ in found):
        own = [
            (configuration, point)
            for configuration, point in found
            if configuration.contestant == label
        ]
        shape: Shape = "bars" if len(found) <= MOST_WITH_INTERVALS else "dots"
        points = [point for _, point in own]
        lines.append(Line(names.get(label, label), points, own[0][0].style, shape))
    return Chart(
        label=axis if axis != "flops" else "FLOPs",
        x=ChartAxis(f"{AXIS_UNITS[axis]} a run", x, x.ticks(TICKS)),
        y=ChartAxis(workload.metric_label, y, y.ticks(TICKS)),
        lines=lines,
        nearest=True,
    )


def _extend(ends: Sequence[float], front: Sequence[Point], scale: Scale) -> Scale:
    """Extends the scale upwards for the front, at most by the height of the final values."""
    if scale.log:
        return scale
    room = max(scale.high - scale.low, max(ends) - min(ends))
    top = min(max(point.y for point in front), scale.high + room)
    return Scale(scale.low, max(scale.high, top), False)


def _reached(
    workload: PageWorkload, configuration: PageConfiguration, axis: Axis, worst: float
) -> list[Point]:
    """The mean of its runs' best values up to each evaluation, and what they had used by then."""
    runs = [run for run in configuration.runs if not run.left and not run.pruned]
    steps = np.array(thin_out(collect_steps(runs).tolist(), MOST_POINTS))
    values = [
        np.full(len(steps), worst)
        if run.failed
        else np.fmin.accumulate(hold_last_values(run, workload.metric, steps, worst))
        for run in runs
    ]
    spent = np.array([interpolate_amounts(run, axis, steps) for run in runs]).mean(axis=0)
    return [
        Point(x, y, x_text=format_amount(axis, x), text=f"{configuration.name}: {y:.5g} by then")
        for x, y in zip(spent.tolist(), np.mean(values, axis=0).tolist(), strict=True)
        if x > 0 and math.isfinite(x) and math.isfinite(y)
    ]


def _rows(
    configurations: Sequence[PageConfiguration], fronts: Mapping[Axis, Front]
) -> list[list[str]]:
    on: dict[int, dict[str, None]] = {}
    for axis, front in fronts.items():
        for configuration, _ in front:
            on.setdefault(id(configuration), {})["FLOPs" if axis == "flops" else axis] = None
    return [_row(one, list(on.get(id(one), {}))) for one in configurations[:MOST_ROWS]]


def _row(configuration: PageConfiguration, on: Sequence[str]) -> list[str]:
    mean = configuration.mean
    value = MISSING
    if mean is not None:
        value = format_estimate(mean.value, mean.low, mean.high)
    amounts = [format_amount(axis, mean_amount(configuration, axis)) for axis in AXES]
    return [configuration.name, value, *amounts, ", ".join(on) or MISSING]
