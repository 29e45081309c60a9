"""Tuning of each contestant: the best so far, and the expected best of n trials."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from genrun.comparison.verdict import ContestantResult, TunedTrial
from genrun.core.formatting import AXIS_NAMES, AXIS_UNITS, format_amount, format_metric
from genrun.core.plotting import make_scale
from genrun.report.charts.chart import Chart, Figure, Line, Point, make_axis
from genrun.report.charts.resample import MOST_POINTS, make_value_scale, thin_out
from genrun.report.contestants import PageWorkload
from genrun.results.curve import Axis

LEAST_TRIALS = 2
MOST_ROWS = 200  # of the table, a contestant
AXES: tuple[Axis | None, ...] = (None, "flops", "seconds", "examples", "steps")  # None: trials

Styles = Mapping[str, int | None]  # by contestant


def build_tuning_figures(workload: PageWorkload) -> list[Figure]:
    """None unless a contestant was tried with at least two configurations."""
    styles = {one.contestant: one.style for one in workload.configurations}
    tuned = [r for r in workload.verdict.standings if len(r.tuning.trials) >= LEAST_TRIALS]
    if not tuned:
        return []
    figures = [_best_figure(workload, tuned, styles)]
    if drawn_at_random := [result for result in tuned if result.tuning.expected_best]:
        figures.append(_expected_figure(workload, drawn_at_random, styles))
    return figures


def _best_figure(
    workload: PageWorkload, tuned: Sequence[ContestantResult], styles: Styles
) -> Figure:
    charts = [_best_chart(workload, tuned, styles, axis) for axis in AXES]
    trials = "; ".join(
        f"{result.name}: {len(result.tuning.trials)} trials, {result.tuning.sampling}"
        for result in tuned
    )
    return Figure(
        key=f"tuning-{workload.key}",
        title="Best so far while tuning",
        caption="The best mean of any configuration tried up to then, in the order in which "
        f"trials began. {trials}.",
        charts=[chart for chart in charts if chart is not None],
        columns=("contestant", "trial", "configuration", workload.metric, "best so far"),
        rows=[
            (
                result.name,
                str(number),
                trial.label,
                format_metric(trial.value),
                format_metric(trial.best_so_far),
            )
            for result in tuned
            for number, trial in enumerate(result.tuning.trials[:MOST_ROWS], start=1)
        ],
    )


def _best_chart(
    workload: PageWorkload, tuned: Sequence[ContestantResult], styles: Styles, axis: Axis | None
) -> Chart | None:
    """Against the number of trials, or against what they had taken together."""
    lines = []
    for result in tuned:
        points = [
            _best_point(number, trial, axis)
            for number, trial in enumerate(result.tuning.trials, start=1)
        ]
        finite = [point for point in points if math.isfinite(point.x) and math.isfinite(point.y)]
        style = styles.get(result.label)
        lines.append(Line(result.name, thin_out(finite, MOST_POINTS), style, "steps"))
    if axis is None:
        return _chart(workload, "trials", "trials", lines)
    return _chart(workload, AXIS_NAMES[axis], f"{AXIS_UNITS[axis]}, all trials so far", lines)


def _best_point(number: int, trial: TunedTrial, axis: Axis | None) -> Point:
    x = float(number) if axis is None else trial.spent.get(axis, math.nan)
    x_text = f"{number} trials" if axis is None else format_amount(axis, x)
    return Point(x, trial.best_so_far, x_text=x_text, text=format_metric(trial.best_so_far))


def _expected_figure(
    workload: PageWorkload, drawn: Sequence[ContestantResult], styles: Styles
) -> Figure:
    lines = []
    for result in drawn:
        points = [
            Point(n, value, x_text=f"best of {n}", text=format_metric(value))
            for n, value in enumerate(result.tuning.expected_best or [], start=1)
            if math.isfinite(value)
        ]
        lines.append(Line(result.name, thin_out(points, MOST_POINTS), styles.get(result.label)))
    chart = _chart(workload, "trials", "trials drawn at random", lines)
    return Figure(
        key=f"expected-{workload.key}",
        title="Expected best of n trials",
        caption="What the best of n trials would be on average, if n were drawn from those that "
        "were made at random, without replacement: so that methods with different numbers of "
        "trials can be compared at the same number.",
        charts=[] if chart is None else [chart],
        columns=("contestant", "trials", workload.metric),
        rows=[(line.name, p.x_text, p.text) for line in lines for p in line.points],
    )


def _chart(workload: PageWorkload, label: str, unit: str, lines: Sequence[Line]) -> Chart | None:
    """None if there are too few points for a line."""
    points = [point for line in lines for point in line.points]
    if len({point.x for point in points}) < LEAST_TRIALS:
        return None
    x = make_scale([point.x for point in points], margin=0.02)
    return Chart(
        label=label,
        x=make_axis(unit, x, integers=label == "trials"),
        y=make_axis(workload.metric_label, make_value_scale(points)),
        lines=lines,
    )
