"""The swept settings against the metric: one figure for each that is a number."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

from genrun.core.formatting import format_tick, pluralize
from genrun.core.plotting import Scale, Tick, drop_overlapping, is_logarithmic, make_scale
from genrun.report.charts.chart import TICKS, Chart, ChartAxis, Figure, Line, Point, make_axis
from genrun.report.charts.resample import make_value_scale
from genrun.report.contestants import PageConfiguration, PageWorkload, format_mean
from genrun.results.differences import differing_settings
from genrun.runs import layout

MOST_FIGURES = 4
MOST_NAMED = 7  # swept values that are all named on the axis
MOST_ROWS = 200

SweptValue = tuple[PageConfiguration, float]


def build_swept_figures(workload: PageWorkload) -> list[Figure]:
    """One figure for each setting that differs and is a number, at most four."""
    keys = differing_settings(workload.grouped.records)
    numeric = {key: v for key in keys if (v := _swept_values(key, workload.configurations))}
    return [
        _figure(workload, key, values, index, len(numeric) > 1)
        for index, (key, values) in enumerate(list(numeric.items())[:MOST_FIGURES])
    ]


def _swept_values(
    key: str, configurations: Sequence[PageConfiguration]
) -> list[SweptValue] | None:
    """Configurations with their values; None unless these are numbers and at least two differ."""
    swept = []
    for one in configurations:
        text = one.runs[0].settings.get(key)
        if one.runs[0].stage == layout.FINAL or text is None:
            continue
        try:
            value = float(text)
        except ValueError:
            return None
        if not math.isfinite(value):
            return None
        swept.append((one, value))
    return swept if len({value for _, value in swept}) > 1 else None


def _figure(
    workload: PageWorkload, key: str, swept: Sequence[SweptValue], index: int, several: bool
) -> Figure:
    """`several`: other settings are swept too, so that points of one line differ in these."""
    values = [value for _, value in swept]
    x = make_scale(values, is_logarithmic(values), margin=0.05)
    lines = _lines(workload, key, swept, several)
    y = make_value_scale([point for line in lines for point in line.points])
    chart = Chart(
        label=key,
        x=ChartAxis(key if key.count(".") < 2 else key.split(".", 1)[1], x, _ticks(x, values)),
        y=make_axis(workload.metric_label, y),
        lines=lines,
        nearest=True,
    )
    return Figure(
        key=f"swept-{workload.key}-{index}",
        title=f"{key} against {workload.metric}",
        caption=_caption(swept, several),
        charts=[chart],
        columns=("configuration", key, workload.metric),
        rows=[
            (one.name, format_tick(value), _text(one))
            for one, value in sorted(swept, key=lambda pair: pair[1])[:MOST_ROWS]
        ],
    )


def _caption(swept: Sequence[SweptValue], several: bool) -> str:
    text = "Each configuration's mean of its runs' best values, with its 95 % interval; lower is "
    text += "better. A failed run counts as the worst value."
    if several:
        text += " Other settings differ too, so points are not joined."
    if any(one.all_pruned or one.all_failed for one, _ in swept):
        text += " A cross at the top edge is one that was pruned, or whose runs all failed."
    return text


def _lines(
    workload: PageWorkload, key: str, swept: Sequence[SweptValue], several: bool
) -> list[Line]:
    """One for each contestant, or one for all if the setting distinguishes contestants."""
    by_contestant = any(key in one.settings for one, _ in swept)
    groups: dict[str, list[SweptValue]] = defaultdict(list)
    for one, value in swept:
        groups[one.contestant if by_contestant else "all"].append((one, value))
    lines = []
    for label, group in groups.items():
        group.sort(key=lambda pair: pair[1])
        style = group[0][0].style if by_contestant else 0
        name = workload.contestant_names.get(label, label) if by_contestant else workload.metric
        points = [_point(one, value, key) for one, value in group]
        finite = [point for point in points if math.isfinite(point.y)]
        failed = [point for point in points if not math.isfinite(point.y)]
        if len({value for _, value in group}) == len(group) and not several:
            lines.append(Line(name, finite, style, "line"))
            lines += [Line(name, failed, style, "dots")] if failed else []
        else:
            lines.append(Line(name, points, style, "dots" if style is None else "bars"))
    return lines


def _point(configuration: PageConfiguration, value: float, key: str) -> Point:
    """At infinity if the configuration has no mean of its own."""
    mean = configuration.mean
    text = f"{configuration.name}: {_text(configuration)}"
    x_text = f"{key} {format_tick(value)}"
    without_mean = mean is None or configuration.all_pruned or configuration.all_failed
    if mean is None or without_mean or not math.isfinite(mean.value):
        return Point(value, math.inf, None, None, x_text, text)
    return Point(value, mean.value, mean.low, mean.high, x_text, text)


def _text(configuration: PageConfiguration) -> str:
    if configuration.all_failed:
        return f"failed in all its runs ({len(configuration.runs)})"
    if configuration.all_pruned:
        return "pruned"
    if configuration.mean is None:
        return "no value"
    seeds = len({run.seed for run in configuration.runs if not run.left})
    failed = sum(run.failed for run in configuration.runs)
    text = f"{format_mean(configuration.mean)}, {pluralize(seeds, 'seed')}"
    return text + (f", {failed} failed" if failed else "")


def _ticks(scale: Scale, values: Sequence[float]) -> list[Tick]:
    """The swept values themselves if they are few, those whose texts fit."""
    different = sorted(set(values))
    if len(different) > MOST_NAMED:
        return scale.ticks(TICKS)
    return drop_overlapping(scale.name(different))
