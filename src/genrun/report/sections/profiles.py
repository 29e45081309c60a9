"""Performance profiles and run-score profiles over several workloads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from genrun.comparison.verdict import Aggregate, Overall, Verdict
from genrun.core.formatting import MISSING, format_metric, format_tick
from genrun.core.plotting import make_scale
from genrun.report.charts.chart import Chart, Figure, Line, Point, make_axis
from genrun.report.charts.resample import MOST_POINTS, thin_out
from genrun.report.contestants import assign_styles

Styles = Mapping[str, int]


def build_profile_figures(verdict: Verdict) -> list[Figure]:
    """None for a single workload."""
    found = verdict.aggregate
    if found is None:
        return []
    figures, styles = [], assign_styles(verdict)
    if found.ratios and any(one.reached for one in found.standings):
        figures.append(_performance(found, styles))
    if len(found.marks) > 1:
        figures.append(_scores(found, styles))
    return figures


def _performance(found: Aggregate, styles: Styles) -> Figure:
    scores = ", ".join(
        f"{one.name} {one.score:.3f}" for one in found.standings if one.score is not None
    )
    return Figure(
        key="profile-times",
        title="Performance profiles",
        caption="The fraction of workloads whose target a contestant reached within so many times "
        f"what the fastest took. AlgoPerf score (the area up to 4, divided by 3): {scores}.",
        charts=[_chart("time to target / best time", found, styles, found.ratios, _reached)],
        columns=("contestant", "AlgoPerf score"),
        rows=[
            (one.name, MISSING if one.score is None else f"{one.score:.4f}")
            for one in found.standings
        ],
    )


def _scores(found: Aggregate, styles: Styles) -> Figure:
    return Figure(
        key="profile-scores",
        title="Profiles of values",
        caption="The fraction of all runs whose normalized value is at or under a mark: a line "
        f"further up and left is better. Normalization: {found.normalization}.",
        charts=[_chart("normalized value", found, styles, found.marks, _within)],
        columns=("contestant", "mean", "interquartile mean"),
        rows=[
            (
                one.name,
                format_metric(one.mean.value),
                format_metric(one.interquartile_mean.value),
            )
            for one in found.standings
        ],
    )


def _reached(one: Overall) -> Sequence[float]:
    return one.reached or []


def _within(one: Overall) -> Sequence[float]:
    return one.within


def _chart(
    label: str,
    found: Aggregate,
    styles: Styles,
    marks: Sequence[float],
    fractions: Callable[[Overall], Sequence[float]],
) -> Chart:
    lines = []
    for one in found.standings:
        pairs = list(zip(marks, fractions(one), strict=False))
        points = [
            Point(x, y, x_text=format_tick(x), text=f"{100 * y:.0f} %")
            for x, y in thin_out(pairs, MOST_POINTS)
        ]
        lines.append(Line(one.name, points, styles.get(one.label), "steps"))
    x, y = make_scale(marks, margin=0.02), make_scale([0.0, 1.0], margin=0.03)
    return Chart(label, make_axis(label, x), make_axis("fraction", y), lines)
