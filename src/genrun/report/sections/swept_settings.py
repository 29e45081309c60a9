"""The swept settings against the metric: one figure for each that has numbers."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

from genrun.core.formatting import format_estimate, format_interval, format_tick
from genrun.core.plotting import Scale, Tick, drop_overlapping, is_logarithmic, make_scale
from genrun.report.charts.chart import Chart, ChartAxis, Figure, Line, Point
from genrun.report.charts.resample import make_value_scale
from genrun.report.contestants import PageConfiguration, PageWorkload
from genrun.results.differences import differing_settings
from genrun.runs import layout

MOST_FIGURES = 4
FEW = 7  # swept values, up to which the axis names these
TICKS = 6


def build_swept_figures(workload: PageWorkload) -> list[Figure]:
    """One figure for each setting that differs and is a number, at most four."""
    keys = differing_settings(workload.grouped.records)
    numeric = {key: found for key in keys if (found := _numbers(key, workload.configurations))}
    figures: list[Figure] = []
    for key in list(numeric)[:MOST_FIGURES]:
        figures.append(_figure(workload, key, numeric[key], len(figures), len(numeric) > 1))
    return figures


def _numbers(
    key: str, configurations: Sequence[PageConfiguration]
) -> list[tuple[PageConfiguration, float]] | None:
    """Configurations with their values; None unless these are numbers and at least two differ."""
    found = []
    for configuration in (one for one in configurations if one.runs[0].stage != layout.FINAL):
        text = configuration.runs[0].settings.get(key)
        if text is None:
            continue
        try:
            value = float(text)
        except ValueError:
            return None
        if not math.isfinite(value):
            return None
        found.append((configuration, value))
    return found if len({value for _, value in found}) > 1 else None


def _figure(
    workload: PageWorkload,
    key: str,
    found: Sequence[tuple[PageConfiguration, float]],
    index: int,
    several: bool,
) -> Figure:
    values = [value for _, value in found]
    x = make_scale(values, is_logarithmic(values), margin=0.05)
    lines = _lines(workload, key, found, several)
    y = make_value_scale([point for line in lines for point in line.points])
    short = key if key.count(".") < 2 else key.split(".", 1)[1]
    chart = Chart(
        label=key,
        x=ChartAxis(short, x, _ticks(x, values)),
        y=ChartAxis(workload.metric_label, y, y.ticks(TICKS)),
        lines=lines,
        nearest=True,
    )
    return Figure(
        key=f"swept-{workload.key}-{index}",
        title=f"{key} against {workload.metric}",
        caption=_caption(found, several),
        charts=[chart],
        columns=("configuration", key, workload.metric),
        rows=[
            (configuration.name, format_tick(value), _text(configuration))
            for configuration, value in sorted(found, key=lambda one: one[1])[:200]
        ],
    )


def _caption(found: Sequence[tuple[PageConfiguration, float]], several: bool) -> str:
    text = "Each configuration's mean of its runs' best values, with its 95 % interval; lower is "
    text += "better. A failed run counts as the worst value."
    if several:
        text += " Other settings differ too, so points are not joined."
    if any(configuration.all_pruned or configuration.all_failed for configuration, _ in found):
        text += " A cross at the top edge is one that was pruned, or whose runs all failed."
    return text


def _lines(
    workload: PageWorkload,
    key: str,
    found: Sequence[tuple[PageConfiguration, float]],
    several: bool,
) -> list[Line]:
    """One for each contestant, or one for all if the setting distinguishes contestants."""
    own = any(key in configuration.settings for configuration, _ in found)
    groups: dict[str, list[tuple[PageConfiguration, float]]] = defaultdict(list)
    for configuration, value in found:
        groups[configuration.contestant if own else "all"].append((configuration, value))
    names = {one.label: one.name for one in workload.verdict.standings}
    lines = []
    for label, configurations in groups.items():
        configurations.sort(key=lambda one: one[1])
        joined = len({value for _, value in configurations}) == len(configurations) and not several
        style = configurations[0][0].style if own else 0
        points = [_point(configuration, value, key) for configuration, value in configurations]
        name = names.get(label, label) if own else workload.metric
        if joined:
            finite = [point for point in points if math.isfinite(point.y)]
            lines.append(Line(name, finite, style, "line"))
            points = [point for point in points if not math.isfinite(point.y)]
        elif style is not None:
            lines.append(Line(name, points, style, "bars"))
            continue
        if points:
            lines.append(Line(name, points, style, "dots"))
    return lines


def _point(configuration: PageConfiguration, value: float, key: str) -> Point:
    mean = configuration.mean
    text = f"{configuration.name}: {_text(configuration)}"
    where = f"{key} {format_tick(value)}"
    if (
        mean is None
        or configuration.all_pruned
        or configuration.all_failed
        or not math.isfinite(mean.value)
    ):
        return Point(value, math.inf, None, None, where, text)
    return Point(value, mean.value, mean.low, mean.high, where, text)


def _text(configuration: PageConfiguration) -> str:
    mean = configuration.mean
    if configuration.all_failed:
        return f"failed in all its runs ({len(configuration.runs)})"
    if mean is None or configuration.all_pruned:
        return "pruned" if configuration.all_pruned else "no value"
    text = format_estimate(mean.value, mean.low, mean.high)
    if mean.low is not None:
        text += f" ({format_interval(mean.low, mean.high)})"
    seeds = len({run.seed for run in configuration.runs if not run.left})
    failed = sum(run.failed for run in configuration.runs)
    text += f", {seeds} seed{'s' if seeds > 1 else ''}"
    return text + (f", {failed} failed" if failed else "")


def _ticks(scale: Scale, values: Sequence[float]) -> list[Tick]:
    """The swept values themselves if they are few, those whose texts fit."""
    different = sorted(set(values))
    if len(different) > FEW:
        return scale.ticks(TICKS)
    return drop_overlapping(scale.name(different))
