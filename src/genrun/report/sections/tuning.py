"""Tuning of each contestant: the best so far, and the expected best of n trials."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from genrun.comparison.verdict import ContestantResult, TunedTrial
from genrun.core.formatting import AXIS_UNITS, format_amount, format_metric
from genrun.core.plotting import make_scale
from genrun.report.charts.chart import Chart, ChartAxis, Figure, Line, Point
from genrun.report.charts.resample import make_value_scale, thin_out
from genrun.report.contestants import PageWorkload
from genrun.results.curve import Axis

LEAST_TRIALS = 2
MOST_POINTS = 60
TICKS = 6
ORDER: tuple[Axis, ...] = ("flops", "seconds", "examples", "steps")


def build_tuning_figures(workload: PageWorkload) -> list[Figure]:
    """None unless a contestant was tried with at least two configurations."""
    styles = {one.contestant: one.style for one in workload.configurations}
    tuned = [one for one in workload.verdict.standings if len(one.tuning.trials) >= LEAST_TRIALS]
    figures = []
    charts = [_best_chart(workload, tuned, styles, None)] if tuned else []
    charts += [_best_chart(workload, tuned, styles, axis) for axis in ORDER if tuned]
    known = [chart for chart in charts if chart is not None]
    if known:
        figures.append(_best_figure(workload, tuned, known))
    drawn = [one for one in tuned if one.tuning.expected_best]
    if drawn:
        figures.append(_expected_figure(workload, drawn, styles))
    return figures


def _best_figure(
    workload: PageWorkload, tuned: Sequence[ContestantResult], charts: Sequence[Chart]
) -> Figure:
    how = "; ".join(
        f"{one.name}: {len(one.tuning.trials)} trials, {one.tuning.sampling}" for one in tuned
    )
    return Figure(
        key=f"tuning-{workload.key}",
        title="Best so far while tuning",
        caption=f"The best mean of any configuration tried up to then, in the order in which "
        f"trials began. {how}.",
        charts=charts,
        columns=("contestant", "trial", "configuration", workload.metric, "best so far"),
        rows=[
            (
                one.name,
                str(number),
                trial.label,
                format_metric(trial.value),
                format_metric(trial.best_so_far),
            )
            for one in tuned
            for number, trial in enumerate(one.tuning.trials[:200], start=1)
        ],
    )


def _best_chart(
    workload: PageWorkload,
    tuned: Sequence[ContestantResult],
    styles: Mapping[str, int | None],
    axis: Axis | None,
) -> Chart | None:
    """Against the number of trials, or against what they had used together."""

    def place(number: int, trial: TunedTrial) -> float:
        return float(number) if axis is None else trial.spent.get(axis, math.nan)

    def where(x: float) -> str:
        return f"{x:.0f} trials" if axis is None else format_amount(axis, x)

    lines = []
    for one in tuned:
        numbered = list(enumerate(one.tuning.trials, start=1))
        points = [
            Point(
                x,
                trial.best_so_far,
                x_text=where(x),
                text=format_metric(trial.best_so_far),
            )
            for number, trial in numbered
            if math.isfinite(x := place(number, trial)) and math.isfinite(trial.best_so_far)
        ]
        lines.append(Line(one.name, thin_out(points, MOST_POINTS), styles.get(one.label), "steps"))
    label = "trials" if axis is None else "FLOPs" if axis == "flops" else axis
    unit = "trials" if axis is None else f"{AXIS_UNITS[axis]}, all trials so far"
    return _chart(workload, label, unit, lines)


def _expected_figure(
    workload: PageWorkload, drawn: Sequence[ContestantResult], styles: Mapping[str, int | None]
) -> Figure:
    lines = [
        Line(
            one.name,
            [
                Point(n, value, x_text=f"best of {n}", text=format_metric(value))
                for n, value in thin_out(_finite(one.tuning.expected_best or []), MOST_POINTS)
            ],
            styles.get(one.label),
        )
        for one in drawn
    ]
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


def _finite(values: Sequence[float]) -> list[tuple[int, float]]:
    return [(n, value) for n, value in enumerate(values, start=1) if math.isfinite(value)]


def _chart(workload: PageWorkload, label: str, unit: str, lines: Sequence[Line]) -> Chart | None:
    points = [point for line in lines for point in line.points]
    if len({point.x for point in points}) < LEAST_TRIALS:
        return None
    x = make_scale([point.x for point in points], margin=0.02)
    y = make_value_scale(points)
    return Chart(
        label=label,
        x=ChartAxis(unit, x, x.ticks(TICKS, integers=label == "trials")),
        y=ChartAxis(workload.metric_label, y, y.ticks(TICKS)),
        lines=lines,
    )
