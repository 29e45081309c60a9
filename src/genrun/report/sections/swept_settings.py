"""The swept settings against the metric: one figure for each that has numbers."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

from genrun.core.formatting import format_estimate, format_interval, format_tick
from genrun.core.plotting import Scale, Tick, drop_overlapping, is_logarithmic, make_scale
from genrun.report.charts.chart import Axis, Chart, Figure, Line, Point
from genrun.report.charts.resample import value_scale
from genrun.report.contestants import PageConfiguration, PageWorkload
from genrun.results.differences import differing_settings
from genrun.runs import layout

MOST_FIGURES = 4
FEW = 7  # swept values that are all named on the axis
TICKS = 6


def swept_of(scene: PageWorkload) -> list[Figure]:
    """By setting; empty where nothing that differs is a number."""
    keys = differing_settings(scene.workload.records)
    numeric = {key: found for key in keys if (found := _numbers(key, scene.members))}
    figures: list[Figure] = []
    for key in list(numeric)[:MOST_FIGURES]:
        figures.append(_figure(scene, key, numeric[key], len(figures), len(numeric) > 1))
    return figures


def _numbers(
    key: str, members: Sequence[PageConfiguration]
) -> list[tuple[PageConfiguration, float]] | None:
    """The members that have the setting, all of them numbers, at least two different ones."""
    found = []
    for member in (one for one in members if one.configuration.runs[0].stage != layout.FINAL):
        text = member.configuration.runs[0].settings.get(key)
        if text is None:
            continue
        try:
            value = float(text)
        except ValueError:
            return None
        if not math.isfinite(value):
            return None
        found.append((member, value))
    return found if len({value for _, value in found}) > 1 else None


def _figure(
    scene: PageWorkload,
    key: str,
    found: Sequence[tuple[PageConfiguration, float]],
    index: int,
    several: bool,
) -> Figure:
    values = [value for _, value in found]
    x = make_scale(values, is_logarithmic(values), margin=0.05)
    lines = _lines(scene, key, found, several)
    y = value_scale([point for line in lines for point in line.points])
    short = key if key.count(".") < 2 else key.split(".", 1)[1]
    chart = Chart(
        label=key,
        x=Axis(short, x, _ticks(x, values)),
        y=Axis(scene.metric_label, y, y.ticks(TICKS)),
        lines=lines,
        nearest=True,
    )
    return Figure(
        key=f"swept-{scene.key}-{index}",
        title=f"{key} against {scene.metric}",
        caption=_caption(found, several),
        charts=[chart],
        columns=("configuration", key, scene.metric),
        rows=[
            (member.name, format_tick(value), _text(member))
            for member, value in sorted(found, key=lambda one: one[1])[:200]
        ],
    )


def _caption(found: Sequence[tuple[PageConfiguration, float]], several: bool) -> str:
    text = "Each configuration's mean of its runs' best values, with its 95 % interval; lower is "
    text += "better. A failed run counts as the worst value."
    if several:
        text += " Other settings differ too, so points are not joined."
    if any(member.tried or member.hopeless for member, _ in found):
        text += " A cross at the top edge is one that was given up, or whose runs all failed."
    return text


def _lines(
    scene: PageWorkload, key: str, found: Sequence[tuple[PageConfiguration, float]], several: bool
) -> list[Line]:
    """One for each contestant, or where the setting tells contestants apart one for all."""
    own = any(key in member.configuration.settings for member, _ in found)
    groups: dict[str, list[tuple[PageConfiguration, float]]] = defaultdict(list)
    for member, value in found:
        groups[member.contestant if own else "all"].append((member, value))
    names = {one.label: one.name for one in scene.verdict.standings}
    lines = []
    for label, members in groups.items():
        members.sort(key=lambda one: one[1])
        joined = len({value for _, value in members}) == len(members) and not several
        style = members[0][0].style if own else 0
        points = [_point(member, value, key) for member, value in members]
        name = names.get(label, label) if own else scene.metric
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


def _point(member: PageConfiguration, value: float, key: str) -> Point:
    mean = member.mean
    text = f"{member.name}: {_text(member)}"
    where = f"{key} {format_tick(value)}"
    if mean is None or member.tried or member.hopeless or not math.isfinite(mean.value):
        return Point(value, math.inf, None, None, where, text)
    return Point(value, mean.value, mean.low, mean.high, where, text)


def _text(member: PageConfiguration) -> str:
    mean = member.mean
    if member.hopeless:
        return f"failed in all its runs ({len(member.configuration.runs)})"
    if mean is None or member.tried:
        return "given up by its search" if member.tried else "no value"
    text = format_estimate(mean.value, mean.low, mean.high)
    if mean.low is not None:
        text += f" ({format_interval(mean.low, mean.high)})"
    seeds = len({run.seed for run in member.configuration.runs if not run.left})
    failed = sum(run.failed for run in member.configuration.runs)
    text += f", {seeds} seed{'s' if seeds > 1 else ''}"
    return text + (f", {failed} failed" if failed else "")


def _ticks(scale: Scale, values: Sequence[float]) -> list[Tick]:
    """The swept values themselves where they are few, those that have room."""
    different = sorted(set(values))
    if len(different) > FEW:
        return scale.ticks(TICKS)
    return drop_overlapping(scale.name(different))
